/**
 * How fast a merge may go: as fast as it can, as a rate limit says, or so that foreground requests stay below a latency.
 *
 * The latency is the 99th percentile over a short while, of all requests of the engine that are no merge's, as the workers
 * measure it. Above the target the merge slows down at once, below it speeds up little by little.
 */
import type { LatencyWatch } from '../shm/statistics.js'

export interface MergeLimits {
  /** Bytes per second; without one as fast as the devices are. */
  readonly rateLimit?: number | undefined
  /** Milliseconds that the 99th percentile of foreground requests should stay below. */
  readonly latencyTarget?: number | undefined
}

/** Windows of a merge that nothing holds back: long enough that their steps cost nothing, short for those who wait for a key. */
const windowBytesMax = 2 ** 25
const windowBytesMin = 2 ** 20
const windowMsLong = 16
/** With a latency target a window disturbs for a fraction of a millisecond. */
const politeWindowBytes = 2 ** 17
/** How long foreground latency is looked at before the rate is changed, and how many requests that takes. */
const lookMs = 40
const samplesMin = 32
/** Rates a latency target leads to, in bytes per second. */
const politeRateStart = 2 ** 24
const politeRateMin = 2 ** 20
const politeRateMax = 2 ** 34
const slowDown = 0.6
const speedUp = 1.15
const speedUpIdle = 2
/** A window is this much of a second at a limited rate, so that the rate is even. */
const windowsPerSecond = 20

export class MergePace {
  #limits: MergeLimits
  readonly #watch: LatencyWatch
  #windowBytes = windowBytesMin
  #politeRate = politeRateStart
  #lookedAtMs = 0
  /** When the bytes so far are due, at the rate of now. */
  #dueMs = 0

  constructor(limits: MergeLimits, watch: LatencyWatch) {
    this.#limits = limits
    this.#watch = watch
  }

  set limits(limits: MergeLimits) {
    if (limits === this.#limits) return
    this.#limits = limits
    this.#dueMs = 0
  }

  /** What the next window should move at most; the caller rounds it to whole chunks, at least one. */
  get windowBytes(): number {
    if (this.#limits.latencyTarget !== undefined) return politeWindowBytes
    return Math.min(this.#windowBytes, this.#rate / windowsPerSecond)
  }

  /** A window was merged: how many milliseconds to leave before the next one. */
  after(byteLength: number, tookMs: number, nowMs: number): number {
    if (tookMs > windowMsLong) this.#windowBytes = Math.max(windowBytesMin, this.#windowBytes / 2)
    else if (tookMs < windowMsLong / 2) this.#windowBytes = Math.min(windowBytesMax, this.#windowBytes * 2)
    this.#look(nowMs)
    if (this.#rate === Number.POSITIVE_INFINITY) return 0
    // What was not used while others held the merge up is not made up for.
    this.#dueMs = Math.max(this.#dueMs, nowMs - tookMs) + (byteLength / this.#rate) * 1000
    return Math.max(0, this.#dueMs - nowMs)
  }

  get #rate(): number {
    const { latencyTarget, rateLimit } = this.#limits
    const polite = latencyTarget === undefined ? Number.POSITIVE_INFINITY : this.#politeRate
    return Math.min(polite, rateLimit ?? Number.POSITIVE_INFINITY)
  }

  #look(nowMs: number): void {
    const { latencyTarget } = this.#limits
    if (latencyTarget === undefined || nowMs - this.#lookedAtMs < lookMs) return
    const { p99Ms, samples } = this.#watch.look()
    if (samples > 0 && samples < samplesMin) return
    this.#lookedAtMs = nowMs
    this.#watch.restart()
    const factor = samples === 0 ? speedUpIdle : p99Ms > latencyTarget ? slowDown : speedUp
    this.#politeRate = Math.min(politeRateMax, Math.max(politeRateMin, this.#politeRate * factor))
  }
}
