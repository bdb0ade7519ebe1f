/**
 * The exception map of one snapshot: old chunk → new chunk, one atomic load to look up.
 *
 * Flat arrays of one 32-bit word per origin chunk, in segments of 2^28 chunks. Memory is reserved, not touched: a page of
 * the map (1,024 chunks) exists only once an exception falls on it, so it costs 4 bytes per chunk touched, rounded up
 * to pages.
 *
 * A word is the new chunk plus one, zero when there is no exception. `publish` is the last step of a commit (P1): who sees
 * the word also sees the chunk's data in the store, and its entry is durable.
 */
import { assert, present } from '../base/assert.js'

const segmentChunks = 2 ** 28
const pageWords = 1024

/** Limit: a word holds chunk numbers below 2^32 - 1; 16 TiB of COW at 4 KiB chunks. */
export const newChunkMax = 2 ** 32 - 2

export function createExceptionMapMemory(chunkCount: number): SharedArrayBuffer[] {
  const segments: SharedArrayBuffer[] = []
  for (let first = 0; first < chunkCount; first += segmentChunks) {
    segments.push(new SharedArrayBuffer(Math.min(segmentChunks, chunkCount - first) * 4))
  }
  return segments
}

/** The memory of a map with at least so many chunks: the same where it has them, else a copy. Nobody writes to it meanwhile. */
export function extendedMapMemory(memory: SharedArrayBuffer[], chunkCount: number): SharedArrayBuffer[] {
  const chunksNow = memory.reduce((words, { byteLength }) => words + byteLength / 4, 0)
  if (chunksNow >= chunkCount) return memory
  const extended = createExceptionMapMemory(chunkCount)
  for (const [index, segment] of memory.entries()) {
    const target = extended[index]
    if (target?.byteLength === segment.byteLength) extended[index] = segment
    else if (target !== undefined) copyTouched(new Uint32Array(segment), new Uint32Array(target))
  }
  return extended
}

/** Page by page: a page without exceptions stays one that does not exist. */
function copyTouched(from: Uint32Array, to: Uint32Array): void {
  for (let first = 0; first < from.length; first += pageWords) {
    const page = from.subarray(first, first + pageWords)
    if (page.some((word) => word !== 0)) to.set(page, first)
  }
}

/** The largest new chunk in a map; `undefined` when it is empty. Looks at every chunk: for when a store changes hands. */
export function highestNewChunk(memory: readonly SharedArrayBuffer[]): number | undefined {
  let highest = 0
  for (const segment of memory) {
    const words = new Uint32Array(segment)
    for (let chunk = 0; chunk < words.length; chunk++) highest = Math.max(highest, words[chunk] as number)
  }
  return highest === 0 ? undefined : highest - 1
}

export class ExceptionMap {
  readonly #segments: Uint32Array[]
  /** Most maps have one segment; looking it up must not cost an array access more. */
  readonly #first: Uint32Array

  constructor(memory: readonly SharedArrayBuffer[]) {
    this.#segments = memory.map((segment) => new Uint32Array(segment))
    this.#first = present(this.#segments[0], 'a map has at least one segment')
  }

  /** The new chunk of `chunk`, or -1 when it has no exception; past the map there is none: an origin may go on after its snapshot. */
  lookUp(chunk: number): number {
    if (chunk < this.#first.length) return Atomics.load(this.#first, chunk) - 1
    return this.covers(chunk) ? Atomics.load(this.#segmentOf(chunk), chunk % segmentChunks) - 1 : -1
  }

  /** True if a chunk of this number can have an exception here. */
  covers(chunk: number): boolean {
    return chunk % segmentChunks < (this.#segments[Math.floor(chunk / segmentChunks)]?.length ?? 0)
  }

  publish(chunk: number, newChunk: number): void {
    assert(newChunk >= 0 && newChunk <= newChunkMax, `new chunk ${newChunk}`)
    Atomics.store(this.#segmentOf(chunk), chunk % segmentChunks, newChunk + 1)
  }

  /** Takes an exception back: the chunk has been merged into the origin, and its entry is cleared. */
  retract(chunk: number): void {
    Atomics.store(this.#segmentOf(chunk), chunk % segmentChunks, 0)
  }

  #segmentOf(chunk: number): Uint32Array {
    return present(this.#segments[Math.floor(chunk / segmentChunks)], `chunk ${chunk} is past the map`)
  }
}
