/** The sides of a comparison do what they say: floors make the calls they stand for, and every kind of case runs. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chunkOrder } from '../../bench/grid/addresses.js'
import { make, sequential, transient } from '../../bench/grid/case-list.js'
import { curvePrefix } from '../../bench/grid/curve/curve-cases.js'
import { firstWriteJob } from '../../bench/grid/floor-job.js'
import { caseName, type GridCase } from '../../bench/grid/grid-case.js'
import { outcomeOf } from '../../bench/grid/outcome.js'
import { tableRow } from '../../bench/grid/result-table.js'
import { isInstalled } from '../../bench/peers/programs.js'
import { decodeNewChunk, decodeOldChunk } from '../../src/format/exception.js'
import { byteOffsetOfPosition, dataChunk, geometryOf } from '../../src/format/geometry.js'

// Threads need JavaScript files, so what starts any is the build's.
const built = <Module>(path: string): Promise<Module> =>
  import(new URL(`../../dist/bench/grid/${path}`, import.meta.url).href) as Promise<Module>
const { Workplace } = await built<typeof import('../../bench/grid/workplace.js')>('workplace.js')
const { descriptorOf, Floor } = await built<typeof import('../../bench/grid/floor.js')>('floor.js')
const { EngineSide } = await built<typeof import('../../bench/grid/engine-side.js')>('engine-side.js')
const { measure } = await built<typeof import('../../bench/grid/measure.js')>('measure.js')

const kib = 1024
const originBytes = 2 * 2 ** 20
/** Enough for everything there is in so small an origin. */
const longSeconds = 5
const short = { rounds: 1, seconds: 0.02 }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-grid-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const firstWrites: readonly GridCase[] = [
  make('origin-first-write'),
  make('origin-first-write', { chunkBytes: 4 * kib, snapshots: 3 }),
  make('origin-first-write', sequential),
  make('origin-first-write', { ...sequential, chunkBytes: 4 * kib }),
  make('origin-first-write', { chunkBytes: 1024 * kib }),
  make('origin-first-write', { depth: 1 }),
]
const named = (cases: readonly GridCase[]) => cases.map((grid) => ({ name: caseName(grid), grid }))

describe('the floor of first writes', () => {
  it.each(named(firstWrites))('copies every chunk to each store, and lists it: $name', async ({ grid }) => {
    using place = new Workplace(folder, originBytes)
    const floor = Floor.start(grid, place)
    const before = readFileSync(place.origin('floor'))
    await floor.rewind()
    const { operations } = await floor.pass(longSeconds)
    await floor.close()
    const chunkCount = originBytes / grid.chunkBytes
    expect(operations).toBe(originBytes / Math.max(grid.chunkBytes, grid.order === 'random' ? 0 : grid.ioBytes))
    const geometry = geometryOf(grid.chunkBytes / 512)
    const order = chunkOrder(chunkCount, grid.order)
    const after = readFileSync(place.origin('floor'))
    for (let index = 0; index < grid.snapshots; index++) {
      const store = readFileSync(place.path(`floor-${index}.cow`))
      const view = new DataView(store.buffer, store.byteOffset)
      for (const [position, chunk] of order.entries()) {
        const from = dataChunk(geometry, position) * grid.chunkBytes
        const old = before.subarray(chunk * grid.chunkBytes, (chunk + 1) * grid.chunkBytes)
        expect(store.subarray(from, from + grid.chunkBytes).equals(old)).toBe(true)
        const entry = byteOffsetOfPosition(geometry, position)
        expect([decodeOldChunk(view, entry), decodeNewChunk(view, entry)]).toEqual([
          chunk,
          dataChunk(geometry, position),
        ])
      }
    }
    // The callers' buffers are ones: what was written is there, and nothing besides.
    for (const chunk of order) {
      const start = chunk * grid.chunkBytes
      expect(after[start]).toBe(1)
    }
    const rest = [grid.ioBytes, grid.chunkBytes] as const
    if (grid.order === 'random') expect(after.subarray(...rest).equals(before.subarray(...rest))).toBe(true)
  })

  it('writes no list to a transient store', async () => {
    using place = new Workplace(folder, originBytes)
    const grid = make('origin-first-write', transient)
    const floor = Floor.start(grid, place)
    await floor.rewind()
    await floor.pass(longSeconds)
    await floor.close()
    const area = readFileSync(place.path('floor-0.cow')).subarray(grid.chunkBytes, 2 * grid.chunkBytes)
    expect(area.every((byte) => byte === 0)).toBe(true)
  })

  it('copies nothing without a snapshot', async () => {
    using place = new Workplace(folder, originBytes)
    const floor = Floor.start(make('origin-first-write', { snapshots: 0 }), place)
    await floor.rewind()
    const { operations } = await floor.pass(longSeconds)
    await floor.close()
    expect(operations).toBe(originBytes / (16 * kib))
    expect(() => statSync(place.path('floor-0.cow'))).toThrow('ENOENT')
    const origin = descriptorOf(0, originBytes)
    const chunks = chunkOrder(1, 'random')
    expect(firstWriteJob(make('origin-first-write'), origin, [], chunks).readsChunk).toBe(false)
    expect(firstWriteJob(make('origin-first-write'), origin, [origin], chunks).readsChunk).toBe(true)
  })
})

describe("the engine's side", () => {
  it('breaks as many chunks as the floor', async () => {
    using place = new Workplace(folder, originBytes)
    for (const grid of [make('origin-first-write'), make('snapshot-first-write-whole', sequential)]) {
      const engine = await EngineSide.start(grid, place)
      const floor = Floor.start(grid, place)
      const done: number[] = []
      for (const side of [engine, floor]) {
        await side.rewind()
        done.push((await side.pass(longSeconds)).operations)
        await side.close()
      }
      expect(done[0]).toBe(done[1])
    }
  })
})

const runs: readonly GridCase[] = [
  make('origin-first-write', { store: 'PO' }),
  make('origin-read', { snapshots: 3 }),
  make('origin-rewrite', { snapshots: 3, chunkBytes: 4 * kib }),
  make('origin-first-write', { snapshots: 0 }),
  make('snapshot-first-write-whole', sequential),
  make('snapshot-read-store', transient),
  make('snapshot-rewrite', { depth: 1 }),
]

describe('a case', () => {
  it.each(named(runs))('is measured: $name', async ({ grid }) => {
    using place = new Workplace(folder, originBytes)
    const outcome = outcomeOf(grid, await measure(grid, place, short), 'curve', curvePrefix)
    expect(outcome).toMatchObject({ section: 'curve', case: `curve/${caseName(grid)}`, rounds: 1, rivals: [] })
    expect(outcome.floor).toBeGreaterThan(0)
    expect(outcome.engine).toBeGreaterThan(0)
    expect(outcome.ratio).toBeCloseTo((outcome.engine ?? 0) / (outcome.floor ?? 0), 6)
  })

  const raws = [make('raw-read'), make('raw-write', sequential), make('raw-read', { depth: 1 })]
  it.skipIf(!isInstalled('fio')).each(named(raws))('of a raw file is the floor beside fio: $name', async ({ grid }) => {
    using place = new Workplace(folder, originBytes)
    const outcome = outcomeOf(grid, await measure(grid, place, short))
    expect(outcome).toMatchObject({
      engine: null,
      ratio: null,
      added: null,
      rivals: [{ name: 'fio psync', missing: null }],
    })
    expect(outcome.floor).toBeGreaterThan(0)
    expect(outcome.rivals[0]?.ratio).toBeCloseTo((outcome.floor ?? 0) / (outcome.rivals[0]?.value ?? 0), 6)
  })

  it('goes on when a rival fails, and says why', async () => {
    using place = new Workplace(folder, originBytes)
    writeFileSync(join(folder, 'fio'), '#!/bin/sh\necho no luck today >&2\nexit 3\n', { mode: 0o755 })
    vi.stubEnv('PATH', `${folder}:/bin`)
    const { floor, rivals } = await measure(make('raw-read'), place, short)
    expect(floor).toBeGreaterThan(0)
    expect(rivals).toMatchObject([{ value: null, missing: 'it failed: fio: exit code 3: no luck today' }])
  })

  it('names the rival that is not installed', async () => {
    using place = new Workplace(folder, originBytes)
    vi.stubEnv('PATH', folder)
    const outcome = outcomeOf(make('raw-read'), await measure(make('raw-read'), place, short))
    expect(outcome.rivals).toEqual([
      { name: 'fio psync', value: null, ratio: null, spread: null, missing: 'fio is not installed' },
    ])
    expect(tableRow(outcome)).toContain('beside fio psync: not measured, fio is not installed')
  })
})
