/**
 * Latencies as fio reports them: percentiles and bins of one histogram, and how requests spread over powers of ten.
 *
 * Our bins are not fio's, which are as fine: a bin's key is its largest value, fio's is its middle.
 */
import { percentileOf } from './latency-histogram.js'
import type { LatencyCounts } from './load-result.js'

/** fio's `percentile_list` where none is given. */
const percents = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99] as const

/** fio's last bin, 17 s. Longer ones stand in it, too; fio_jsonplus_clat2csv would look for a longer one forever. */
const lastBinNanoseconds = 17_112_760_320

/** Where there is nothing to say of a distribution, fio leaves percentiles and bins out. */
export function fioLatency(counts: LatencyCounts, { bins }: { readonly bins: boolean }): object {
  const keyOf = (nanoseconds: number): number => Math.min(nanoseconds, counts.maxNanoseconds, lastBinNanoseconds)
  return {
    min: counts.minNanoseconds,
    max: counts.maxNanoseconds,
    mean: counts.meanNanoseconds,
    stddev: counts.deviationNanoseconds,
    N: counts.samples,
    ...(counts.samples > 0 && {
      percentile: Object.fromEntries(
        percents.map((percent) => [percent.toFixed(6), keyOf(percentileOf(counts, percent))]),
      ),
    }),
    ...(counts.samples > 0 &&
      bins && { bins: summedUp(counts.buckets.map(([value, count]) => [keyOf(value), count])) }),
  }
}

/** The distribution's three units; each group begins where the one before ends. */
const units = [
  { name: 'latency_ns', nanoseconds: 1, limits: [2, 4, 10, 20, 50, 100, 250, 500, 750, 1000] },
  { name: 'latency_us', nanoseconds: 1e3, limits: [2, 4, 10, 20, 50, 100, 250, 500, 750, 1000] },
  {
    name: 'latency_ms',
    nanoseconds: 1e6,
    limits: [2, 4, 10, 20, 50, 100, 250, 500, 750, 1000, 2000, Number.POSITIVE_INFINITY],
  },
] as const

/** `latency_ns`, `latency_us` and `latency_ms`: percentages of all requests, each below its limit and not below the one before. */
export function fioDistribution(histograms: readonly LatencyCounts[]): Record<string, Record<string, number>> {
  const buckets = histograms.flatMap((histogram) => histogram.buckets)
  const all = histograms.reduce((sum, histogram) => sum + histogram.samples, 0)
  let below = 0
  const shareOf = (limit: number): number => {
    const from = below
    below = limit
    const requests = buckets.reduce((sum, [value, count]) => sum + (value >= from && value < limit ? count : 0), 0)
    return all > 0 ? (requests / all) * 100 : 0
  }
  return Object.fromEntries(
    units.map(({ limits, name, nanoseconds }) => [
      name,
      Object.fromEntries(limits.map((limit) => [limitName(limit), shareOf(limit * nanoseconds)])),
    ]),
  )
}

const limitName = (limit: number): string => (Number.isFinite(limit) ? String(limit) : '>=2000')

function summedUp(bins: readonly (readonly [number, number])[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [value, count] of bins) sums[value] = (sums[value] ?? 0) + count
  return sums
}
