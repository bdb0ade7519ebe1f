import { describe, expect, test } from 'vitest'
import { LatencyWatch, operationIndex, StatisticsWriter, statisticsBytes } from '../../../src/shm/statistics.js'

function watched(workers = 2) {
  const memory = new SharedArrayBuffer(statisticsBytes(workers))
  const writers = Array.from({ length: workers }, (_, worker) => new StatisticsWriter(memory, worker))
  const request = (worker: number, index: number, ms: number) => writers[worker]?.operation(index, 512, ms, false)
  return { watch: new LatencyWatch(memory), request }
}

/** A percentile is at most an eighth off. */
const expectAbout = (ms: number, expected: number) => {
  expect(ms).toBeGreaterThan(expected * 0.85)
  expect(ms).toBeLessThan(expected * 1.15)
}

describe('the latency watch', () => {
  test('looks at the requests of all workers and kinds, and not at a merge', () => {
    const { request, watch } = watched()
    expect(watch.look()).toEqual({ samples: 0, p99Ms: 0 })
    request(0, operationIndex.originRead, 1)
    request(1, operationIndex.snapshotWrite, 1)
    request(1, operationIndex.flush, 1)
    for (let each = 0; each < 100; each++) request(0, operationIndex.merge, 500)
    const { p99Ms, samples } = watch.look()
    expect(samples).toBe(3)
    expectAbout(p99Ms, 1)
  })

  test('its figure is what one request in a hundred takes', () => {
    const { request, watch } = watched()
    for (let each = 0; each < 985; each++) request(each % 2, operationIndex.originWrite, 0.2)
    for (let each = 0; each < 15; each++) request(0, operationIndex.originWrite, 40)
    expectAbout(watch.look().p99Ms, 40)
    for (let each = 0; each < 1000; each++) request(1, operationIndex.originWrite, 0.2)
    expectAbout(watch.look().p99Ms, 0.2)
  })

  test('begins anew after what it saw last, without losing what came since', () => {
    const { request, watch } = watched()
    for (let each = 0; each < 50; each++) request(0, operationIndex.originRead, 30)
    watch.look()
    request(1, operationIndex.originRead, 2)
    watch.restart()
    const { p99Ms, samples } = watch.look()
    expect(samples).toBe(1)
    expectAbout(p99Ms, 2)
  })
})
