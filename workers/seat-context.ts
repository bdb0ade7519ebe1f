/**
 * The context of a seat: a thread's own requests, run in place. They come from a caller's code instead of a ring, by tags, and
 * what became of each is in columns by its tag when nothing of it is left.
 *
 * Requires: nothing in hand between two batches. The tags of a batch are below `tagCount`, each used once.
 */
import type { WorkerStart } from '../src/wire/control-message.js'
import { WorkerContext } from './context.js'
import { extentCapacity } from './work.js'

/** Requests in one batch at most; a network connection has fewer in flight. */
export const tagCount = 1024

export class SeatContext extends WorkerContext {
  /** By tag: the first failure of its extents, or 0. */
  readonly status = new Int32Array(tagCount)
  readonly errno = new Int32Array(tagCount)
  /** Extents that were begun and not answered. */
  left = 0
  /** The clock when the first of what is in hand was begun. */
  nowMs = 0
  readonly #done = new Int32Array(extentCapacity)
  #doneCount = 0

  constructor(start: WorkerStart) {
    super(start, undefined, { count: 0 })
  }

  override answer(extent: number, status: number, errno: number): void {
    const tag = this.extents.ticket[extent] as number
    if (status !== 0 && this.status[tag] === 0) {
      this.status[tag] = status
      this.errno[tag] = errno
    }
    this.extents.status[extent] = status
    this.#done[this.#doneCount++] = extent
    this.left--
  }

  /** Counts what was answered, and frees its rows. One look at the clock for all of it. */
  account(): void {
    if (this.#doneCount === 0) return
    const nowMs = performance.now()
    const { byteLength, counted, status, submittedMs } = this.extents
    for (let index = 0; index < this.#doneCount; index++) {
      const extent = this.#done[index] as number
      const failed = status[extent] !== 0
      const bytes = failed ? 0 : (byteLength[extent] as number)
      this.statistics.operation(counted[extent] as number, bytes, nowMs - (submittedMs[extent] as number), failed)
      this.extents.release(extent)
    }
    this.#doneCount = 0
  }

  get hasRoom(): boolean {
    return this.extents.hasRoom() && this.pieces.hasRoomForExtent()
  }
}
