/**
 * Counts latencies by value, in buckets of at most a hundredth of their value (two significant digits), from 1 ns to an hour.
 *
 * Guarantees: recording allocates nothing; samples, smallest, largest, mean and deviation are exact, whatever the buckets; what
 * two histograms counted is added up without loss, also when one of them comes from another thread as `LatencyCounts`.
 * Longer than an hour counts as an hour.
 */
import { strict as assert } from 'node:assert'
import { Float64Histogram } from 'hdr-histogram-js'
import { valueAt } from '../../report/distribution.js'
import type { LatencyCounts } from './load-result.js'

const highestNanoseconds = 3_600_000_000_000
const significantDigits = 2

export class LatencyHistogram {
  /** Only its buckets are used: what it finds out about all values it would find out again at every record. */
  readonly #buckets = new Float64Histogram(1, highestNanoseconds, significantDigits)
  #samples = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0
  #sum = 0
  #sumOfSquares = 0

  record(nanoseconds: number): void {
    const value = Math.min(Math.max(nanoseconds, 0), highestNanoseconds)
    this.#buckets.incrementCountAtIndex(this.#bucketOf(value))
    this.#samples++
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
    this.#sum += value
    this.#sumOfSquares += value * value
  }

  get samples(): number {
    return this.#samples
  }

  get minNanoseconds(): number {
    return this.#samples === 0 ? 0 : this.#min
  }

  get maxNanoseconds(): number {
    return this.#max
  }

  get meanNanoseconds(): number {
    return this.#samples === 0 ? 0 : this.#sum / this.#samples
  }

  get deviationNanoseconds(): number {
    if (this.#samples === 0) return 0
    // Rounding can leave a difference below nothing where all values are alike.
    return Math.sqrt(Math.max(0, this.#sumOfSquares / this.#samples - this.meanNanoseconds ** 2))
  }

  /** As `percentileOf`, without making the counts first. */
  percentile(percent: number): number {
    const rank = rankOf(percent, this.#samples)
    let seen = 0
    for (let bucket = 0; bucket < this.#buckets.countsArrayLength && this.#samples > 0; bucket++) {
      seen += this.#buckets.getCountAtIndex(bucket)
      if (seen >= rank) return Math.min(this.#largestIn(bucket), this.#max)
    }
    return this.#max
  }

  merge(other: LatencyHistogram): void {
    for (let bucket = 0; bucket < this.#buckets.countsArrayLength; bucket++) {
      const count = other.#buckets.getCountAtIndex(bucket)
      if (count > 0) this.#buckets.addToCountAtIndex(bucket, count)
    }
    this.#addTotals(other.#samples, other.#min, other.#max, other.#sum, other.#sumOfSquares)
  }

  /** What another histogram found out, by way of a message. */
  addCounts(counts: LatencyCounts): void {
    const { buckets, deviationNanoseconds, maxNanoseconds, meanNanoseconds, minNanoseconds, samples } = counts
    if (samples === 0) return
    for (const [value, count] of buckets) this.#buckets.addToCountAtIndex(this.#bucketOf(value), count)
    const sumOfSquares = samples * (deviationNanoseconds ** 2 + meanNanoseconds ** 2)
    this.#addTotals(samples, minNanoseconds, maxNanoseconds, samples * meanNanoseconds, sumOfSquares)
  }

  counts(): LatencyCounts {
    const buckets: [number, number][] = []
    for (let bucket = 0; bucket < this.#buckets.countsArrayLength; bucket++) {
      const count = this.#buckets.getCountAtIndex(bucket)
      if (count > 0) buckets.push([this.#largestIn(bucket), count])
    }
    return {
      samples: this.samples,
      minNanoseconds: this.minNanoseconds,
      maxNanoseconds: this.maxNanoseconds,
      meanNanoseconds: this.meanNanoseconds,
      deviationNanoseconds: this.deviationNanoseconds,
      buckets,
    }
  }

  reset(): void {
    this.#buckets.clearCounts()
    this.#samples = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
    this.#sum = 0
    this.#sumOfSquares = 0
  }

  /** The same as the library's `countsArrayIndex`, several times as fast where 32 bits are enough: up to two seconds. */
  #bucketOf(value: number): number {
    if (value >= 2 ** 31) return this.#buckets.countsArrayIndex(value)
    const halfMagnitude = this.#buckets.subBucketHalfCountMagnitude
    const shift = Math.max(31 - Math.clz32(value) - halfMagnitude, 0)
    return (shift << halfMagnitude) + (value >>> shift)
  }

  #largestIn(bucket: number): number {
    return this.#buckets.highestEquivalentValue(this.#buckets.valueFromIndex(bucket))
  }

  #addTotals(samples: number, min: number, max: number, sum: number, sumOfSquares: number): void {
    this.#samples += samples
    this.#min = Math.min(this.#min, min)
    this.#max = Math.max(this.#max, max)
    this.#sum += sum
    this.#sumOfSquares += sumOfSquares
  }
}

/**
 * The value that `percent` of the samples do not exceed: the largest of its bucket, and never more than the largest sample; 0 where
 * there are none.
 */
export function percentileOf({ buckets, maxNanoseconds }: LatencyCounts, percent: number): number {
  return Math.min(valueAt(buckets, percent / 100) ?? 0, maxNanoseconds)
}

/** How many samples are at or below the percentile. What rounding adds to a whole number does not make it the next one. */
function rankOf(percent: number, samples: number): number {
  assert(percent >= 0 && percent <= 100)
  return Math.max(1, Math.ceil((samples * percent) / 100 - 1e-6))
}
