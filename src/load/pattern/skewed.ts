/**
 * Random blocks of which some come far more often than others, as fio's zipf and pareto make them. Which blocks those are is
 * scattered over the whole range, so that a popular one has no popular neighbours.
 */
import type { Distribution } from '../job/distribution.js'
import { Permutation } from './permutation.js'
import type { RandomWords } from './random-words.js'

/** Limit: the sum over all ranks is computed for so many and extrapolated beyond, which is off by far less than a thousandth. */
const exactRanksMax = 1_000_000

export class SkewedBlocks {
  readonly #count: number
  readonly #words: RandomWords
  readonly #places: Permutation
  readonly #rank: () => number

  constructor(
    count: number,
    distribution: Exclude<Distribution, { kind: 'uniform' }>,
    words: RandomWords,
    seed: number,
  ) {
    this.#count = count
    this.#words = words
    this.#places = new Permutation(count, seed)
    this.#rank = distribution.kind === 'zipf' ? this.#zipf(distribution.theta) : this.#pareto(distribution.power)
  }

  next(): number {
    return this.#places.at(Math.min(this.#count - 1, this.#rank()))
  }

  /** Source: Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994. */
  #zipf(theta: number): () => number {
    const zetaN = zeta(this.#count, theta)
    const alpha = 1 / (1 - theta)
    const second = 1 + 0.5 ** theta
    const eta = (1 - (2 / this.#count) ** (1 - theta)) / (1 - second / zetaN)
    return () => {
      const share = this.#words.share()
      const scaled = share * zetaN
      if (scaled < 1) return 0
      if (scaled < second) return 1
      return Math.floor(this.#count * (eta * share - eta + 1) ** alpha)
    }
  }

  /** Self-similar: a share `power` of the blocks gets a share 1 - `power` of the requests, and so on inside that. */
  #pareto(power: number): () => number {
    const exponent = Math.log(power) / Math.log(1 - power)
    return () => Math.floor(this.#count * this.#words.share() ** exponent)
  }
}

/** The sum of 1 / rank^theta. */
function zeta(count: number, theta: number): number {
  const exact = Math.min(count, exactRanksMax)
  let sum = 0
  for (let rank = 1; rank <= exact; rank++) sum += rank ** -theta
  if (count > exact) sum += (count ** (1 - theta) - exact ** (1 - theta)) / (1 - theta)
  return sum
}
