/**
 * Rings between one client and one worker: fixed-size entries, one producer, one consumer, roles never swap.
 *
 *     producer                         consumer
 *     write entry bytes (plain)
 *     R1 tail := t + 1 (atomic)  ───▶  R1 load tail: entry bytes below it are visible
 *                                      read entry bytes (plain)
 *     R2 load head: slots below  ◀───  R2 head := h + 1 (atomic): the slot may be overwritten
 *        it may be reused
 *
 * Both counters grow for ever modulo 2^32; a slot is the counter modulo the capacity. A stale load is harmless on either
 * side: the producer sees a ring fuller than it is, the consumer one emptier than it is.
 */
import { assert } from '../base/assert.js'
import { isPowerOfTwo } from '../base/units.js'

/** Two counters, a cache line apart so that the two sides do not share one. */
const counterWords = 32
const tailWord = 0
const headWord = 16

const ringBytes = (capacity: number, entryBytes: number): number => counterWords * 4 + capacity * entryBytes

class RingSide {
  protected readonly counters: Int32Array
  protected readonly mask: number
  readonly capacity: number

  constructor(memory: SharedArrayBuffer, capacity: number) {
    assert(isPowerOfTwo(capacity), `ring capacity ${capacity} is not a power of two`)
    this.counters = new Int32Array(memory, 0, counterWords)
    this.capacity = capacity
    this.mask = capacity - 1
  }
}

export class RingProducer extends RingSide {
  #tail = 0
  #headSeen = 0

  /** The slot to fill next, or -1 when the ring is full. */
  claim(): number {
    if (((this.#tail - this.#headSeen) | 0) >= this.capacity) {
      this.#headSeen = Atomics.load(this.counters, headWord) // R2
      if (((this.#tail - this.#headSeen) | 0) >= this.capacity) return -1
    }
    return this.#tail & this.mask
  }

  /** Accepts the slot last claimed; the consumer sees it after `publish`. */
  push(): void {
    this.#tail = (this.#tail + 1) | 0
  }

  publish(): void {
    Atomics.store(this.counters, tailWord, this.#tail) // R1
  }
}

export class RingConsumer extends RingSide {
  #head = 0

  /** How many entries wait. */
  waiting(): number {
    return (Atomics.load(this.counters, tailWord) - this.#head) | 0 // R1
  }

  /** The slot of the oldest entry that has not been taken. */
  slot(): number {
    return this.#head & this.mask
  }

  take(): void {
    this.#head = (this.#head + 1) | 0
  }

  /** Gives every taken slot back to the producer. */
  giveBack(): void {
    Atomics.store(this.counters, headWord, this.#head) // R2
  }
}

/** A submission: one extent of a request, at most `extentBytesMax` long. One cache line. */
const submissionWords = 16
export const submissionField = { operation: 0, volume: 1, ticket: 2, byteLength: 3, arenaOffset: 4 } as const
/** Indexes of doubles within the same entry. */
const submissionDoubles = 8
export const submissionDouble = { byteOffset: 4, submittedMs: 5 } as const

export class SubmissionEntries {
  readonly words: Int32Array
  readonly doubles: Float64Array

  static byteLength(capacity: number): number {
    return ringBytes(capacity, submissionWords * 4)
  }

  constructor(memory: SharedArrayBuffer, capacity: number) {
    this.words = new Int32Array(memory, counterWords * 4, capacity * submissionWords)
    this.doubles = new Float64Array(memory, counterWords * 4, capacity * submissionDoubles)
  }

  wordBase(slot: number): number {
    return slot * submissionWords
  }

  doubleBase(slot: number): number {
    return slot * submissionDoubles
  }
}

const completionWords = 4
export const completionField = { ticket: 0, status: 1, errno: 2 } as const

export class CompletionEntries {
  readonly words: Int32Array

  static byteLength(capacity: number): number {
    return ringBytes(capacity, completionWords * 4)
  }

  constructor(memory: SharedArrayBuffer, capacity: number) {
    this.words = new Int32Array(memory, counterWords * 4, capacity * completionWords)
  }

  wordBase(slot: number): number {
    return slot * completionWords
  }
}
