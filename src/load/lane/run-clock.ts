/** Milliseconds since a run began, alike on all threads of the process: each has a `performance.now()` with a start of its own. */

export class RunClock {
  /** When the run began, as every thread of the process can tell: nanoseconds of the monotonic clock. */
  readonly startedAt: bigint
  readonly #offsetMs: number

  constructor(startedAt = process.hrtime.bigint()) {
    this.startedAt = startedAt
    this.#offsetMs = Number(process.hrtime.bigint() - startedAt) / 1e6 - performance.now()
  }

  now(): number {
    return performance.now() + this.#offsetMs
  }
}
