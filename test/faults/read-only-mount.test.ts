/** Files on a file system that is mounted read-only: what opening says, what it leaves alone, and that reading works. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from 'cowring'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Mounts, mayMount } from '../support/faults/mounts.js'
import { StampedOrigin, wrongSector } from '../support/faults/stamped-origin.js'
import { freshSeed, Random, seedFromEnvironment } from '../support/model-random.js'

const seed = seedFromEnvironment() ?? freshSeed()
const sectors = 512
const options = { chunkSectors: 8, durability: 'process-crash' } as const

describe.skipIf(!mayMount)(`mounted read-only (skipped where nothing can be mounted), seed ${seed}`, () => {
  const random = new Random(seed)
  let mounts: Mounts
  let engine: Engine
  let folder: string
  let frozen: string
  let subject: StampedOrigin
  let instant: readonly number[]
  /** An origin with a snapshot, its COW in a folder below it; `frozen` shows the same files read-only. */
  beforeEach(async () => {
    mounts = new Mounts()
    engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
    folder = mounts.tmpfs('disk', 2 ** 23)
    mkdirSync(join(folder, 'cows'))
    const path = join(folder, 'origin')
    subject = new StampedOrigin(path, sectors, random)
    const origin = await engine.open(path)
    await origin.snapshot({ cow: join(folder, 'cows', 'kept.cow'), name: 'kept', ...options })
    instant = subject.shown
    expect(await subject.overwrite(origin, { to: 256 })).toEqual([])
    await origin.close()
    frozen = mounts.readOnly('frozen', folder)
  })
  afterEach(async () => {
    await engine.close()
    mounts.end()
  })

  const contents = () =>
    [folder, join(folder, 'cows')].flatMap((at) =>
      readdirSync(at, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.name} ${readFileSync(join(at, entry.name)).toString('base64')}`),
    )

  test('an origin cannot be opened for writing there, which is said, and for reading it can, with its snapshot', async () => {
    const before = contents()
    await expect(engine.open(join(frozen, 'origin'))).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(/open the origin .*origin.*EROFS/),
    })
    const origin = await engine.open(join(frozen, 'origin'), { readOnly: true })
    expect(await subject.wrong(origin)).toBeUndefined()
    const kept = origin.snapshots[0]
    expect(kept && (await wrongSector(kept, instant))).toBeUndefined()
    await expect(origin.write(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(kept?.write(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'READ_ONLY' })
    await origin.close()
    expect(contents()).toEqual(before)
  })

  test('a COW cannot be made there: nothing is taken, nothing has changed', async () => {
    const path = join(mounts.tmpfs('other', 2 ** 22), 'plain')
    copyFileSync(join(folder, 'origin'), path)
    const origin = await engine.open(path)
    await expect(origin.snapshot({ cow: join(frozen, 'new.cow'), ...options })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(/create the COW .*new\.cow.*EROFS/),
    })
    await expect(origin.snapshot({ cow: join(frozen, 'cows', 'kept.cow') })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(/open the COW .*kept\.cow.*EROFS/),
    })
    expect([origin.snapshots, readdirSync(join(path, '..'))]).toEqual([[], ['plain']])
    await origin.write(0, await origin.read(0, 512))
    expect(await subject.wrong(origin)).toBeUndefined()
  })

  test('an origin whose COW lies there is not opened for writing without it, and can be read with it', async () => {
    const other = mounts.tmpfs('other', 2 ** 22)
    const path = join(other, 'origin')
    for (const name of ['origin', 'origin.cowring']) copyFileSync(join(folder, name), join(other, name))
    mounts.readOnly('other/cows', join(folder, 'cows'))
    const before = readFileSync(path)
    await expect(engine.open(path)).rejects.toMatchObject({
      code: 'SNAPSHOT_MISSING',
      message: expect.stringMatching(
        /'kept': .*EROFS.*Bring them back, or let go of them with \{ abandon: \['kept'\] \}/s,
      ),
    })
    expect(readFileSync(path).equals(before)).toBe(true)
    const origin = await engine.open(path, { readOnly: true })
    const kept = origin.snapshots[0]
    expect(kept && (await wrongSector(kept, instant))).toBeUndefined()
    expect(await subject.wrong(origin)).toBeUndefined()
  })
})
