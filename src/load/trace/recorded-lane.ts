/** The requests of one recorded lane, as a source for a lane that repeats them. */
import type { Pace, Request, RequestSource } from '../pattern/requests.js'

/** Plain data; the columns are shared memory, so that a lane's thread has them without a copy. */
export interface RecordedLane {
  readonly lane: number
  readonly depth: number
  readonly operations: Uint8Array
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  /** Since the recorded run began, ascending. */
  readonly dueMs: Float64Array
  /** How fast to repeat it: 2 for twice as fast; infinity for as fast as possible. */
  readonly speed: number
}

/** Gives the requests in the order in which they were due, and says when they are due again. */
export class RecordedRequests implements RequestSource, Pace {
  readonly #recorded: RecordedLane
  readonly wanted = undefined
  #next = 0
  #beganMs = 0
  #dueMs = 0

  constructor(recorded: RecordedLane) {
    this.#recorded = recorded
  }

  get dueMs(): number {
    return this.#dueMs
  }

  begin(nowMs: number): void {
    this.#beganMs = nowMs
  }

  next(into: Request): boolean {
    const { dueMs, lengths, offsets, operations, speed } = this.#recorded
    const index = this.#next++
    if (index >= operations.length) return false
    into.operation = operations[index] as number
    into.offset = offsets[index] as number
    into.byteLength = lengths[index] as number
    this.#dueMs = this.#beganMs + (dueMs[index] as number) / speed
    return true
  }

  took(): void {}

  quiet(): void {}
}
