/** What lanes report, added up. */
import { describe, expect, it } from 'vitest'
import { type LaneReport, Tally } from '../../../src/load/lane/tally.js'
import { percentileOf } from '../../../src/load/result/latency-histogram.js'
import { Collector, type Row } from '../../../src/load/run/collector.js'

const row = (name: string): Row => ({
  name,
  group: 0,
  target: 'file:disk',
  options: {},
  clones: 1,
  depth: 1,
  arrival: 'closed-loop',
})

/** So many reads of 1 ms, one after the other. */
function report(lane: number, fromMs: number, toMs: number, reads: number, isRamp = false): LaneReport {
  const tally = new Tally(lane, false, fromMs)
  for (let read = 0; read < reads; read++) tally.count(0, 4096, 1, 1)
  return tally.take(toMs, isRamp)
}

describe('a tally', () => {
  it('tells what was counted since it was last asked, and leaves out directions without requests', () => {
    const tally = new Tally(3, true, 10)
    tally.count(1, 4096, 5, 2)
    tally.count(1, 512, 7, 3)
    tally.failed(2)
    const first = tally.take(20, false)
    expect([first.lane, first.fromMs, first.toMs, Object.keys(first.directions)]).toEqual([
      3,
      10,
      20,
      ['write', 'trim'],
    ])
    expect(first.directions.write).toMatchObject({ requests: 2, bytes: 4608, errors: 0 })
    expect(first.directions.write?.latency).toMatchObject({ samples: 2, minNanoseconds: 5e6, maxNanoseconds: 7e6 })
    expect(first.directions.write?.service).toMatchObject({ samples: 2, minNanoseconds: 2e6, maxNanoseconds: 3e6 })
    expect(first.directions.trim).toMatchObject({ requests: 0, errors: 1 })
    expect(tally.take(30, true)).toEqual({ lane: 3, fromMs: 20, toMs: 30, isRamp: true, directions: {} })
  })
})

describe('the collector', () => {
  it('has a row for each lane, or for all that are reported together', () => {
    const collector = new Collector(500)
    collector.addRow(row('one'), [0])
    collector.addRow(row('two'), [1, 2])
    collector.add(report(0, 0, 500, 10))
    collector.add(report(1, 0, 500, 20))
    collector.add(report(2, 0, 1000, 30))
    const [one, two] = collector.jobs()
    expect(one?.directions.read).toMatchObject({ requests: 10, bytes: 40_960, seconds: 0.5 })
    expect(two?.directions.read).toMatchObject({ requests: 50, seconds: 1 })
    expect(two?.directions.read.latency.samples).toBe(50)
    expect(two?.directions.write).toMatchObject({ requests: 0, bytes: 0, seconds: 0 })
  })

  it('leaves the ramp out of the totals, not out of the series', () => {
    const collector = new Collector(500)
    collector.addRow(row('job'), [0])
    collector.add(report(0, 0, 500, 10, true))
    collector.add(report(0, 500, 700, 4, true))
    collector.add(report(0, 700, 1000, 6))
    collector.add(report(0, 1000, 1500, 10))
    expect(collector.jobs()[0]?.directions.read).toMatchObject({ requests: 16, seconds: 0.8 })
    expect(collector.series().map(({ directions, isRamp }) => [directions.read.requests, isRamp])).toEqual([
      [10, true],
      // Most of it was no longer the ramp.
      [10, false],
      [10, false],
    ])
  })

  it('adds up what all lanes did in an interval', () => {
    const collector = new Collector(500)
    collector.addRow(row('job'), [0, 1])
    collector.add(report(0, 0, 500.2, 10))
    collector.add(report(1, 0.1, 500.1, 5))
    collector.add(report(0, 500.2, 1000.3, 7))
    const points = collector.series()
    expect(points.map(({ atSeconds, directions }) => [atSeconds, directions.read.requests])).toEqual([
      [0.5002, 15],
      [1.0003, 7],
    ])
    expect(percentileOf(collector.jobs()[0]?.directions.read.latency as never, 50) / 1e6).toBeCloseTo(1, 1)
    expect(points[0]?.directions.read.p50Nanoseconds).toBeCloseTo(1e6, -5)
  })

  it('shows an interval when no lane can report of it any more', () => {
    const collector = new Collector(500)
    collector.add(report(0, 0, 500, 10))
    collector.closeUntil(999)
    expect(collector.lastPoint).toBeUndefined()
    collector.closeUntil(1000)
    expect(collector.lastPoint?.directions.read.requests).toBe(10)
  })

  it('has no intervals that overlap when a lane was blocked, and loses nothing', () => {
    const collector = new Collector(500)
    collector.addRow(row('job'), [0, 1])
    collector.add(report(1, 0, 500, 1))
    for (let at = 0; at < 3000; at += 500) {
      collector.add(report(0, at, at + 500, 10))
      if (at === 2000) collector.add(report(1, 500, 2500, 1))
      collector.closeUntil(at + 501)
    }
    const points = collector.series()
    expect(points.map(({ atSeconds }) => atSeconds)).toEqual([0.5, 1, 1.5, 2, 2.5, 3])
    expect(points.map(({ seconds }) => seconds)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    expect(points.reduce((sum, { directions }) => sum + directions.read.requests, 0)).toBe(62)
    expect(collector.jobs()[0]?.directions.read.requests).toBe(62)
  })

  it('keeps the first failure of a row', () => {
    const collector = new Collector(500)
    collector.addRow(row('one'), [0, 1])
    collector.addRow(row('two'), [2])
    collector.failed(1, 'first')
    collector.failed(0, 'second')
    const [one, two] = collector.jobs()
    expect([one?.failure, two && 'failure' in two]).toEqual(['first', false])
  })
})
