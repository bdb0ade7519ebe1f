/**
 * SIGINT and SIGTERM, for a command that has something to do before it ends. The first one is noted and cuts a sleep short; the
 * second ends the process at once.
 */
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const signals = ['SIGINT', 'SIGTERM'] as const
type Signal = (typeof signals)[number]

export class Interruption implements Disposable {
  readonly #beforeExit: () => void
  readonly #abort = new AbortController()
  #signal: Signal | undefined

  /** `beforeExit` is what even an end at once must do, such as to leave the terminal in order. */
  constructor(beforeExit: () => void) {
    this.#beforeExit = beforeExit
    for (const signal of signals) process.on(signal, this.#onSignal)
  }

  /** 128 and the signal's number, as a shell has it; `undefined` if none has come. */
  get exitCode(): number | undefined {
    return this.#signal === undefined ? undefined : 128 + constants.signals[this.#signal]
  }

  /** Aborts at the first one. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Resolves after so long; when the first signal comes meanwhile, at once. */
  async sleep(ms: number): Promise<void> {
    if (this.#signal !== undefined) await sleep(ms)
    else await sleep(ms, undefined, { signal: this.#abort.signal }).catch(() => {})
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#onSignal)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#signal !== undefined) {
      this.#beforeExit()
      process.exit(this.exitCode)
    }
    this.#signal = signal as Signal
    this.#abort.abort()
  }
}
