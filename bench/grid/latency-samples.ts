/** Latencies of single operations, kept whole: medians of a few microseconds would drown in a histogram's buckets. */

/** Limit: the last 2^16 samples of a pass; half a megabyte. */
const capacityDefault = 65536

export class LatencySamples {
  readonly #microseconds: Float64Array
  #count = 0

  constructor(capacity = capacityDefault) {
    this.#microseconds = new Float64Array(capacity)
  }

  add(microseconds: number): void {
    this.#microseconds[this.#count % this.#microseconds.length] = microseconds
    this.#count++
  }

  clear(): void {
    this.#count = 0
  }

  /** NaN when there are none. */
  median(): number {
    return median(this.#kept())
  }

  /** For each share the smallest sample that so many of them do not exceed; NaN when there are none. */
  percentiles(shares: readonly number[]): number[] {
    const sorted = this.#kept().slice().sort()
    return shares.map((share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN)
  }

  #kept(): Float64Array {
    return this.#microseconds.subarray(0, Math.min(this.#count, this.#microseconds.length))
  }
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
