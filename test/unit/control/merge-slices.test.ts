import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { slicesOf } from '../../../src/control/merge-loop.js'
import { MergeWindow, mergeWindowBytes } from '../../../src/shm/merge-window.js'
import { holds } from '../../support/seeded.js'

const sliceBytes = 2 ** 18

/** A window of runs of so many chunks. */
function windowOf(runs: readonly number[]): MergeWindow {
  const window = new MergeWindow(new SharedArrayBuffer(mergeWindowBytes))
  const count = runs.reduce((sum, run) => sum + run, 0)
  window.open(0, count)
  let index = 0
  for (const [run, length] of runs.entries()) {
    for (let each = 0; each < length; each++) window.set(index, 10_000 * run + each, 2 + index++)
  }
  return window
}

describe('slices of a window', () => {
  test('short runs go together, the last ones first', () => {
    expect(slicesOf(windowOf([3, 2, 1]), 4096, sliceBytes)).toEqual([[0, 6 * 4096]])
    // 64 chunks fill a slice.
    expect(slicesOf(windowOf([40, 30, 20]), 4096, sliceBytes)).toEqual([
      [40 * 4096, 90 * 4096],
      [0, 40 * 4096],
    ])
  })

  test('a long run is taken in parts, from its beginning', () => {
    expect(slicesOf(windowOf([1, 150]), 4096, sliceBytes)).toEqual([
      [4096, 65 * 4096],
      [65 * 4096, 129 * 4096],
      [129 * 4096, 151 * 4096],
      [0, 4096],
    ])
  })

  test('a chunk larger than a slice is taken in parts', () => {
    expect(slicesOf(windowOf([1, 1]), 3 * sliceBytes, sliceBytes)).toHaveLength(6)
  })

  test('an empty window has none', () => {
    expect(slicesOf(windowOf([]), 4096, sliceBytes)).toEqual([])
  })

  test('they are the window, each byte once, none longer than a slice', () => {
    const runs = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 })
    const chunk = fc.constantFrom(512, 4096, 65536, 2 ** 19)
    holds(
      'test/unit/control/merge-slices.test.ts',
      fc.property(runs, chunk, (lengths, chunkBytes) => {
        const window = windowOf(lengths)
        const slices = slicesOf(window, chunkBytes, sliceBytes)
        const ascending = [...slices].sort(([a], [b]) => a - b)
        let at = 0
        for (const [from, end] of ascending) {
          expect(from).toBe(at)
          expect(end - from).toBeLessThanOrEqual(sliceBytes)
          at = end
        }
        expect(at).toBe(window.count * chunkBytes)
      }),
      200,
    )
  })
})
