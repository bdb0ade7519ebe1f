import { describe, expect, test } from 'vitest'
import { type MergeLimits, MergePace } from '../../../src/control/merge-pace.js'
import { LatencyWatch, operationIndex, StatisticsWriter, statisticsBytes } from '../../../src/shm/statistics.js'

const mebibyte = 2 ** 20

function paceOf(limits: MergeLimits) {
  const memory = new SharedArrayBuffer(statisticsBytes(1))
  const writer = new StatisticsWriter(memory, 0)
  const pace = new MergePace(limits, new LatencyWatch(memory))
  const foreground = (count: number, ms: number) => {
    for (let each = 0; each < count; each++) writer.operation(operationIndex.originWrite, 4096, ms, false)
  }
  return { pace, foreground }
}

/** Merges for so many milliseconds of a clock of its own, at `bytesPerMs` while it merges; answers how many bytes. */
function merged(pace: MergePace, forMs: number, startMs = 1000, bytesPerMs = mebibyte, each: () => void = () => {}) {
  let nowMs = startMs
  let bytes = 0
  while (nowMs < startMs + forMs) {
    const window = Math.max(4096, Math.floor(pace.windowBytes / 4096) * 4096)
    const tookMs = window / bytesPerMs
    nowMs += tookMs
    bytes += window
    each()
    nowMs += pace.after(window, tookMs, nowMs)
  }
  return bytes
}

describe('without limits', () => {
  test('it never waits', () => {
    const { pace } = paceOf({})
    for (let window = 0; window < 20; window++) expect(pace.after(mebibyte, 1, window)).toBe(0)
  })

  test('windows grow while they are short and shrink when they take long, within their limits', () => {
    const { pace } = paceOf({})
    const sizes = [pace.windowBytes]
    for (let window = 0; window < 6; window++) {
      pace.after(pace.windowBytes, 1, window)
      sizes.push(pace.windowBytes)
    }
    expect(sizes.map((size) => size / mebibyte)).toEqual([1, 2, 4, 8, 16, 32, 32])
    pace.after(pace.windowBytes, 10, 0)
    expect(pace.windowBytes).toBe(32 * mebibyte)
    for (const expected of [16, 8, 4, 2, 1, 1]) {
      pace.after(pace.windowBytes, 100, 0)
      expect(pace.windowBytes).toBe(expected * mebibyte)
    }
  })
})

describe('with a rate limit', () => {
  test('it merges as many bytes a second as it may, evenly', () => {
    const { pace } = paceOf({ rateLimit: 10 * mebibyte })
    expect(pace.windowBytes).toBe(mebibyte / 2)
    for (let second = 0; second < 3; second++) {
      const bytes = merged(pace, 1000, 1000 + 1000 * second)
      expect(bytes / mebibyte).toBeGreaterThan(9.4)
      expect(bytes / mebibyte).toBeLessThan(10.6)
    }
  })

  test('a limit that the devices do not reach makes nobody wait', () => {
    const { pace } = paceOf({ rateLimit: 1024 * mebibyte })
    // One mebibyte a millisecond is less than what is allowed.
    let nowMs = 1000
    for (let window = 0; window < 10; window++) {
      nowMs += 1
      expect(pace.after(mebibyte, 1, nowMs)).toBeLessThan(1)
      nowMs += 0.5
    }
  })

  test('what was not used while it was held up is not made up for', () => {
    const { pace } = paceOf({ rateLimit: 10 * mebibyte })
    pace.after(mebibyte, 1, 1000)
    // A minute later.
    expect(pace.after(mebibyte, 1, 61_000)).toBeCloseTo(99)
  })

  test('a new limit holds from the next window on', () => {
    const { pace } = paceOf({ rateLimit: mebibyte })
    expect(pace.after(mebibyte, 1, 1000)).toBeCloseTo(999)
    pace.limits = { rateLimit: 100 * mebibyte }
    expect(pace.after(mebibyte, 1, 1100)).toBeCloseTo(9)
    pace.limits = {}
    expect(pace.after(mebibyte, 1, 1200)).toBe(0)
  })
})

describe('with a latency target', () => {
  const speed = (pace: MergePace, startMs: number, each: () => void) =>
    merged(pace, 1000, startMs, mebibyte, each) / mebibyte

  test('windows are short, whatever the speed', () => {
    const { pace } = paceOf({ latencyTarget: 5 })
    for (let window = 0; window < 10; window++) pace.after(mebibyte, 1, window)
    expect(pace.windowBytes).toBe(2 ** 17)
  })

  test('above the target it slows down at once, to its slowest, and never stops', () => {
    const { foreground, pace } = paceOf({ latencyTarget: 5 })
    const slow = () => foreground(50, 20)
    const first = speed(pace, 1000, slow)
    const second = speed(pace, 2000, slow)
    expect(second).toBeLessThan(first)
    expect(second).toBeGreaterThan(0.5)
    expect(second).toBeLessThan(1.5)
  })

  test('below the target it speeds up little by little, and faster when nobody asks for anything', () => {
    const busy = paceOf({ latencyTarget: 5 })
    const first = speed(busy.pace, 1000, () => busy.foreground(50, 1))
    const second = speed(busy.pace, 2000, () => busy.foreground(50, 1))
    expect(second).toBeGreaterThan(first)
    const idle = paceOf({ latencyTarget: 5 })
    expect(speed(idle.pace, 1000, () => {})).toBeGreaterThan(first)
  })

  test('a few slow requests are not looked at until there are enough of them', () => {
    const { foreground, pace } = paceOf({ latencyTarget: 5 })
    const before = pace.after(mebibyte, 1, 1000)
    foreground(3, 1000)
    const waits: number[] = []
    for (let window = 0; window < 5; window++) waits.push(pace.after(0, 1, 1100 + 50 * window))
    expect(before).toBeGreaterThan(0)
    expect(waits).toEqual([0, 0, 0, 0, 0])
    // The rate is the one it was.
    expect(pace.after(mebibyte, 1, 5000)).toBe(before)
  })

  test('a rate limit holds beside it', () => {
    const { foreground, pace } = paceOf({ latencyTarget: 5, rateLimit: 2 * mebibyte })
    for (let second = 0; second < 3; second++) {
      const reached = speed(pace, 1000 + 1000 * second, () => foreground(50, 1))
      expect(reached).toBeGreaterThan(1.7)
      expect(reached).toBeLessThan(2.3)
    }
  })
})
