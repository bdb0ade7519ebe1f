/** The grid covers what it says it covers, and what is published of it is picked by the rule. */
import { describe, expect, it } from 'vitest'
import {
  breakingWorks,
  rawWorks,
  remainingCases,
  steadyWorks,
  targetCases,
  usualCases,
} from '../../bench/grid/case-list.js'
import { curveCaseName, curveCases, snapshotCounts } from '../../bench/grid/curve/curve-cases.js'
import { servedCaseName, servedCases } from '../../bench/grid/curve/served-curve.js'
import { caseName, chunksPerWrite, type GridCase, isFirstWrite } from '../../bench/grid/grid-case.js'
import { publishedCases } from '../../bench/grid/published-cases.js'

const kib = 1024
const all = () => [...targetCases(), ...usualCases(), ...remainingCases()]
const valuesOf = (cases: readonly GridCase[], parameter: keyof GridCase) =>
  [...new Set(cases.map((grid) => grid[parameter]))].sort()

describe('the grid', () => {
  it('has a name of its own for every case', () => {
    const names = [...all().map(caseName), ...curveCases().map(curveCaseName), ...servedCases().map(servedCaseName)]
    expect(new Set(names).size).toBe(names.length)
  })

  it.each([
    ['chunk size', 'chunkBytes', [4096, 16384, 65536, 1048576]],
    ['worker count', 'workers', [1, 2]],
    ['queue depth', 'depth', [1, 64]],
    ['number of snapshots', 'snapshots', [1, 2, 4, 8]],
    ['order', 'order', ['random', 'sequential']],
    ['store', 'store', ['N', 'P', 'PO']],
    ['durability', 'durability', ['none', 'power-loss', 'process-crash']],
  ] as const)('has origin first writes with every %s', (_, parameter, values) => {
    const found = valuesOf(
      all().filter(({ work }) => work === 'origin-first-write'),
      parameter,
    )
    expect(found).toEqual([...values].sort())
  })

  it('writes part of a chunk where it says so, and whole ones where it says that', () => {
    const partial = all().filter(({ work }) => work === 'snapshot-first-write-partial')
    expect(partial.length).toBeGreaterThan(0)
    for (const { chunkBytes, ioBytes } of partial) expect(ioBytes).toBeLessThan(chunkBytes)
    for (const grid of all().filter(({ work }) => work === 'snapshot-first-write-whole')) {
      expect(grid.ioBytes).toBe(chunksPerWrite(grid) * grid.chunkBytes)
    }
  })

  it('keeps no promise that a transient store cannot', () => {
    for (const { durability, store } of all()) expect(durability === 'none').toBe(store === 'N')
  })
})

describe('the published selection', () => {
  const works = [...rawWorks, ...breakingWorks, ...steadyWorks]

  it('has every case with a target, and each case once', () => {
    const names = publishedCases().map(caseName)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(expect.arrayContaining(targetCases().map(caseName)))
  })

  it.each(works)('changes each dimension of %s alone, through all of its values', (work) => {
    const cases = publishedCases().filter((grid) => grid.work === work && grid.calls === 'async')
    expect(valuesOf(cases, 'workers')).toEqual([1, 2])
    expect(valuesOf(cases, 'depth')).toEqual([1, 64])
    if (work !== 'snapshot-first-write-partial') expect(valuesOf(cases, 'order')).toEqual(['random', 'sequential'])
    if (rawWorks.includes(work) || work === 'origin-read' || work === 'snapshot-read-origin') return
    expect(valuesOf(cases, 'chunkBytes')).toEqual([4 * kib, 16 * kib, 64 * kib, 1024 * kib].sort())
    expect(valuesOf(cases, 'store')).toEqual(['N', 'P'])
    if (isFirstWrite(work)) {
      expect(valuesOf(cases, 'durability')).toEqual(['none', 'power-loss', 'process-crash'])
    }
  })
})

describe('the curves', () => {
  it('have each work with 0 to 64 snapshots', () => {
    for (const work of ['origin-first-write', 'origin-rewrite', 'origin-read']) {
      const counts = curveCases().filter((grid) => grid.work === work)
      expect(counts.map(({ snapshots }) => snapshots)).toEqual([...snapshotCounts])
    }
    for (const work of ['first-write', 'rewrite']) {
      const counts = servedCases().filter((served) => served.work === work)
      expect(counts.map(({ snapshots }) => snapshots)).toEqual([...snapshotCounts])
    }
  })
})
