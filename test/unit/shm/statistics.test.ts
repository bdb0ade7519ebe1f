/** What is read out of the statistics' memory. */
import { expect, test } from 'vitest'
import { operationIndex, readStatistics, StatisticsWriter, statisticsBytes } from '../../../src/shm/statistics.js'

const threads = { workers: 2, workerDeaths: 0 }
const memory = () => new SharedArrayBuffer(statisticsBytes(2))
const longestMicroseconds = 2 ** 30

test('latencies are counted up to each doubling, exactly, over all threads', () => {
  const shared = memory()
  const took = [0, 0.9, 1, 1.9, 2, 3.9, 4, 7.9, 8, 15, 16, 1023, 1024, 1025, 5e6, 2 ** 30, 2 ** 31]
  for (const [at, microseconds] of took.entries()) {
    new StatisticsWriter(shared, at % 2).operation(operationIndex.flush, 0, microseconds / 1000, false)
  }
  const { cumulative, samples, totalMicroseconds } = readStatistics(shared, threads).operations.flush.latency
  expect(samples).toBe(took.length)
  expect(totalMicroseconds).toBeCloseTo(
    took.reduce((sum, each) => sum + each, 0),
    3,
  )
  expect(cumulative.at(0)?.belowMicroseconds).toBe(1)
  expect(cumulative.at(-1)?.belowMicroseconds).toBe(longestMicroseconds)
  expect(cumulative.map(({ belowMicroseconds }) => belowMicroseconds)).toEqual(cumulative.map((_, at) => 2 ** at))
  expect(cumulative.map((step) => step.samples)).toEqual(
    cumulative.map(({ belowMicroseconds }) => took.filter((each) => each < belowMicroseconds).length),
  )
})

test('what nobody has done has no latencies', () => {
  const { cumulative, samples, totalMicroseconds } = readStatistics(memory(), threads).operations.merge.latency
  expect([samples, totalMicroseconds, ...new Set(cumulative.map((step) => step.samples))]).toEqual([0, 0, 0])
})
