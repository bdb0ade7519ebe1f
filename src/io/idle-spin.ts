/**
 * Waiting that costs nobody anything: looks for work again and again, and offers the processor to whoever can use it between
 * looks. On a machine with fewer cores than threads a plain spin would keep the very thread waiting that has the work; with
 * `sched_yield` it runs at once, and the two sides of a ring meet without a futex call on either.
 *
 * A yield that comes back late has let a stranger run for its whole slice. On a busy machine a sleeper, which the scheduler
 * lets in as soon as it is woken, fares better: after a late yield there is no spinning for a while.
 *
 * Without libc there is nothing to yield with, and no spinning.
 */
import { libc, libcLoads } from './libc.js'

/** A look is some 20 ns, a yield some 300. */
const looksBetweenYields = 4
/** Longer than a turn of first writes on a thread of ours, shorter than a stranger's slice. */
const lateYieldMs = 2
const restAfterLateYieldMs = 50

export class IdleSpin {
  readonly #yieldProcessor: (() => number) | undefined
  #restUntilMs = 0

  constructor() {
    this.#yieldProcessor = libcLoads() ? libc().sched_yield : undefined
  }

  /** Looks until `found()` is true or about `limitMs` has passed; what it last answered. */
  lookFor(found: () => boolean, limitMs: number): boolean {
    if (this.#yieldProcessor === undefined || found()) return found()
    const startMs = performance.now()
    if (startMs < this.#restUntilMs) return false
    for (let nowMs = startMs; nowMs < startMs + limitMs; ) {
      for (let look = 0; look < looksBetweenYields; look++) if (found()) return true
      this.#yieldProcessor()
      const afterMs = performance.now()
      if (afterMs - nowMs > lateYieldMs) {
        this.#restUntilMs = afterMs + restAfterLateYieldMs
        return found()
      }
      nowMs = afterMs
    }
    return found()
  }
}
