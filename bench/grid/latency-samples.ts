/** Latencies of single operations, kept whole: medians of a few microseconds would drown in a histogram's buckets. */

/** Limit: the last 2^16 samples of a pass; half a megabyte. */
const capacity = 65536

export class LatencySamples {
  readonly #microseconds = new Float64Array(capacity)
  #count = 0

  add(microseconds: number): void {
    this.#microseconds[this.#count % capacity] = microseconds
    this.#count++
  }

  clear(): void {
    this.#count = 0
  }

  /** NaN when there are none. */
  median(): number {
    return median(this.#microseconds.subarray(0, Math.min(this.#count, capacity)))
  }
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
