/**
 * Cuts the origin where one or two snapshots of it may differ: into segments in which each side's data lies in one piece, in its
 * store or in the origin. Chunk sizes may differ; no side's exceptions are looked at twice.
 */
import type { SortedExceptions } from './sorted-exceptions.js'

export interface Segment {
  /** In bytes of the origin. */
  readonly offset: number
  readonly length: number
  /** Where each side's data begins in its store; `undefined` where it shows the origin. Not both. */
  readonly one: number | undefined
  readonly other: number | undefined
}

/** Limit: what is compared at once. */
const segmentBytesMax = 2 ** 20

/** Ascending. Without `other` the other side is the origin. What lies past `endBytes` is cut off. */
export function* deltaSegments(
  one: SortedExceptions,
  other: SortedExceptions | undefined,
  endBytes: number,
): Generator<Segment, void, undefined> {
  const left = new Cursor(one)
  const right = other === undefined ? undefined : new Cursor(other)
  let at = 0
  for (;;) {
    at = Math.max(at, Math.min(left.start(), right?.start() ?? Number.POSITIVE_INFINITY))
    if (!(at < endBytes)) return
    const end = Math.min(left.boundAfter(at), right?.boundAfter(at) ?? Number.POSITIVE_INFINITY, endBytes)
    const length = Math.min(end - at, segmentBytesMax)
    yield { offset: at, length, one: left.dataAt(at), other: right?.dataAt(at) }
    at += length
    left.passTo(at)
    right?.passTo(at)
  }
}

/** One side: the run of exceptions in hand, neighbours on the origin and in the store, and those after it. */
class Cursor {
  readonly #exceptions: SortedExceptions
  #first = 0
  #end = 0

  constructor(exceptions: SortedExceptions) {
    this.#exceptions = exceptions
    this.#takeRun()
  }

  /** Where the run begins; Infinity when there is none any more. */
  start(): number {
    const { chunkBytes, oldChunks } = this.#exceptions
    return (oldChunks[this.#first] ?? Number.POSITIVE_INFINITY) * chunkBytes
  }

  /** The first place after `at` where this side's data does not go on. */
  boundAfter(at: number): number {
    return at < this.start() ? this.start() : this.#runEnd()
  }

  dataAt(at: number): number | undefined {
    const { chunkBytes, newChunks } = this.#exceptions
    if (at < this.start()) return undefined
    return (newChunks[this.#first] as number) * chunkBytes + at - this.start()
  }

  passTo(at: number): void {
    if (this.#runEnd() > at) return
    this.#first = this.#end
    this.#takeRun()
  }

  #runEnd(): number {
    return this.start() + (this.#end - this.#first) * this.#exceptions.chunkBytes
  }

  #takeRun(): void {
    const { newChunks, oldChunks } = this.#exceptions
    this.#end = this.#first + 1
    while (
      this.#end < oldChunks.length &&
      oldChunks[this.#end] === (oldChunks[this.#end - 1] as number) + 1 &&
      newChunks[this.#end] === (newChunks[this.#end - 1] as number) + 1
    ) {
      this.#end++
    }
  }
}
