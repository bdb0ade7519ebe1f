/**
 * Writes a new store from the trusted entries of another one: the same exceptions in the same order, packed without gaps.
 *
 * Guarantees: the header is written last, after a barrier behind everything else, so a crash leaves a COW that is blank to
 * every reader. A chunk that cannot be read is left out and named, and nothing else is.
 * Requires: a target that is zero from its start to the end of the area after the list (`extentChunks`); so no area needs to
 * be zeroed (W2), and an entry that is written before the data it points at (W1) cannot be reached.
 * Memory: a block of 1 MiB, and 8 bytes for each entry of one area.
 */
import { CowringError } from '../base/errors.js'
import { sectorsToBytes } from '../base/units.js'
import { encodeEntry, entryBytes } from '../format/exception.js'
import { areaChunk, dataChunk, type Geometry } from '../format/geometry.js'
import { diskVersion, encodeHeader } from '../format/header.js'
import type { DroppedEntry } from './entry-conflicts.js'
import { type RepairPlan, requireSame } from './repair-plan.js'
import type { StoreBytes, WritableBytes } from './store-bytes.js'
import { StoreList, type UnreadableEntries } from './store-list.js'

/** Chunks of a COW that holds so many exceptions, and the area in which their list ends. */
export const extentChunks = (g: Geometry, exceptions: number): number =>
  1 +
  Math.max(areaChunk(g, Math.floor(exceptions / g.entriesPerArea)), exceptions === 0 ? 0 : dataChunk(g, exceptions - 1))

/** Answers how many entries the new store has, and which were left out beside the plan's. Fails with IO_ERROR. */
export async function copyStore(
  from: StoreBytes,
  to: WritableBytes,
  plan: RepairPlan,
  signal?: AbortSignal,
): Promise<{ kept: number; dropped: DroppedEntry[] }> {
  const { geometry } = plan.limits
  const left = new Set(plan.dropped.map(({ entry }) => entry))
  const unreadable: UnreadableEntries[] = []
  const list = new StoreList(from, geometry, unreadable)
  const copy = new StoreCopy(from, to, geometry, plan.entries - left.size)
  while (await list.next()) {
    for (let index = 0; index < list.count; index++) {
      const entry = list.first + index
      signal?.throwIfAborted()
      if (!left.has(entry)) await copy.take({ entry, oldChunk: list.oldChunk(index), newChunk: list.newChunk(index) })
    }
  }
  requireSame(from, plan.unreadable, unreadable)
  await copy.finish()
  const [failure] = copy.dropped
  if (copy.kept === 0 && failure !== undefined) {
    throw new CowringError('IO_ERROR', `no data of ${from.name} can be read: ${failure.reason}`, { path: from.name })
  }
  await to.barrier()
  // The last moment at which nobody takes it for a store.
  signal?.throwIfAborted()
  const header = Buffer.alloc(sectorsToBytes(to.blockSectors))
  encodeHeader({ valid: true, version: diskVersion, chunkSectors: geometry.chunkSectors }, header, 0)
  await to.write(header, 0)
  await to.barrier()
  return { kept: copy.kept, dropped: copy.dropped }
}

interface Taken {
  readonly entry: number
  readonly oldChunk: number
  readonly newChunk: number
}

const blockBytes = 2 ** 20

class StoreCopy {
  readonly dropped: DroppedEntry[] = []
  readonly #from: StoreBytes
  readonly #to: WritableBytes
  readonly #geometry: Geometry
  readonly #block: Buffer
  readonly #chunksPerBlock: number
  /** Taken, and not yet copied: together no more than a block and no more than their area has room for. */
  #waiting: Taken[] = []
  /** The old chunks of the area in hand. */
  #olds: number[] = []
  #area = 0

  constructor(from: StoreBytes, to: WritableBytes, geometry: Geometry, entries: number) {
    this.#from = from
    this.#to = to
    this.#geometry = geometry
    this.#block = Buffer.alloc(Math.min(blockBytes, entries * geometry.chunkBytes))
    this.#chunksPerBlock = Math.max(1, blockBytes / geometry.chunkBytes)
  }

  /** Entries that are in the new store. */
  get kept(): number {
    return this.#area * this.#geometry.entriesPerArea + this.#olds.length
  }

  async take(taken: Taken): Promise<void> {
    this.#waiting.push(taken)
    const room = this.#geometry.entriesPerArea - this.#olds.length
    if (this.#waiting.length >= Math.min(this.#chunksPerBlock, room)) await this.#copyWaiting()
  }

  async finish(): Promise<void> {
    if (this.#waiting.length > 0) await this.#copyWaiting()
    if (this.#olds.length > 0) await this.#writeArea()
  }

  async #copyWaiting(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    const { chunkBytes, entriesPerArea } = this.#geometry
    const target = dataChunk(this.#geometry, this.kept) * chunkBytes
    let copied = 0
    if (chunkBytes > blockBytes) {
      for (const taken of waiting) if (await this.#copyLarge(taken, target)) copied++
    } else {
      copied = await this.#readChunks(waiting)
      await this.#to.write(this.#block.subarray(0, copied * chunkBytes), target)
    }
    if (copied > 0 && this.#olds.length === entriesPerArea) {
      await this.#writeArea()
      this.#area++
      this.#olds = []
    }
  }

  /** Fills the block with the chunks that can be read, one behind the other; neighbours in one read. */
  async #readChunks(waiting: readonly Taken[]): Promise<number> {
    const { chunkBytes } = this.#geometry
    let copied = 0
    for (let first = 0; first < waiting.length; ) {
      const newChunk = waiting[first]?.newChunk ?? 0
      let end = first + 1
      while (end < waiting.length && waiting[end]?.newChunk === newChunk + end - first) end++
      const run = waiting.slice(first, end)
      first = end
      if ((await this.#read(newChunk * chunkBytes, copied * chunkBytes, run.length * chunkBytes)) === undefined) {
        for (const { oldChunk } of run) this.#olds.push(oldChunk)
        copied += run.length
        continue
      }
      for (const taken of run) {
        const failure = await this.#read(taken.newChunk * chunkBytes, copied * chunkBytes, chunkBytes)
        if (failure !== undefined) {
          this.#drop(taken, failure)
          continue
        }
        this.#olds.push(taken.oldChunk)
        copied++
      }
    }
    return copied
  }

  /** A chunk that is larger than the block. What has been written of one that cannot be read belongs to no entry. */
  async #copyLarge(taken: Taken, target: number): Promise<boolean> {
    const { chunkBytes } = this.#geometry
    for (let done = 0; done < chunkBytes; done += blockBytes) {
      const failure = await this.#read(taken.newChunk * chunkBytes + done, 0, blockBytes)
      if (failure !== undefined) {
        this.#drop(taken, failure)
        return false
      }
      await this.#to.write(this.#block, target + done)
    }
    this.#olds.push(taken.oldChunk)
    return true
  }

  /** Answers the failure, if the bytes cannot be read. */
  async #read(byteOffset: number, at: number, byteLength: number): Promise<string | undefined> {
    try {
      await this.#from.read(this.#block.subarray(at, at + byteLength), byteOffset)
      return undefined
    } catch (error) {
      if (error instanceof CowringError) return error.message
      throw error
    }
  }

  #drop(taken: Taken, failure: string): void {
    const reason = `entry ${taken.entry} points at chunk ${taken.newChunk}, whose data cannot be read: ${failure}`
    this.dropped.push({ ...taken, reason, isLost: true })
  }

  async #writeArea(): Promise<void> {
    const { chunkBytes, entriesPerArea } = this.#geometry
    const start = areaChunk(this.#geometry, this.#area) * chunkBytes
    const perBlock = Math.min(entriesPerArea, blockBytes / entryBytes)
    for (let first = 0; first < this.#olds.length; first += perBlock) {
      const olds = this.#olds.slice(first, first + perBlock)
      const block = new DataView(new ArrayBuffer(perBlock * entryBytes))
      for (const [index, oldChunk] of olds.entries()) {
        const position = this.#area * entriesPerArea + first + index
        encodeEntry(block, index * entryBytes, oldChunk, dataChunk(this.#geometry, position))
      }
      await this.#to.write(new Uint8Array(block.buffer), start + first * entryBytes)
    }
  }
}
