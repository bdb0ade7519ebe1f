/** Random numbers that are the same for the same seed on every machine. Source: Blackman and Vigna, xoshiro128**; seeded by splitmix32. */

export class RandomWords {
  readonly #state = new Uint32Array(4)

  constructor(seed: number, stream = 0) {
    let word = (seed ^ Math.imul(stream + 1, 0x9e3779b1)) >>> 0
    for (let index = 0; index < 4; index++) {
      word = (word + 0x9e3779b9) >>> 0
      this.#state[index] = mixed(word)
    }
  }

  /** 32 bits. */
  next(): number {
    const state = this.#state
    const second = state[1] as number
    const times5 = Math.imul(second, 5)
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0
    const shifted = second << 9
    state[2] = (state[2] as number) ^ (state[0] as number)
    state[3] = (state[3] as number) ^ second
    state[1] = second ^ (state[2] as number)
    state[0] = (state[0] as number) ^ (state[3] as number)
    state[2] = (state[2] as number) ^ shifted
    const fourth = state[3] as number
    state[3] = (fourth << 11) | (fourth >>> 21)
    return result
  }

  /** From 0 to just below 1. */
  share(): number {
    return (this.next() * 2 ** 21 + (this.next() >>> 11)) / 2 ** 53
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.share() * limit)
  }
}

/** A word in which every bit of the given one counts. Source: splitmix32's finalizer. */
export function mixed(word: number): number {
  let mix = word ^ (word >>> 16)
  mix = Math.imul(mix, 0x21f0aaad)
  mix ^= mix >>> 15
  mix = Math.imul(mix, 0x735a2d97)
  return (mix ^ (mix >>> 15)) >>> 0
}
