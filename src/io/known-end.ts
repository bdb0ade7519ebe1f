/**
 * Where a file ends, so that no write extends it: of a file that somebody has truncated, what is gone would read as zeroes then.
 *
 * Guarantees: a truncation that came before this turn is seen. One that comes in the middle of it may not be, whatever is done:
 * the system has no write that refuses to extend a file.
 * Looks once a turn, because looking costs a third of a small write; without turns, each time.
 */
import { errno } from './block-file.js'

/** Counts what a thread does between two looks at the ends of its files. */
export interface Turns {
  readonly count: number
}

/** No turn's number. */
const neverSeen = -1

export class KnownEnd {
  readonly #measure: () => number
  readonly #turns: Turns | undefined
  #end = 0
  #seenInTurn = neverSeen

  /** `measure` answers the size of now, or less than 0 if it cannot be told; the write will find out why. */
  constructor(measure: () => number, turns: Turns | undefined) {
    this.#measure = measure
    this.#turns = turns
  }

  /** ENOSPC for a write that would end past the end of the file, otherwise 0. */
  refuse(end: number): number {
    if (this.#turns?.count === this.#seenInTurn && end <= this.#end) return 0
    const sizeBytes = this.#measure()
    if (sizeBytes < 0) return 0
    this.#end = sizeBytes
    this.#seenInTurn = this.#turns?.count ?? neverSeen
    return end > sizeBytes ? errno.ENOSPC : 0
  }
}
