/** A lane, by a clock and a device of the test's own. */
import { describe, expect, it } from 'vitest'
import { RecordedRequests } from '../../../src/load/trace/recorded-lane.js'
import { LaneBench } from '../../support/load/lane-bench.js'

/** A device that answers in 0.5 ms, but is still from 1 s to 1.5 s. */
const stalling = ({ atMs }: { atMs: number }) => ({ atMs: atMs >= 1000 && atMs < 1500 ? 1500 : atMs + 0.5 })
const timed = { rw: 'read', time_based: '', runtime: '3' }

describe('a lane', () => {
  it('of an open loop counts from the instant a request is due, so a stall is seen by all that were due in it', () => {
    const bench = new LaneBench({ ...timed, rate_iops: '1000', open_loop: '' }, { answer: stalling }).run()
    const whole = bench.latency('read')
    expect(whole.samples).toBeGreaterThan(2990)
    // A sixth of them was due in the stall, evenly.
    expect(whole.percentile(99) / 1e6).toBeGreaterThan(400)
    expect(whole.percentile(90) / 1e6).toBeGreaterThan(150)
    expect(whole.percentile(50) / 1e6).toBeLessThan(60)
    expect(whole.maxNanoseconds / 1e6).toBeGreaterThan(495)
    expect(bench.latency('read', 'service').percentile(99) / 1e6).toBeLessThan(2)
  })

  it('of a closed loop counts from sending, so a stall is seen once', () => {
    const bench = new LaneBench({ ...timed, rate_iops: '1000' }, { answer: stalling }).run()
    const whole = bench.latency('read')
    expect(whole.percentile(99) / 1e6).toBeLessThan(2)
    expect(whole.maxNanoseconds / 1e6).toBeGreaterThan(490)
    expect(bench.reports[0]?.directions.read?.service).toBeUndefined()
  })

  it('has as many requests in flight as it may, and no more', () => {
    const bench = new LaneBench({ rw: 'randread', iodepth: '8' })
    let most = 0
    const { lane } = bench
    const issue = lane.issue.bind(lane)
    lane.issue = (nowMs) => {
      const wait = issue(nowMs)
      most = Math.max(most, lane.inFlight)
      return wait
    }
    bench.run()
    expect([most, bench.sent.length, lane.isDone, lane.inFlight]).toEqual([8, 256, true, 0])
    expect(bench.nowMs).toBe(32)
  })

  it('ends when its size is done, before its time', () => {
    const bench = new LaneBench({ rw: 'read', runtime: '10' }).run()
    expect(bench.sent).toHaveLength(256)
    expect(bench.nowMs).toBeLessThan(300)
  })

  it('ends when its time is up, before its size is done', () => {
    const bench = new LaneBench({ rw: 'read', runtime: '100ms' }).run()
    expect(bench.sent).toHaveLength(100)
    expect(bench.nowMs).toBeCloseTo(100, 0)
  })

  it('ends in a long pause, when its time is up', () => {
    const bench = new LaneBench({ ...timed, runtime: '800ms', thinktime: '1h' })
    bench.lane.issue(0)
    bench.nowMs = 1
    bench.lane.ended(0, 0, 1)
    expect(bench.lane.issue(600)).toBeLessThanOrEqual(200)
    bench.lane.issue(800)
    expect([bench.lane.isDone, bench.sent.length]).toEqual([true, 1])
  })

  it('leaves out what is in the ramp, which comes before its time', () => {
    const bench = new LaneBench({ ...timed, runtime: '1', ramp_time: '750ms' }).run()
    expect(bench.nowMs).toBeCloseTo(1750, 0)
    const ramp = bench.reports.filter(({ isRamp }) => isRamp)
    expect(ramp.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [0, 500],
      [500, 750],
    ])
    expect(bench.latency('read').samples).toBe(1000)
    expect(bench.reports.reduce((sum, { directions }) => sum + (directions.read?.requests ?? 0), 0)).toBe(1750)
  })

  it('reports once an interval, without gaps', () => {
    const { reports } = new LaneBench({ ...timed, runtime: '1.2' }).run()
    expect(reports.map(({ fromMs }) => fromMs)).toEqual([0, 500, 1000])
    expect(reports.slice(1).map(({ fromMs }) => fromMs)).toEqual(reports.slice(0, -1).map(({ toMs }) => toMs))
  })

  it('flushes behind every so many writes, also behind the last, and at no other time', () => {
    expect(new LaneBench({ rw: 'write', fsync: '2' }, { regionBytes: 6 * 4096 }).run().operations).toBe('wwswwswws')
    expect(new LaneBench({ rw: 'write', fsync: '4' }, { regionBytes: 6 * 4096 }).run().operations).toBe('wwwwsww')
    expect(new LaneBench({ rw: 'read', fsync: '1' }, { regionBytes: 2 * 4096 }).run().operations).toBe('rr')
    expect(new LaneBench({ rw: 'trim', fsync: '1' }, { regionBytes: 2 * 4096 }).run().operations).toBe('tt')
    const bench = new LaneBench({ rw: 'write', fsync: '1' }, { regionBytes: 4 * 4096 }).run()
    expect(bench.latency('sync').samples).toBe(4)
  })

  it('pauses between requests, from the answer on', () => {
    const at = new LaneBench({ rw: 'read', thinktime: '10ms' }, { regionBytes: 3 * 4096 }).run().sent
    expect(at.map(({ atMs }) => atMs)).toEqual([0, 11, 22])
  })

  it('pauses when all of so many are answered', () => {
    const options = { rw: 'read', iodepth: '4', thinktime: '10ms', thinktime_blocks: '2' }
    const at = new LaneBench(options, { regionBytes: 6 * 4096 }).run().sent
    expect(at.map(({ atMs }) => atMs)).toEqual([0, 0, 11, 11, 22, 22])
  })

  it('pauses from the last of these answers on', () => {
    const options = { rw: 'read', iodepth: '4', thinktime: '10ms', thinktime_blocks: '2' }
    const answer = ({ atMs }: { atMs: number }, index: number) => ({ atMs: atMs + (index % 2 === 0 ? 1 : 5) })
    const at = new LaneBench(options, { regionBytes: 4 * 4096, answer }).run().sent
    expect(at.map(({ atMs }) => atMs)).toEqual([0, 0, 15, 15])
  })

  it('ends with a sentence when a request fails, and takes what is still in flight', () => {
    const answer = ({ atMs }: { atMs: number }, index: number) => ({
      atMs: atMs + 1 + index,
      errno: index === 2 ? 28 : 0,
    })
    const bench = new LaneBench({ rw: 'write', iodepth: '4' }, { answer }).run()
    expect(bench.lane.failure).toBe('a write of 4096 bytes at 8192 failed: errno 28')
    expect(bench.lane.inFlight).toBe(0)
    const { errors, requests } = bench.reports[0]?.directions.write ?? {}
    expect([errors, (requests ?? 0) + (errors ?? 0)]).toEqual([1, bench.sent.length])
    expect(bench.nowMs).toBeLessThan(20)
  })

  it('says which flush failed, too', () => {
    const answer = ({ atMs, what }: { atMs: number; what: number }) => ({ atMs: atMs + 1, errno: what === 3 ? 5 : 0 })
    expect(new LaneBench({ rw: 'write', fsync: '1' }, { answer }).run().lane.failure).toBe('a flush failed: errno 5')
  })

  it('sends nothing more once it is stopped', () => {
    const bench = new LaneBench(timed).run(100)
    const { length } = bench.sent
    bench.lane.stop()
    bench.run()
    expect([bench.sent.length, bench.lane.isDone, bench.lane.failure]).toEqual([length, true, undefined])
  })
})

describe('a lane that repeats a recording', () => {
  const recorded = (speed: number) =>
    new RecordedRequests({
      lane: 0,
      depth: 4,
      operations: Uint8Array.of(1, 3, 0, 2),
      offsets: Float64Array.of(0, 0, 4096, 8192),
      lengths: Uint32Array.of(4096, 0, 512, 8192),
      dueMs: Float64Array.of(10, 20, 40, 60),
      speed,
    })

  it.each([
    [1, [10, 20, 40, 60]],
    [2, [5, 10, 20, 30]],
    [Number.POSITIVE_INFINITY, [0, 0, 0, 0]],
  ] as const)('at speed %d sends each when it is due, flushes too', (speed, at) => {
    const source = recorded(speed)
    const options = Number.isFinite(speed) ? { rate_iops: '1', open_loop: '' } : {}
    const bench = new LaneBench(options, { source, pace: source, depth: 4 }).run()
    expect(bench.operations).toBe('wsrt')
    expect(bench.sent.map(({ atMs }) => atMs)).toEqual([...at])
    expect(bench.sent.map(({ byteLength, offset }) => [offset, byteLength])).toEqual([
      [0, 4096],
      [0, 0],
      [4096, 512],
      [8192, 8192],
    ])
  })

  it('counts from when they were due, if the device is slower than the one that was recorded', () => {
    const source = recorded(1)
    const answer = ({ atMs }: { atMs: number }) => ({ atMs: atMs + 100 })
    const bench = new LaneBench({ rate_iops: '1', open_loop: '' }, { source, pace: source, depth: 1, answer }).run()
    expect(bench.sent.map(({ atMs }) => atMs)).toEqual([10, 110, 210, 310])
    expect(bench.latency('trim').maxNanoseconds).toBe(350e6)
    expect(bench.latency('sync').maxNanoseconds).toBe(190e6)
  })
})
