/** Activation and creation are measured, beside floors that make the calls they stand for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { activationCaseName, activationCases } from '../../bench/grid/activation/activation-case.js'
import { readAreas } from '../../bench/grid/activation/area-floor.js'
import { creationCaseName, creationCases } from '../../bench/grid/creation/creation-case.js'
import { makeStoreAlone } from '../../bench/grid/creation/creation-floor.js'
import { makeStore } from '../../bench/grid/single/sparse-store.js'
import { Workplace } from '../../bench/grid/workplace.js'
import { inspectStore } from '../../src/control/inspect-store.js'
import { geometryOf } from '../../src/format/geometry.js'

// Threads need JavaScript files, so what starts any is the build's.
const built = <Module>(path: string): Promise<Module> =>
  import(new URL(`../../dist/bench/grid/${path}`, import.meta.url).href) as Promise<Module>
const { measureActivation } = await built<typeof import('../../bench/grid/activation/measure-activation.js')>(
  'activation/measure-activation.js',
)
const { measureCreation } =
  await built<typeof import('../../bench/grid/creation/measure-creation.js')>('creation/measure-creation.js')

const mib = 2 ** 20

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-bench-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('activation', () => {
  it('is measured up to ten million exceptions', () => {
    expect(activationCases.map(activationCaseName)).toEqual([
      'activation/100000-exceptions',
      'activation/1000000-exceptions',
      'activation/10000000-exceptions',
    ])
  })

  it.each([
    ['no area is full', 100, 1],
    ['the last area is full, so the next one ends the list', 512, 3],
    ['the last area is not full', 700, 3],
  ])('has a floor that reads the header and the areas of the list: %s', (_, exceptions, areas) => {
    using place = new Workplace(folder, mib)
    const store = makeStore(place, 'list.cow', exceptions, (position) => position)
    expect(readAreas(store, geometryOf(8), exceptions).byteCount).toBe((1 + areas) * 4096)
  })

  it('is timed, beside its floor, with what it takes of memory, and leaves nothing behind', async () => {
    using place = new Workplace(folder, mib)
    const activation = { exceptions: 3000, target: undefined, memoryTarget: undefined }
    const [time, memory] = await measureActivation(activation, place, 2)
    expect(time).toMatchObject({ section: 'activation', case: 'activation/3000-exceptions', unit: 'ms', rounds: 2 })
    expect(time?.engine).toBeGreaterThan(0)
    expect(time?.floor).toBeGreaterThan(0)
    expect(memory).toMatchObject({ case: 'activation/3000-exceptions/memory', unit: 'B', floor: null })
    expect(memory?.engine).not.toBeNaN()
    expect(readdirSync(place.folder)).toEqual([])
  })
})

describe('creation', () => {
  it('has a name of its own for every case', () => {
    const names = creationCases().map(creationCaseName)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toContain('creation/origin-1t/present-60/disk')
  })

  it('has a floor that makes a store which is one, and writes the list', async () => {
    const cow = join(folder, 'alone.cow')
    const list = join(folder, 'alone.list')
    makeStoreAlone(cow, mib, 8, list, 'a list')
    expect(statSync(cow).size).toBe(mib)
    expect(readFileSync(list, 'utf8')).toBe('a list')
    using inspection = await inspectStore(cow, { originSectors: mib / 512 })
    expect(await inspection.report()).toMatchObject({ entries: 0, problemCount: 0 })
    expect(readdirSync(folder)).toEqual(['alone.cow', 'alone.list'])
  })

  it('is timed with snapshots present, beside its floor, and leaves nothing behind', async () => {
    using place = new Workplace(folder, mib)
    const target = { kind: 'below', value: 50, unit: 'ms' } as const
    const outcome = await measureCreation({ originBytes: mib, present: 2, place: 'tmpfs', target }, place, 2)
    expect(outcome).toMatchObject({
      section: 'creation',
      case: 'creation/origin-1m/present-2/tmpfs',
      rounds: 2,
      target,
    })
    expect(outcome.engine).toBeGreaterThan(0)
    expect(outcome.floor).toBeGreaterThan(0)
    expect(readdirSync(place.folder)).toEqual([])
  })
})
