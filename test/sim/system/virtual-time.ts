/**
 * Time that passes only when the simulator says so, and the event loop of the coordinator's thread: timers and tasks that
 * wait for their turn.
 *
 * Guarantees: tasks run in the order they were put here, timers by their time, then by their age.
 */

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class VirtualTime {
  nowMs = 1_000_000
  readonly #tasks: (() => void)[] = []
  #timers: Timer[] = []
  #count = 0

  addTask(run: () => void): { cancelled: boolean } {
    const handle = { cancelled: false }
    this.#tasks.push(() => {
      if (!handle.cancelled) run()
    })
    return handle
  }

  addTimer(afterMs: number, run: () => void): { cancelled: boolean } {
    const handle = { cancelled: false }
    const atMs = this.nowMs + Math.max(1, afterMs)
    this.#timers.push({ atMs, order: this.#count++, run: () => (handle.cancelled ? undefined : run()) })
    return handle
  }

  hasTask(): boolean {
    return this.#tasks.length > 0 || this.nextTimerMs() <= this.nowMs
  }

  /** When the next timer is due; never, without one. */
  nextTimerMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const { atMs } of this.#timers) if (atMs < nextMs) nextMs = atMs
    return nextMs
  }

  runTask(): void {
    const due = this.#takeDue()
    if (due !== undefined) due.run()
    else this.#tasks.shift()?.()
  }

  passTo(ms: number): void {
    if (ms > this.nowMs) this.nowMs = ms
  }

  /** The process is gone, and all that it waited for. */
  clear(): void {
    this.#tasks.length = 0
    this.#timers = []
  }

  #takeDue(): Timer | undefined {
    let due: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.atMs > this.nowMs) continue
      if (due === undefined || timer.atMs < due.atMs || (timer.atMs === due.atMs && timer.order < due.order))
        due = timer
    }
    if (due !== undefined) this.#timers = this.#timers.filter((timer) => timer !== due)
    return due
  }
}
