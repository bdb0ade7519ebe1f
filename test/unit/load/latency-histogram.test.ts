import fc from 'fast-check'
import { Float64Histogram } from 'hdr-histogram-js'
import { expect, it } from 'vitest'
import { LatencyHistogram, percentileOf } from '../../../src/load/result/latency-histogram.js'
import { holds } from '../../support/seeded.js'

const file = 'test/unit/load/latency-histogram.test.ts'
const hour = 3_600_000_000_000
const percents = [0, 1, 10, 50, 90, 99, 99.9, 99.99, 100]

/** As many short as long ones: latencies span nine powers of ten. */
const latency = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.double({ min: 1, max: 9.99, noNaN: true }))
  .map(([power, digits]) => {
    return Math.min(hour, Math.floor(digits * 10 ** power))
  })
const latencies = fc.array(latency, { minLength: 1, maxLength: 200 })

const histogramOf = (values: readonly number[]): LatencyHistogram => {
  const histogram = new LatencyHistogram()
  for (const value of values) histogram.record(value)
  return histogram
}

it('finds percentiles at most a hundredth above the true ones, never below', () => {
  holds(
    file,
    fc.property(latencies, (values) => {
      const sorted = values.toSorted((a, b) => a - b)
      const histogram = histogramOf(values)
      for (const percent of percents) {
        const truth = sorted[Math.max(0, Math.ceil((percent / 100) * values.length - 1e-6) - 1)] ?? Number.NaN
        expect(histogram.percentile(percent)).toBeGreaterThanOrEqual(truth)
        expect(histogram.percentile(percent)).toBeLessThanOrEqual(truth * 1.01)
        expect(percentileOf(histogram.counts(), percent)).toBe(histogram.percentile(percent))
      }
    }),
  )
})

it('knows the smallest, the largest, the mean and the deviation exactly', () => {
  holds(
    file,
    fc.property(latencies, (values) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
      const counts = histogramOf(values).counts()
      expect(counts.samples).toBe(values.length)
      expect(counts.minNanoseconds).toBe(Math.min(...values))
      expect(counts.maxNanoseconds).toBe(Math.max(...values))
      expect(Math.abs(counts.meanNanoseconds - mean)).toBeLessThanOrEqual(mean * 1e-9)
      expect(Math.abs(counts.deviationNanoseconds - deviation)).toBeLessThanOrEqual(Math.max(mean, deviation) * 1e-6)
    }),
  )
})

it('puts every value in the bucket that the library would', () => {
  holds(
    file,
    fc.property(latency, (value) => {
      const library = new Float64Histogram(1, hour, 2)
      library.recordValue(value)
      expect(histogramOf([value]).counts().buckets).toEqual([[library.highestEquivalentValue(value), 1]])
    }),
  )
})

it('adds up what two histograms counted, directly and by way of a message', () => {
  holds(
    file,
    fc.property(latencies, latencies, (some, others) => {
      const all = histogramOf([...some, ...others]).counts()
      const merged = histogramOf(some)
      merged.merge(histogramOf(others))
      const sent = histogramOf(some)
      sent.addCounts(JSON.parse(JSON.stringify(histogramOf(others).counts())))
      for (const counts of [merged.counts(), sent.counts()]) {
        expect({ ...counts, meanNanoseconds: 0, deviationNanoseconds: 0 }).toEqual({
          ...all,
          meanNanoseconds: 0,
          deviationNanoseconds: 0,
        })
        expect(Math.abs(counts.meanNanoseconds - all.meanNanoseconds)).toBeLessThanOrEqual(all.meanNanoseconds * 1e-9)
        const scale = Math.max(all.meanNanoseconds, all.deviationNanoseconds)
        expect(Math.abs(counts.deviationNanoseconds - all.deviationNanoseconds)).toBeLessThanOrEqual(scale * 1e-6)
      }
    }),
  )
})

it('counts what takes longer than an hour as an hour, and what took less than nothing as nothing', () => {
  const counts = histogramOf([3 * hour, -5]).counts()
  expect([counts.minNanoseconds, counts.maxNanoseconds]).toEqual([0, hour])
  const again = new LatencyHistogram()
  again.addCounts(counts)
  expect(again.counts()).toEqual(counts)
})

it('is empty at first and after a reset: noughts, not infinities', () => {
  const histogram = histogramOf([1, 2, 3])
  histogram.reset()
  const empty = { samples: 0, minNanoseconds: 0, maxNanoseconds: 0, meanNanoseconds: 0, deviationNanoseconds: 0 }
  expect(histogram.counts()).toEqual({ ...empty, buckets: [] })
  histogram.merge(new LatencyHistogram())
  histogram.addCounts(new LatencyHistogram().counts())
  expect(histogram.counts()).toEqual({ ...empty, buckets: [] })
  expect(histogram.percentile(99)).toBe(0)
  expect(percentileOf(histogram.counts(), 99)).toBe(0)
})

it('does not take what rounding adds for a sample more', () => {
  // 99.9 % of 41000 are 40959; multiplied out they are 40959.00000000001.
  const counts = { ...histogramOf([10, 1000]).counts(), samples: 41_000 }
  const buckets = [[10, 40_959] as const, [1000, 41] as const]
  expect(percentileOf({ ...counts, buckets }, 99.9)).toBe(10)
  expect(percentileOf({ ...counts, buckets }, 99.91)).toBe(1000)
})

it('takes nothing from an empty one', () => {
  const histogram = histogramOf([7])
  histogram.addCounts(new LatencyHistogram().counts())
  histogram.merge(new LatencyHistogram())
  expect(histogram.counts()).toEqual(histogramOf([7]).counts())
})

it('records without allocating', () => {
  const histogram = new LatencyHistogram()
  for (let value = 0; value < 100_000; value++) histogram.record(value * 37)
  const before = process.memoryUsage().heapUsed
  for (let value = 0; value < 1_000_000; value++) histogram.record(value * 37)
  // A number on the heap for each record would be 16 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000)
})
