/** The curve over NBD measures ours beside those that can be given as many snapshots, and names who is missing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isInstalled } from '../../bench/peers/programs.js'

// Our server needs JavaScript files, so what starts it is the build's.
const built = <Module>(path: string): Promise<Module> =>
  import(new URL(`../../dist/bench/${path}`, import.meta.url).href) as Promise<Module>
const { Workplace } = await built<typeof import('../../bench/grid/workplace.js')>('grid/workplace.js')
const { makeServedImage, measureServed, servedCurveLacks } =
  await built<typeof import('../../bench/grid/curve/served-curve.js')>('grid/curve/served-curve.js')

const mib = 2 ** 20
const sizes = { rounds: 1, seconds: 0.05, warmUpSeconds: 0.01, areaBytesMax: mib }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-curve-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const measureIn = async (work: 'first-write' | 'rewrite', snapshots: number) => {
  using place = new Workplace(folder, 16 * mib)
  makeServedImage(place)
  return await measureServed({ work, snapshots }, place, sizes, 'threads')
}

describe.skipIf(!isInstalled('fio'))('the curve over NBD', () => {
  it.each([
    ['first-write', 2, ['qemu copy-before-write, stacked', 'cowring, 4 KiB chunks']],
    ['rewrite', 1, ['qemu copy-before-write, stacked', 'nbdkit cow']],
  ] as const)('has %s with %i snapshots, beside those that can', async (work, snapshots, names) => {
    const { engine, rivals } = await measureIn(work, snapshots)
    expect(engine).toBeGreaterThan(0)
    expect(rivals.map(({ name }) => name)).toEqual(names)
    for (const { missing, value } of rivals) {
      if (missing === null) expect(value).toBeGreaterThan(0)
      else expect(missing).toMatch(/is not installed$/)
    }
  })
})

describe('without a client', () => {
  it('the curve over NBD says what it lacks', () => {
    vi.stubEnv('PATH', folder)
    expect(servedCurveLacks()).toBe('the curve over NBD needs fio, which is not installed')
  })
})
