/**
 * All numbers from 0 to `count` - 1, each once, in an order that looks random: what fio's random map is for, without a map.
 *
 * A Feistel network of four rounds over the next power of four, walked until it lands inside (cycle walking): no memory, and any
 * place of the order can be asked for.
 */
import { mixed } from './random-words.js'

const rounds = 4

export class Permutation {
  readonly #count: number
  readonly #halfBits: number
  readonly #mask: number
  readonly #keys: readonly number[]

  constructor(count: number, seed: number) {
    this.#count = count
    this.#halfBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2))
    this.#mask = 2 ** this.#halfBits - 1
    this.#keys = Array.from({ length: rounds }, (_, round) => mixed(seed ^ Math.imul(round + 1, 0x85ebca6b)))
  }

  at(index: number): number {
    let value = index
    do value = this.#once(value)
    while (value >= this.#count)
    return value
  }

  #once(value: number): number {
    const width = this.#mask + 1
    let left = Math.floor(value / width)
    let right = value % width
    for (const key of this.#keys) {
      const next = (left ^ (mixed(right ^ key) & this.#mask)) >>> 0
      left = right
      right = next
    }
    return left * width + right
  }
}
