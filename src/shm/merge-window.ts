/**
 * The window of a merge: the exceptions at the end of the list that are being merged now, whoever works on them.
 *
 * One step of a merge at a time writes here, in a worker, before it answers; whoever takes the next step has that answer from
 * the client (R1), so plain stores do. Writers that waited for a key of the window look here only after they have it.
 */
import { entriesKept } from './commit-cursor.js'

/** Exceptions in one window at most: as many entries as a worker's scratch holds. */
export const windowMax = 4096

/** What went wrong with the window's step; the texts are in the control layer. */
export const mergeFault = {
  none: 0,
  copyReadFailed: 1,
  copyWriteFailed: 2,
  originFlushFailed: 3,
  storeWriteFailed: 4,
  storeReadFailed: 5,
  corrupt: 6,
} as const
export type MergeFault = (typeof mergeFault)[keyof typeof mergeFault]

/**
 * What became of a window that was given up: its writers go on, or they fail; or it is not known whether its entries are still
 * on the COW, and then nothing may be written to its chunks any more that a fresh load could lose.
 */
export const windowEnd = { open: 0, failed: 1, uncertain: 2 } as const
export type WindowEnd = (typeof windowEnd)[keyof typeof windowEnd]

const word = { from: 0, end: 1, fault: 2, chunk: 3, given: 4, keptFrom: 5, clearedBy: 6 } as const
const headerWords = 8

/** The window's, and behind them those that are kept. */
const rows = windowMax + entriesKept

export const mergeWindowBytes = (headerWords + 2 * rows) * 4

export class MergeWindow {
  readonly #words: Int32Array
  readonly #oldChunks: Uint32Array
  readonly #newChunks: Uint32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, headerWords)
    this.#oldChunks = new Uint32Array(memory, headerWords * 4, rows)
    this.#newChunks = new Uint32Array(memory, (headerWords + rows) * 4, rows)
  }

  /** Positions [from, end) of the list; each has its exception here, by its place in the window. */
  get from(): number {
    return this.#words[word.from] as number
  }

  get end(): number {
    return this.#words[word.end] as number
  }

  get count(): number {
    return this.end - this.from
  }

  open(from: number, end: number): void {
    this.#words[word.from] = from
    this.#words[word.end] = end
    this.#words[word.fault] = mergeFault.none
    this.#words[word.given] = windowEnd.open
    this.#words[word.clearedBy] = 0
  }

  /** From now on entries of the window may be gone from the COW while the map still has them. */
  beginClearing(owner: number): void {
    this.#words[word.clearedBy] = owner
  }

  endClearing(): void {
    this.#words[word.clearedBy] = 0
  }

  /** Who clears the window's entries, from before the first write to after the last exception is retracted; 0 for nobody. */
  get clearedBy(): number {
    return this.#words[word.clearedBy] as number
  }

  /** Leaves out what stands before a position. */
  dropBefore(position: number): void {
    const count = position - this.from
    this.#words[word.from] = position
    this.#oldChunks.copyWithin(0, count)
    this.#newChunks.copyWithin(0, count)
  }

  /** Entries [keptFrom, from) of the list share a block with the window's first one, which is written whole. */
  get keptFrom(): number {
    return this.#words[word.keptFrom] as number
  }

  keepFrom(position: number): void {
    this.#words[word.keptFrom] = position
  }

  keep(position: number, oldChunk: number, newChunk: number): void {
    this.#oldChunks[windowMax + (position - this.keptFrom)] = oldChunk
    this.#newChunks[windowMax + (position - this.keptFrom)] = newChunk
  }

  keptOldChunk(position: number): number {
    return this.oldChunk(windowMax + (position - this.keptFrom))
  }

  keptNewChunk(position: number): number {
    return this.newChunk(windowMax + (position - this.keptFrom))
  }

  set(index: number, oldChunk: number, newChunk: number): void {
    this.#oldChunks[index] = oldChunk
    this.#newChunks[index] = newChunk
  }

  oldChunk(index: number): number {
    return this.#oldChunks[index] as number
  }

  newChunk(index: number): number {
    return this.#newChunks[index] as number
  }

  /** True if an exception adjoins the one before it on the origin and on the COW, so that one copy serves both. */
  continuesRun(index: number): boolean {
    return (
      this.oldChunk(index) === this.oldChunk(index - 1) + 1 && this.newChunk(index) === this.newChunk(index - 1) + 1
    )
  }

  has(oldChunk: number): boolean {
    return this.#oldChunks.subarray(0, this.count).includes(oldChunk)
  }

  setFault(fault: MergeFault, oldChunk: number): void {
    this.#words[word.fault] = fault
    this.#words[word.chunk] = oldChunk
  }

  get fault(): number {
    return this.#words[word.fault] as number
  }

  /** The chunk of the origin that the fault is about. */
  get faultChunk(): number {
    return (this.#words[word.chunk] as number) >>> 0
  }

  /** Under the window's keys, before they are freed. */
  give(end: WindowEnd): void {
    this.#words[word.given] = end
  }

  get given(): number {
    return Atomics.load(this.#words, word.given)
  }
}
