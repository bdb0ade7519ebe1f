/**
 * How a seat's thread waits for the one request that it had to pass on to the coordinator's thread.
 *
 *     seat                          coordinator
 *     done := 0                     status, errno (plain)
 *     message on the port  ──▶      C1 done := 1 (atomic), notify
 *     C1 wait until done = 1
 *     read status, errno
 */
const word = { done: 0, status: 1, errno: 2 } as const

export const callBytes = 16

export class CallWords {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  get status(): number {
    return this.#words[word.status] as number
  }

  get errno(): number {
    return this.#words[word.errno] as number
  }

  begin(): void {
    Atomics.store(this.#words, word.done, 0)
  }

  /** Blocks until the call is answered. C1 */
  wait(): void {
    while (Atomics.load(this.#words, word.done) === 0) Atomics.wait(this.#words, word.done, 0)
  }

  answer(status: number, errno: number): void {
    this.#words[word.status] = status
    this.#words[word.errno] = errno
    Atomics.store(this.#words, word.done, 1) // C1
    Atomics.notify(this.#words, word.done)
  }
}
