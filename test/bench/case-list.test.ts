/** The grid covers what it says it covers. */
import { describe, expect, it } from 'vitest'
import { remainingCases, targetCases, usualCases } from '../../bench/grid/case-list.js'
import { caseName } from '../../bench/grid/grid-case.js'

const all = () => [...targetCases(), ...usualCases(), ...remainingCases()]

describe('the grid', () => {
  it('has a name of its own for every case', () => {
    const names = all().map(caseName)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each([
    ['chunk size', 'chunkBytes', [4096, 16384, 65536]],
    ['worker count', 'workers', [1, 2]],
    ['queue depth', 'depth', [1, 64]],
    ['number of snapshots', 'snapshots', [1, 2, 4, 8]],
    ['durability', 'durability', ['power-loss', 'process-crash']],
  ] as const)('has origin first writes with every %s', (_, parameter, values) => {
    const found = new Set(
      all()
        .filter(({ work }) => work === 'origin-first-write')
        .map((grid) => grid[parameter]),
    )
    expect([...found].sort()).toEqual([...values].sort())
  })

  it('writes part of a chunk where it says so', () => {
    const partial = all().filter(({ work }) => work === 'snapshot-first-write-partial')
    expect(partial.length).toBeGreaterThan(0)
    for (const { chunkBytes, ioBytes } of partial) expect(ioBytes).toBeLessThan(chunkBytes)
  })
})
