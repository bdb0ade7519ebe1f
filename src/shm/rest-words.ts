/**
 * Rest: how the coordinator knows that a thread which runs turns in place has nothing in hand.
 *
 * A word counts a seat's begins and ends: odd while it runs, even while it is at rest. Between its turns the thread may do
 * anything, also nothing for hours, so nobody waits for it to answer; what it has to know it finds when it begins.
 *
 *     seat                                      coordinator
 *     word := odd (atomic)                      gate := held, or message posted and counted (atomic)
 *     look at the count of messages, the gate   look at the word
 *
 * S1: both sides write before they look, and both are sequentially consistent: either the coordinator sees the seat running
 * and waits for its end, or the seat sees what the coordinator has changed before it touches anything.
 *
 *     word := even (atomic)                     awaited += 1 (atomic)
 *     look at `awaited`, ring if it is not 0    look at the word, sleep until rung
 *
 * S2: likewise nobody sleeps past the end of a run.
 */
const wordsPerSeat = 16

/** One place more, for `awaited`. */
export const restBytes = (runners: number): number => (runners + 1) * wordsPerSeat * 4

export class RestWords {
  readonly #words: Int32Array
  readonly #awaitedAt: number

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
    this.#awaitedAt = this.#words.length - wordsPerSeat
  }

  /** The seat runs from now on. S1 */
  begin(seat: number): void {
    Atomics.add(this.#words, seat * wordsPerSeat, 1)
  }

  /** The seat is at rest; true if somebody waits to hear it. S2 */
  end(seat: number): boolean {
    Atomics.add(this.#words, seat * wordsPerSeat, 1)
    return Atomics.load(this.#words, this.#awaitedAt) !== 0
  }

  /** A number that changes when the seat begins or ends. */
  read(seat: number): number {
    return Atomics.load(this.#words, seat * wordsPerSeat)
  }

  /** A seat whose thread has ended is at rest, whatever it was doing. */
  clear(seat: number): void {
    Atomics.store(this.#words, seat * wordsPerSeat, 0)
  }

  /** One more, or one less, waits for seats to come to rest. S2 */
  await(change: 1 | -1): void {
    Atomics.add(this.#words, this.#awaitedAt, change)
  }
}

export const isAtRest = (word: number): boolean => (word & 1) === 0
