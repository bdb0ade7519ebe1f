/**
 * Small words that threads tell each other things with: doorbells, the parked mask, and the count of control messages.
 *
 * Whoever runs turns has a number here: the workers of the pool from 0 on, and behind them the seats of threads that run turns
 * in place. What is said of a worker below holds for a seat.
 *
 * Parked mask: bit `w` is set while worker `w` has a piece parked. It is set before the piece leaves word of what it wants
 * (a lock's wanted bit, a record marked ready), so whoever finds the word finds the bit (R4).
 *
 * Control: `posted` counts messages put on a worker's port, `done` those it has carried out. Both only grow; a worker carries
 * messages out between turns, when it holds nothing half-done, so `done` also says "a turn boundary was passed".
 */
import { Doorbell, doorbellWords } from './doorbell.js'

/** Limit on workers of the pool: more have never been faster. */
export const workersMax = 16
/** Limit on workers and seats: the parked mask has a bit for each. */
export const runnersMax = 64

const maskWords = runnersMax / 32
const wordsPerWorker = 16
const controlField = { posted: 0, done: 1 } as const

export const signalsBytes = (runnerCount: number): number =>
  ((1 + runnerCount) * doorbellWords + 16 + runnerCount * wordsPerWorker) * 4

export class Signals {
  readonly client: Doorbell
  readonly workers: readonly Doorbell[]
  readonly #words: Int32Array
  readonly #maskAt: number
  readonly #controlAt: number

  constructor(memory: SharedArrayBuffer, runnerCount: number) {
    this.client = new Doorbell(memory, 0)
    this.workers = Array.from(
      { length: runnerCount },
      (_, worker) => new Doorbell(memory, (1 + worker) * doorbellWords * 4),
    )
    this.#words = new Int32Array(memory)
    this.#maskAt = (1 + runnerCount) * doorbellWords
    this.#controlAt = this.#maskAt + 16
  }

  /** R4: says that `worker` has something parked; before it leaves word of what it waits for. */
  setParked(worker: number): void {
    Atomics.or(this.#words, this.#maskAt + (worker >>> 5), 1 << (worker & 31))
  }

  clearParked(worker: number): void {
    Atomics.and(this.#words, this.#maskAt + (worker >>> 5), ~(1 << (worker & 31)))
  }

  /** Rings every worker with something parked: a lock, a commit or an invalidation they may wait for is over. R4 */
  ringParked(): void {
    for (let word = 0; word < maskWords; word++) {
      for (let mask = Atomics.load(this.#words, this.#maskAt + word); mask !== 0; mask &= mask - 1) {
        this.workers[word * 32 + 31 - Math.clz32(mask & -mask)]?.ring()
      }
    }
  }

  /** Rings everybody, because a thread died and may have been about to. */
  ringAll(): void {
    for (const bell of [this.client, ...this.workers]) bell.ringRegardless()
  }

  /** Tells the client that a store's state needs its attention. */
  raiseEvent(): void {
    Atomics.add(this.#words, this.#maskAt + maskWords, 1)
    this.client.ring()
  }

  eventCount(): number {
    return Atomics.load(this.#words, this.#maskAt + maskWords)
  }

  postControl(worker: number): number {
    const posted = Atomics.add(this.#words, this.#controlAt + worker * wordsPerWorker + controlField.posted, 1) + 1
    this.workers[worker]?.ring()
    return posted
  }

  /** True while messages were put on a worker's port that it has not carried out. */
  hasMail(worker: number): boolean {
    const at = this.#controlAt + worker * wordsPerWorker
    return Atomics.load(this.#words, at + controlField.posted) !== Atomics.load(this.#words, at + controlField.done)
  }

  controlPosted(worker: number): number {
    return Atomics.load(this.#words, this.#controlAt + worker * wordsPerWorker + controlField.posted)
  }

  controlDone(worker: number): number {
    return Atomics.load(this.#words, this.#controlAt + worker * wordsPerWorker + controlField.done)
  }

  setControlDone(worker: number, done: number): void {
    Atomics.store(this.#words, this.#controlAt + worker * wordsPerWorker + controlField.done, done)
  }
}
