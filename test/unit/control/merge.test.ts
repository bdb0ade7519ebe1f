import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Merge, type MergeProgress } from '../../../src/control/merge.js'

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false
  promise.then(
    () => {
      settled = true
    },
    () => {
      settled = true
    },
  )
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  return settled
}

describe('pause and resume', () => {
  test('pause resolves when the window in hand is done, not before', async () => {
    const merge = new Merge()
    merge.setBusy(true)
    const paused = merge.pause()
    expect(merge.state).toBe('paused')
    expect(await isSettled(paused)).toBe(false)
    merge.setBusy(false)
    expect(await isSettled(paused)).toBe(true)
  })

  test('the one who merges goes on after resume, and hears when there is nothing more to do', async () => {
    const merge = new Merge()
    expect(await merge.mayGoOn()).toBe(true)
    await merge.pause()
    const mayGoOn = merge.mayGoOn()
    expect(await isSettled(mayGoOn)).toBe(false)
    merge.resume()
    expect([await mayGoOn, merge.state]).toEqual([true, 'running'])
    await merge.pause()
    const afterEnd = merge.mayGoOn()
    await merge.cancel()
    expect(await afterEnd).toBe(false)
  })

  test('a sleep ends when the state changes', async () => {
    const merge = new Merge()
    const asleep = merge.sleep(60_000)
    expect(await isSettled(asleep)).toBe(false)
    await merge.pause()
    expect(await isSettled(asleep)).toBe(true)
  })

  test('a sleep ends when the limits change, and not when they are what they were', async () => {
    const merge = new Merge({ rateLimit: 1 })
    const asleep = merge.sleep(60_000)
    merge.limits = { rateLimit: 1 }
    expect(await isSettled(asleep)).toBe(false)
    merge.limits = { rateLimit: 1e9 }
    expect(await isSettled(asleep)).toBe(true)
  })

  test('what has ended is neither paused nor resumed', async () => {
    const merge = new Merge()
    await merge.cancel()
    await merge.pause()
    merge.resume()
    expect(merge.state).toBe('cancelled')
  })
})

describe('how it ends', () => {
  test('cancel waits for the window in hand, then for what is to be done before, then ends it', async () => {
    const merge = new Merge()
    const order: string[] = []
    merge.whenCancelled = async () => {
      order.push('cleanup')
    }
    merge.setBusy(true)
    const cancelled = merge.cancel().then(() => order.push('cancelled'))
    expect(await isSettled(cancelled)).toBe(false)
    expect(order).toEqual([])
    merge.setBusy(false)
    await cancelled
    expect(order).toEqual(['cleanup', 'cancelled'])
    expect(await merge.finished).toBe('cancelled')
  })

  test('a merge that is done meanwhile is merged, not cancelled', async () => {
    const merge = new Merge()
    merge.setBusy(true)
    const cancelled = merge.cancel()
    merge.end('merged')
    merge.setBusy(false)
    await cancelled
    expect([merge.state, await merge.finished]).toEqual(['merged', 'merged'])
  })

  test('a cancel cannot be undone by a resume', async () => {
    const merge = new Merge()
    let done = () => {}
    merge.whenCancelled = () =>
      new Promise((resolve) => {
        done = resolve
      })
    const cancelled = merge.cancel()
    await Promise.resolve()
    merge.resume()
    // No window may begin any more: whoever waits for the cancel finds the merge at rest.
    expect(merge.state).toBe('paused')
    done()
    await cancelled
    expect(merge.state).toBe('cancelled')
  })

  test('a cancel that fails leaves a merge that can be resumed', async () => {
    const merge = new Merge()
    merge.whenCancelled = () => Promise.reject(new Error('no'))
    await expect(merge.cancel()).rejects.toThrow('no')
    merge.resume()
    expect(merge.state).toBe('running')
  })

  test('it has ended when what is still to be done is done; if that fails, so does the merge', async () => {
    const merge = new Merge()
    await merge.complete()
    expect(await merge.finished).toBe('merged')
    const failing = new Merge()
    failing.whenMerged = () => Promise.reject(new Error('no'))
    await failing.complete()
    await expect(failing.finished).rejects.toThrow('no')
    expect(failing.state).toBe('failed')
  })

  test('the first end counts', async () => {
    const merge = new Merge()
    merge.fail(new Error('broken'))
    merge.end('merged')
    merge.fail(new Error('again'))
    await merge.cancel()
    expect(merge.state).toBe('failed')
    await expect(merge.finished).rejects.toThrow('broken')
  })
})

describe('progress', () => {
  const shownUntilEnd = async (merge: Merge): Promise<MergeProgress[]> => {
    const shown: MergeProgress[] = []
    for await (const progress of merge.progress) shown.push(progress)
    return shown
  }

  test('is told at once, when it changes, and at the end', async () => {
    const merge = new Merge()
    merge.report(0, 100)
    const shown = shownUntilEnd(merge)
    await new Promise((resolve) => setTimeout(resolve, 20))
    merge.report(40, 100)
    await new Promise((resolve) => setTimeout(resolve, 150))
    merge.report(100, 100)
    merge.end('merged')
    const figures = (await shown).map(({ done, state, total }) => [done, total, state])
    expect(figures).toEqual([
      [0, 100, 'running'],
      [40, 100, 'running'],
      [100, 100, 'merged'],
    ])
  })

  test('is not told more often than ten times a second', async () => {
    const merge = new Merge()
    const shown = shownUntilEnd(merge)
    const startMs = performance.now()
    for (let done = 0; performance.now() - startMs < 350; done++) {
      merge.report(done, 1e9)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    merge.end('cancelled')
    expect((await shown).length).toBeLessThanOrEqual(6)
  })

  test('throws what the merge failed with, after the last figures', async () => {
    const merge = new Merge()
    merge.report(7, 100)
    const seen: number[] = []
    const watching = (async () => {
      for await (const { done } of merge.progress) seen.push(done)
    })()
    merge.fail(new Error('broken'))
    await expect(watching).rejects.toThrow('broken')
    expect(seen).toEqual([7])
  })

  test('a speed and a time that is left are those of the last seconds; there are none while it is paused', async () => {
    vi.useFakeTimers()
    try {
      const merge = new Merge()
      merge.report(0, 1000)
      expect(merge.current).toMatchObject({ bytesPerSecond: 0, etaSeconds: undefined })
      vi.advanceTimersByTime(1000)
      merge.report(100, 1000)
      expect(merge.current).toMatchObject({ bytesPerSecond: 100, etaSeconds: 9 })
      // Older samples no longer count.
      for (let second = 0; second < 4; second++) {
        vi.advanceTimersByTime(1000)
        merge.report(150 + 50 * second, 1000)
      }
      expect(merge.current.bytesPerSecond).toBeCloseTo(50)
      void merge.pause()
      expect(merge.current).toMatchObject({ bytesPerSecond: 0, etaSeconds: undefined, state: 'paused' })
      merge.resume()
      expect(merge.current.bytesPerSecond).toBe(0)
      merge.report(1000, 1000)
      expect(merge.current.etaSeconds).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the speed', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('falls while nothing is merged', () => {
    const merge = new Merge()
    merge.report(0, 1000)
    vi.advanceTimersByTime(100)
    merge.report(100, 1000)
    expect(merge.current).toMatchObject({ bytesPerSecond: 1000, etaSeconds: 0.9 })
    vi.advanceTimersByTime(900)
    expect(merge.current).toMatchObject({ bytesPerSecond: 100, etaSeconds: 9 })
  })

  test('of a merge that is rarely heard of is that of its last window', () => {
    const merge = new Merge()
    merge.report(0, 1000)
    vi.advanceTimersByTime(10_000)
    merge.report(100, 1000)
    expect(merge.current).toMatchObject({ bytesPerSecond: 10, etaSeconds: 90 })
  })
})

describe('limits', () => {
  test.each([
    ['rateLimit', 0],
    ['rateLimit', -1],
    ['rateLimit', Number.NaN],
    ['latencyTarget', 0],
    ['latencyTarget', Number.POSITIVE_INFINITY],
  ])('%s of %d is refused, and leaves the limits there were', (name, value) => {
    expect(() => new Merge({ [name]: value })).toThrow(name)
    const merge = new Merge({ rateLimit: 5 })
    expect(() => {
      merge.limits = { [name]: value }
    }).toThrow(name)
    expect(merge.limits).toEqual({ rateLimit: 5 })
  })
})
