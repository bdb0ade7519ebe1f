/**
 * Who sleeps on a word of shared memory: threads of the simulation, and promises of the coordinator's.
 *
 * As the system does it, only a notify or the time wakes a sleeper, not the word itself: a lost wake-up stays lost.
 */
import type { VirtualTime } from './virtual-time.js'

/** A thread that can sleep. */
export interface Sleeper {
  asleepUntilMs: number | undefined
}

interface Sleep {
  readonly buffer: ArrayBufferLike
  readonly at: number
  readonly sleeper: Sleeper | undefined
  readonly wake: () => void
}

export class Sleepers {
  /** The thread that runs now. */
  running: Sleeper | undefined
  readonly #time: VirtualTime
  #sleeps: Sleep[] = []

  constructor(time: VirtualTime) {
    this.#time = time
  }

  sleep(words: Int32Array, index: number, ms: number): void {
    const { running } = this
    if (running === undefined) throw new Error('the thread of the coordinator must not block')
    running.asleepUntilMs = this.#time.nowMs + ms
    this.#add(words, index, running, () => {
      running.asleepUntilMs = undefined
    })
  }

  sleepAsync(words: Int32Array, index: number): Promise<string> {
    return new Promise((resolve) => this.#add(words, index, undefined, () => this.#time.addTask(() => resolve('ok'))))
  }

  notify(words: Int32Array, index: number): number {
    const at = words.byteOffset + index * 4
    const woken = this.#sleeps.filter((sleep) => sleep.at === at && sleep.buffer === words.buffer)
    if (woken.length === 0) return 0
    this.#sleeps = this.#sleeps.filter((sleep) => !woken.includes(sleep))
    for (const { wake } of woken) wake()
    return woken.length
  }

  /** A sleeper's time is over, or its thread ended. */
  forget(sleeper: Sleeper): void {
    sleeper.asleepUntilMs = undefined
    this.#sleeps = this.#sleeps.filter((sleep) => sleep.sleeper !== sleeper)
  }

  clear(): void {
    this.#sleeps = []
  }

  #add(words: Int32Array, index: number, sleeper: Sleeper | undefined, wake: () => void): void {
    this.#sleeps.push({ buffer: words.buffer, at: words.byteOffset + index * 4, sleeper, wake })
  }
}
