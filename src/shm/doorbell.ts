/**
 * A doorbell: how one thread tells another that there is something to look at.
 *
 *     sleeper                                  ringer
 *     seen := bell.read()
 *     look at every source
 *     R3 asleep := 1 (atomic)                  publish work (ring tail, lock word, cursor)
 *     look at the rings again                  R3 load asleep
 *     wait while bell = seen                   bell := bell + 1, notify
 *     asleep := 0
 *
 * R3: either the ringer sees `asleep`, or the sleeper's second look sees the work: both are sequentially consistent, so
 * they cannot miss each other. Work that the second look does not cover (a lock released, a commit finished) is rung
 * with `ring()`, which moves the bell whether or not anybody sleeps; the wait then returns at once.
 */

const bellWord = 0
const asleepWord = 1
export const doorbellWords = 16

export class Doorbell {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#words = new Int32Array(memory, byteOffset, doorbellWords)
  }

  read(): number {
    return Atomics.load(this.#words, bellWord)
  }

  /** Wakes the sleeper, and keeps one that is about to sleep awake. */
  ring(): void {
    Atomics.add(this.#words, bellWord, 1)
    if (Atomics.load(this.#words, asleepWord) !== 0) Atomics.notify(this.#words, bellWord)
  }

  /** The same, even if nobody seems to sleep: a ringer that died half-way may have said so for nothing. */
  ringRegardless(): void {
    Atomics.add(this.#words, bellWord, 1)
    Atomics.notify(this.#words, bellWord)
  }

  /** Wakes the sleeper if there is one; for work that the sleeper's second look covers. R3. */
  ringIfAsleep(): void {
    if (Atomics.load(this.#words, asleepWord) === 0) return
    if (Atomics.compareExchange(this.#words, asleepWord, 1, 0) !== 1) return
    Atomics.add(this.#words, bellWord, 1)
    Atomics.notify(this.#words, bellWord)
  }

  announceSleep(): void {
    Atomics.store(this.#words, asleepWord, 1) // R3
  }

  announceAwake(): void {
    Atomics.store(this.#words, asleepWord, 0)
  }

  /** Blocks the thread while the bell still reads `seen`, at most `timeoutMs`. */
  wait(seen: number, timeoutMs: number): void {
    Atomics.wait(this.#words, bellWord, seen, timeoutMs)
  }

  /** The same for a thread that must not block: `undefined` if the bell has moved already. */
  waitAsync(seen: number): Promise<unknown> | undefined {
    const outcome = Atomics.waitAsync(this.#words, bellWord, seen)
    return outcome.async ? outcome.value : undefined
  }
}
