/**
 * A merge under way, as its user sees it: how far it is, and how to pause, resume and cancel it.
 */
import { CowringError } from '../base/errors.js'
import type { MergeLimits } from './merge-pace.js'

export interface MergeOptions extends MergeLimits {}

export interface MergeProgress {
  /** Bytes of the snapshot's exceptions that were merged, and that there were when this merge began; whole chunks. */
  readonly done: number
  readonly total: number
  /** Over the last three seconds, or since the window before; 0 while it is paused. */
  readonly bytesPerSecond: number
  /** `undefined` while nobody can tell. */
  readonly etaSeconds: number | undefined
  readonly state: MergeState
}

/** `running` and `paused` may change into each other; the others are ends. */
export type MergeState = 'running' | 'paused' | 'merged' | 'cancelled' | 'failed'

/** A merge, and the devices that it concerns now. */
export interface MergeUnderWay {
  readonly merge: Merge
  /** The device that is merged into, and shows the snapshot's content meanwhile. */
  readonly origin: string
  /** The snapshot's device; `undefined` for a merge whose table was loaded, and for a device that has been removed since. */
  readonly snapshot: string | undefined
}

/** A new figure at most so often. */
const progressEveryMs = 100
/** What a timer can count to; a longer one would end at once. */
const timerMsMax = 2 ** 31 - 1
/** The speed is that of the last so many milliseconds. */
const speedOverMs = 3000

export class Merge {
  /**
   * Resolves with `merged` when the origin is what the snapshot was, durable as the snapshot's durability says, and with
   * `cancelled` after `cancel()`. Rejects with INVALID_ARGUMENT, DEVICE_BUSY when it could not begin, which leaves everything as
   * it was: an invalid or transient snapshot cannot be merged; with IO_ERROR, STORE_CORRUPT, WORKER_DIED when it failed, and with
   * DEVICE_CLOSED when the origin was closed meanwhile: one that remembers its snapshots goes on when it is opened again.
   */
  readonly finished: Promise<'merged' | 'cancelled'>
  #limits: MergeLimits
  #state: MergeState = 'running'
  #done = 0
  #total = 0
  #error: Error | undefined
  #isBusy = false
  /** Calls of `cancel` that have not ended. */
  #cancelling = 0
  /** Everything is merged; what is left to do cannot be held up. */
  #isCompleting = false
  /** Times and bytes of the last seconds. */
  #samples: { readonly atMs: number; readonly done: number }[] = []
  readonly #listeners = new Set<() => void>()
  #resolve: (outcome: 'merged' | 'cancelled') => void = () => {}
  #reject: (error: Error) => void = () => {}

  /** Made by `snapshot.merge()` and `mapper.merge()`. Fails with INVALID_ARGUMENT. */
  constructor(options: MergeOptions = {}) {
    this.#limits = checkedLimits(options)
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Who does not ask how it ended is not to be ended by it.
    this.finished.catch(() => {})
  }

  get state(): MergeState {
    return this.#state
  }

  /** How far it is now. */
  get current(): MergeProgress {
    const bytesPerSecond = this.#state === 'running' ? this.#speed() : 0
    const left = this.#total - this.#done
    const etaSeconds = left === 0 ? 0 : bytesPerSecond > 0 ? left / bytesPerSecond : undefined
    return { done: this.#done, total: this.#total, bytesPerSecond, etaSeconds, state: this.#state }
  }

  /**
   * What the merge is doing, at once and then whenever that changes, at most ten times a second; it ends with the merge, and
   * throws what `finished` rejects with. Any number may look at the same time.
   */
  get progress(): AsyncIterable<MergeProgress> {
    return { [Symbol.asyncIterator]: () => this.#look() }
  }

  /** Stops after the window in hand; resolves when nothing of the merge is going on. Requests go on as before. */
  async pause(): Promise<void> {
    if (this.#state === 'running' && !this.#isCompleting) this.#become('paused')
    await this.#until(() => !this.#isBusy)
  }

  /** Goes on after `pause()`; a merge that is being cancelled does not. */
  resume(): void {
    if (this.#state !== 'paused' || this.#cancelling > 0) return
    this.#samples = []
    this.#become('running')
  }

  /**
   * Ends the merge after the window in hand. What was merged stays merged, the rest stays in the store, which is a valid one
   * and smaller; the device goes on showing the snapshot's content. Merge again to go on. Resolves when it has ended, which is
   * as `merged` if nothing was left to cancel. Fails with IO_ERROR when that cannot be remembered, with READ_ONLY for an origin
   * that was opened to be read; the merge is paused then.
   */
  async cancel(): Promise<void> {
    if (this.hasEnded) return
    if (this.#state === 'running' && !this.#isCompleting) this.#become('paused')
    this.#cancelling++
    try {
      await this.#until(() => !this.#isBusy)
      // It was all merged, and that is an end.
      if (this.hasEnded) return
      await this.whenCancelled()
      this.end('cancelled')
    } finally {
      this.#cancelling--
    }
  }

  // ── for the one who merges ──────────────────────────────────────────────────────────────────────────────────────────

  get limits(): MergeLimits {
    return this.#limits
  }

  set limits(options: MergeLimits) {
    const { latencyTarget, rateLimit } = checkedLimits(options)
    // Who asks for what there is already does not wake a merge that sleeps.
    if (latencyTarget === this.#limits.latencyTarget && rateLimit === this.#limits.rateLimit) return
    this.#limits = options
    this.#notify()
  }

  get hasEnded(): boolean {
    return this.#state !== 'running' && this.#state !== 'paused'
  }

  /** Resolves when there is something to do: true, or false when it has ended. */
  async mayGoOn(): Promise<boolean> {
    // Paused again before this had its turn, it is still to wait.
    while (this.#state === 'paused') await this.#until(() => this.#state !== 'paused')
    return this.#state === 'running'
  }

  /** A window begins or ends. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy
    if (!isBusy) this.#notify()
  }

  report(done: number, total: number): void {
    this.#done = done
    this.#total = total
    const now = performance.now()
    const recent = this.#samples.filter(({ atMs }) => now - atMs < speedOverMs)
    // A slow merge has a speed as well: since the window before.
    const since = recent.length > 0 ? recent : this.#samples.slice(-1)
    this.#samples = [...since, { atMs: now, done }]
    this.#notify()
  }

  /** What is to be done before a merge that is at rest counts as cancelled. */
  whenCancelled: () => Promise<void> = () => Promise.resolve()

  /** What is still to be done when everything is merged. */
  whenMerged: () => Promise<void> = () => Promise.resolve()

  /** Everything is merged. Never rejects. */
  async complete(): Promise<void> {
    this.#isCompleting = true
    // The last step cannot be stopped: who pauses or cancels now waits until it is done.
    this.setBusy(true)
    try {
      await this.whenMerged()
      this.end('merged')
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.setBusy(false)
    }
  }

  end(outcome: 'merged' | 'cancelled'): void {
    if (this.hasEnded) return
    this.#become(outcome)
    this.#resolve(outcome)
  }

  fail(error: Error): void {
    if (this.hasEnded) return
    this.#error = error
    this.#become('failed')
    this.#reject(error)
  }

  /** Sleeps, but not longer than its state and its limits stay the same. */
  async sleep(ms: number): Promise<void> {
    const limits = this.#limits
    const state = this.#state
    await this.#until(() => this.#state !== state || this.#limits !== limits, ms)
  }

  async *#look(): AsyncGenerator<MergeProgress> {
    for (;;) {
      const shown = this.current
      yield shown
      if (this.#error !== undefined) throw this.#error
      if (this.hasEnded) return
      const { state } = this
      await this.#until(() => this.#state !== state, progressEveryMs)
      await this.#until(() => this.#done !== shown.done || this.#state !== shown.state || this.#total !== shown.total)
    }
  }

  #speed(): number {
    const [first] = this.#samples
    // Up to now, not to the last window: a merge that waits gets slower.
    const now = performance.now()
    if (first === undefined || now <= first.atMs) return 0
    return ((this.#done - first.done) / (now - first.atMs)) * 1000
  }

  #become(state: MergeState): void {
    this.#state = state
    this.#notify()
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Resolves when `isSo`, or after so many milliseconds. */
  #until(isSo: () => boolean, atMostMs?: number): Promise<void> {
    if (isSo()) return Promise.resolve()
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const end = (): void => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        resolve()
      }
      const look = (): void => {
        if (isSo()) end()
      }
      this.#listeners.add(look)
      if (atMostMs !== undefined) timer = setTimeout(end, Math.min(atMostMs, timerMsMax))
    })
  }
}

function checkedLimits(limits: MergeLimits): MergeLimits {
  for (const name of ['rateLimit', 'latencyTarget'] as const) {
    const value = limits[name]
    if (value === undefined || (Number.isFinite(value) && value > 0)) continue
    const unit = name === 'rateLimit' ? 'bytes per second' : 'milliseconds'
    throw new CowringError('INVALID_ARGUMENT', `${name} is a number of ${unit} above 0, not ${value}`)
  }
  return limits
}
