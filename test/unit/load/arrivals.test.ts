/** When requests are due. */
import { describe, expect, it } from 'vitest'
import { Arrivals } from '../../../src/load/pattern/arrivals.js'
import { operation } from '../../../src/load/pattern/requests.js'
import { jobSpec } from '../../support/load/job-specs.js'

/** When so many requests are due, and which operation they have to be. */
function due(options: Record<string, string>, many: number, byteLength = 4096, clone = 0) {
  const arrivals = new Arrivals(jobSpec(options), clone)
  arrivals.begin(1000)
  return Array.from({ length: many }, () => {
    const request = { atMs: arrivals.dueMs - 1000, what: arrivals.wanted }
    arrivals.took(byteLength)
    return request
  })
}

const times = (...given: Parameters<typeof due>): number[] => due(...given).map(({ atMs }) => atMs)

describe('arrivals', () => {
  it('are at once without a rate', () => {
    expect(times({}, 3)).toEqual([0, 0, 0])
    expect(times({ rate_iops: '0' }, 3)).toEqual([0, 0, 0])
  })

  it('are at even distances by default', () => {
    expect(times({ rate_iops: '100' }, 5)).toEqual([0, 10, 20, 30, 40])
    expect(times({ rate_iops: '1000' }, 100_001).at(-1)).toBeCloseTo(100_000, 3)
  })

  it('of bytes come later behind longer requests', () => {
    expect(times({ rate: '1m' }, 3, 2 ** 19)).toEqual([0, 500, 1000])
    expect(times({ rate: '1m' }, 3, 2 ** 18)).toEqual([0, 250, 500])
  })

  it('of a Poisson process hold their rate, and have distances of an exponential distribution', () => {
    const at = times({ rate_iops: '1000', rate_process: 'poisson' }, 50_001)
    const apart = at.slice(1).map((each, index) => each - (at[index] as number))
    const mean = (at.at(-1) as number) / 50_000
    expect(mean).toBeCloseTo(1, 1)
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(0)
    const deviation = Math.sqrt(apart.reduce((sum, each) => sum + (each - mean) ** 2, 0) / apart.length)
    expect(deviation).toBeCloseTo(1, 1)
    expect(apart.filter((each) => each > 1).length / apart.length).toBeCloseTo(Math.exp(-1), 1)
    expect(times({ rate_iops: '1000', rate_process: 'poisson' }, 10, 4096, 1)).not.toEqual(at.slice(0, 10))
  })

  it('have a rate in each direction, and then come in the order in which they are due', () => {
    const all = due({ rw: 'randrw', rate_iops: '300,100' }, 400)
    const reads = all.filter(({ what }) => what === operation.read)
    expect(reads.length).toBeGreaterThanOrEqual(299)
    expect(reads.length).toBeLessThanOrEqual(301)
    expect(all.map(({ atMs }) => atMs)).toEqual(all.map(({ atMs }) => atMs).toSorted((one, other) => one - other))
    expect(due({ rw: 'randtrim', rate_iops: '1,2,10' }, 2)).toEqual([
      { atMs: 0, what: operation.trim },
      { atMs: 100, what: operation.trim },
    ])
  })

  it('have a pause behind so many requests, which begins when all are answered', () => {
    const arrivals = new Arrivals(jobSpec({ thinktime: '10ms', thinktime_blocks: '2' }), 0)
    arrivals.begin(1000)
    arrivals.took(4096)
    expect(arrivals.dueMs).toBe(1000)
    arrivals.quiet(1003)
    expect(arrivals.dueMs).toBe(1000)
    arrivals.took(4096)
    expect(arrivals.dueMs).toBe(Number.POSITIVE_INFINITY)
    arrivals.quiet(1005)
    expect(arrivals.dueMs).toBe(1015)
    arrivals.quiet(1020)
    expect(arrivals.dueMs).toBe(1015)
  })

  it('have a pause and a rate, whichever is later', () => {
    const arrivals = new Arrivals(jobSpec({ thinktime: '10ms', rate_iops: '50' }), 0)
    arrivals.begin(0)
    arrivals.took(4096)
    arrivals.quiet(1)
    expect(arrivals.dueMs).toBe(20)
    arrivals.took(4096)
    arrivals.quiet(35)
    expect(arrivals.dueMs).toBe(45)
  })
})
