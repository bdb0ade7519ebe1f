/** Distributions as counts by value: what histograms and percentile curves are drawn from. */
import type { Point } from './thin-points.js'

/** Ascending: the largest value that a bucket holds, and how many it has. */
export type Buckets = readonly (readonly [value: number, count: number])[]

export const countIn = (buckets: Buckets): number => buckets.reduce((sum, [, count]) => sum + count, 0)

/** The least value that is not below this share of all; `undefined` of nothing. */
export function valueAt(buckets: Buckets, share: number): number | undefined {
  // Rounding must not ask for one more than there is: 0.999 of 1000 is 999.
  const wanted = Math.max(1, Math.ceil(share * countIn(buckets) - 1e-6))
  let seen = 0
  return buckets.find(([, count]) => {
    seen += count
    return seen >= wanted
  })?.[0]
}

export function merged(distributions: readonly Buckets[]): Buckets {
  const counts = new Map<number, number>()
  for (const [value, count] of distributions.flat()) counts.set(value, (counts.get(value) ?? 0) + count)
  return [...counts].sort(([one], [other]) => one - other)
}

/** Each value at the share of all that is not above it. The greatest is half a request short of the whole, which is infinitely far. */
export function percentileCurve(buckets: Buckets): readonly Point[] {
  const total = countIn(buckets)
  let seen = 0
  return buckets
    .filter(([, count]) => count > 0)
    .map(([value, count]) => {
      seen += count
      return [Math.min(seen, total - 0.5) / total, value]
    })
}

/** Bars of a tenth of a decade and less: HdrHistogram's own buckets are too narrow to see. */
const barsPerDecade = 12

/** The share of all in each bar, from its left end on; a bar of nothing at the end. */
export function logarithmicBars(buckets: Buckets): readonly Point[] {
  const positive = buckets.filter(([value, count]) => value > 0 && count > 0)
  const [first, last] = [positive[0], positive.at(-1)]
  if (first === undefined || last === undefined) return []
  const total = countIn(positive)
  const from = barOf(first[0])
  const shares: number[] = Array.from({ length: barOf(last[0]) - from + 2 }, () => 0)
  for (const [value, count] of positive) {
    const bar = barOf(value) - from
    shares[bar] = (shares[bar] ?? 0) + count / total
  }
  return shares.map((share, bar) => [10 ** ((from + bar) / barsPerDecade), share])
}

const barOf = (value: number): number => Math.floor(Math.log10(value) * barsPerDecade + 1e-9)
