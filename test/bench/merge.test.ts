/** The merge section of the benchmark runs, and does what it says it measures. Its figures are not asserted anywhere. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { orderOf, rangeNumbers, rangesOf } from '../../bench/grid/merge/arrangement.js'
import { mergeCaseName, mergeCases } from '../../bench/grid/merge/merge-case.js'
import { hasQemuCommit, QemuCommit, qemuCommitLacks } from '../../bench/grid/merge/qemu-commit.js'
import { run } from '../../bench/peers/programs.js'
import { inspectStore } from '../../src/control/inspect-store.js'
import { dataChunk, geometryOf } from '../../src/format/geometry.js'

// Threads need JavaScript files, so what starts any is the build's.
const built = <Module>(path: string): Promise<Module> =>
  import(new URL(`../../dist/bench/grid/${path}`, import.meta.url).href) as Promise<Module>
const { Workplace } = await built<typeof import('../../bench/grid/workplace.js')>('workplace.js')
const { MergeFiles } = await built<typeof import('../../bench/grid/merge/merge-files.js')>('merge/merge-files.js')
const { CopyFloor } = await built<typeof import('../../bench/grid/merge/copy-floor.js')>('merge/copy-floor.js')
const { measureMerge } = await built<typeof import('../../bench/grid/merge/merge-section.js')>('merge/merge-section.js')

const mib = 2 ** 20
const sizes = { rounds: 1, idleBytes: mib, foregroundBytes: 32 * mib, foregroundSeconds: 0.02 }

describe('arrangements', () => {
  it.each(['random', 'half-contiguous', 'contiguous'] as const)('%s has each chunk once', (arrangement) => {
    const order = orderOf(arrangement, 5000, 1)
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, chunk) => chunk))
  })

  it('half-contiguous has about half of its chunks in runs of 16 and more', () => {
    const order = orderOf('half-contiguous', 50_000, 1)
    let inRuns = 0
    for (let first = 0; first < order.length; ) {
      let end = first + 1
      while (order[end] === (order[end - 1] as number) + 1) end++
      if (end - first >= 16) inRuns += end - first
      first = end
    }
    expect(inRuns / order.length).toBeGreaterThan(0.45)
    expect(inRuns / order.length).toBeLessThan(0.55)
  })

  it.each(['random', 'half-contiguous', 'contiguous'] as const)(
    'the ranges of %s are all of its copies',
    (arrangement) => {
      const geometry = geometryOf(8)
      const { chunkBytes } = geometry
      const order = orderOf(arrangement, 5000, 1)
      const ranges = rangesOf(order, geometry)
      const copied: [cowChunk: number, chunk: number][] = []
      for (let at = 0; at < ranges.length; at += rangeNumbers) {
        const [onCow = 0, onOrigin = 0, byteLength = 0] = ranges.subarray(at, at + rangeNumbers)
        expect(byteLength).toBeLessThanOrEqual(128 * 1024)
        for (let chunk = 0; chunk < byteLength / chunkBytes; chunk++) {
          copied.push([onCow / chunkBytes + chunk, onOrigin / chunkBytes + chunk])
        }
      }
      expect(copied).toEqual(Array.from(order, (chunk, position) => [dataChunk(geometry, position), chunk]))
    },
  )
})

describe('the merge section', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cowring-merge-bench-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('has a name of its own for every case', () => {
    const names = mergeCases().map(mergeCaseName)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(mergeCases().map((merge) => ({ name: mergeCaseName(merge), merge })))('measures $name', async ({ merge }) => {
    using place = new Workplace(folder, mib)
    const outcomes = await measureMerge(merge, place, sizes)
    expect(outcomes).toHaveLength(merge.kind === 'idle' ? 1 : 5)
    for (const { engine } of outcomes) expect(engine).not.toBeNaN()
    expect(outcomes.filter(({ target }) => target !== null).length).toBe(merge.target === undefined ? 0 : 1)
  })

  const [rivalled] = mergeCases().filter((merge) => merge.kind === 'idle' && hasQemuCommit(merge))
  it.skipIf(qemuCommitLacks() !== undefined)('has a rival that commits everything, again and again', async () => {
    using place = new Workplace(folder, mib)
    if (rivalled?.kind !== 'idle') throw new Error('no case has a rival')
    using rival = await QemuCommit.prepare(rivalled, place, mib)
    const [image, overlay] = [place.path('image.raw'), place.path('overlay.qcow2')]
    for (let round = 0; round < 2; round++) {
      place.fill(image)
      await rival.commit()
      // What is compared is the overlay's own: no cluster of it is left to the image.
      expect(await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', image, overlay])).toContain('identical')
      const map = JSON.parse(await run('qemu-img', ['map', '--output=json', '-f', 'qcow2', overlay]))
      expect(map.every(({ depth }: { depth: number }) => depth === 0)).toBe(true)
    }
  })

  it('has a full store to merge, and a floor that copies it to the origin', async () => {
    using place = new Workplace(folder, mib)
    const [merge] = mergeCases()
    if (merge === undefined) throw new Error('no cases')
    using files = new MergeFiles(place, merge, mib)
    files.fillList()
    using inspection = await inspectStore(files.cow, { originSectors: mib / 512 })
    expect(await inspection.report()).toMatchObject({ entries: mib / merge.chunkBytes, problemCount: 0 })
    const floor = new CopyFloor(files)
    await floor.copy()
    await floor.close()
    const origin = readFileSync(files.origin)
    const cow = readFileSync(files.cow)
    const ranges = files.ranges()
    for (let at = 0; at < ranges.length; at += rangeNumbers) {
      const [onCow = 0, onOrigin = 0, byteLength = 0] = ranges.subarray(at, at + rangeNumbers)
      const isSame = origin.subarray(onOrigin, onOrigin + byteLength).equals(cow.subarray(onCow, onCow + byteLength))
      expect(isSame).toBe(true)
    }
  })
})
