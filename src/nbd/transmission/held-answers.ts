/**
 * Requests whose answers have to wait: for a write to end, or for a flush. Columns, filled from the front.
 */
import { assert } from '../../base/assert.js'
import type { Addressee } from './replies.js'

export class HeldAnswers implements Addressee {
  count = 0
  /** The one that `pick` has chosen. */
  cookieHigh = 0
  cookieLow = 0
  offsetHigh = 0
  offsetLow = 0
  isForced = false
  readonly #words: Int32Array
  readonly #forced: Uint8Array

  constructor(countMax: number) {
    this.#words = new Int32Array(4 * countMax)
    this.#forced = new Uint8Array(countMax)
  }

  /** Answers its place. `isForced`: it is answered only when it is durable (FUA). */
  add(request: Addressee, isForced: boolean): number {
    const place = this.count++
    assert(place < this.#forced.length, 'a batch has an end')
    const words = this.#words
    words[4 * place] = request.cookieHigh
    words[4 * place + 1] = request.cookieLow
    words[4 * place + 2] = request.offsetHigh
    words[4 * place + 3] = request.offsetLow
    this.#forced[place] = isForced ? 1 : 0
    return place
  }

  pick(place: number): void {
    const words = this.#words
    this.cookieHigh = words[4 * place] as number
    this.cookieLow = words[4 * place + 1] as number
    this.offsetHigh = words[4 * place + 2] as number
    this.offsetLow = words[4 * place + 3] as number
    this.isForced = this.#forced[place] === 1
  }
}
