/**
 * A file system that is full: ENOSPC from a real file system, on real threads. The store whose COW lies on it is given up, what
 * lies elsewhere goes on, and what could not be done has changed nothing.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CowringError, Engine, type Origin, type StoreType } from 'cowring'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Mounts, mayMount } from '../support/faults/mounts.js'
import { StampedOrigin, wrongSector } from '../support/faults/stamped-origin.js'
import { freshSeed, Random, seedFromEnvironment } from '../support/model-random.js'

const seed = seedFromEnvironment() ?? freshSeed()
const sectors = 4096
const smallBytes = 512 * 1024
const options = { chunkSectors: 8, durability: 'process-crash' } as const
const transient = { chunkSectors: 8, store: 'N' } as const

describe.skipIf(!mayMount)(`on a full tmpfs (skipped where nothing can be mounted), seed ${seed}`, () => {
  let mounts: Mounts
  let small: string
  let roomy: string
  let engine: Engine
  let random: Random
  beforeAll(() => {
    random = new Random(seed)
  })
  beforeEach(async () => {
    mounts = new Mounts()
    small = mounts.tmpfs('small', smallBytes)
    roomy = mounts.tmpfs('roomy', 64 * 2 ** 20)
    engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 25 })
  })
  afterEach(async () => {
    await engine.close()
    mounts.end()
  })

  const again = async () => {
    await engine.close()
    engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  }
  /** Takes all the room there is left. */
  const fillUp = (folder: string) => {
    const { bavail, bsize } = statfsSync(folder)
    if (bavail > 0) writeFileSync(join(folder, 'filler'), new Uint8Array(bavail * bsize))
  }
  const makeRoom = (folder: string) => rmSync(join(folder, 'filler'))
  const listOf = (path: string) => (existsSync(`${path}.cowring`) ? readFileSync(`${path}.cowring`, 'utf8') : '')
  const statusOf = (origin: Origin, name: string) => origin.snapshots.find((each) => each.name === name)?.status()

  test.each<StoreType>(['P', 'PO', 'N'])(
    'a COW in store %s that gets no more room: only its snapshot ends',
    async (store) => {
      const path = join(roomy, 'disk')
      const subject = new StampedOrigin(path, sectors, random)
      let origin = await engine.open(path)
      const kind = store === 'N' ? transient : { ...options, store }
      const lost = await origin.snapshot({ cow: join(small, 'lost.cow'), name: 'lost', ...kind })
      const sibling = await origin.snapshot({ cow: join(roomy, 'sibling.cow'), name: 'sibling', ...options })
      const instant = subject.shown
      // Until it ends it shows its instant.
      const beside = async () => {
        const wrong = await wrongSector(lost, instant).catch((error) => {
          if (!(error instanceof CowringError) || error.code !== 'SNAPSHOT_INVALID') throw error
          return undefined
        })
        expect(wrong).toBeUndefined()
      }
      expect(await subject.overwrite(origin, { beside })).toEqual([])
      expect(lost.status()).toBe('Invalid')
      await expect(lost.read(0, 512)).rejects.toMatchObject({
        code: 'SNAPSHOT_INVALID',
        message: expect.stringMatching(/(could not be written|list of exceptions).*ENOSPC.*remove it/),
      })
      expect(await subject.wrong(origin)).toBeUndefined()
      expect(await wrongSector(sibling, instant)).toBeUndefined()

      await again()
      origin = await engine.open(path)
      expect(statusOf(origin, 'lost')).toBe(store === 'N' ? undefined : 'Invalid')
      expect(await subject.wrong(origin)).toBeUndefined()
      await origin.snapshots.find(({ name }) => name === 'lost')?.remove()
      rmSync(join(small, 'lost.cow'))
      const next = await origin.snapshot({ cow: join(small, 'next.cow'), name: 'next', ...kind })
      const later = subject.shown
      expect(await subject.overwrite(origin, { to: 256 })).toEqual([])
      expect(await wrongSector(next, later)).toBeUndefined()
      const kept = origin.snapshots.find(({ name }) => name === 'sibling')
      expect(kept && (await wrongSector(kept, instant))).toBeUndefined()
    },
  )

  test('a snapshot write that finds no room ends that snapshot, and nothing else', async () => {
    const path = join(roomy, 'disk')
    const subject = new StampedOrigin(path, sectors, random)
    const origin = await engine.open(path)
    const lost = await origin.snapshot({ cow: join(small, 'lost.cow'), name: 'lost', ...options })
    const sibling = await origin.snapshot({ cow: join(roomy, 'sibling.cow'), name: 'sibling', ...options })
    const chunk = new Uint8Array(4096).fill(9)
    await lost.write(0, chunk)
    fillUp(small)
    // What it has its own room for can be written, again and again.
    await lost.write(0, chunk.fill(8))
    expect((await lost.read(0, 4096))[0]).toBe(8)
    await expect(lost.write(4096, chunk)).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' })
    expect(lost.status()).toBe('Invalid')
    expect(await subject.overwrite(origin)).toEqual([])
    expect(await subject.wrong(origin)).toBeUndefined()
    expect(await wrongSector(sibling, new Array(sectors).fill(0))).toBeUndefined()
  })

  test('an origin that gets no more room: what it has room for goes on, and its snapshots keep their instant', async () => {
    const path = join(small, 'disk')
    const subject = new StampedOrigin(path, 256, random)
    truncateSync(path, sectors * 512)
    let origin = await engine.open(path)
    await origin.snapshot({ cow: join(roomy, 'kept.cow'), name: 'kept', ...options })
    const instant = subject.shown
    fillUp(small)
    expect(await subject.overwrite(origin)).toEqual([])
    const stamped = new Uint8Array(8 * 512).fill(5)
    const writes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, index) => origin.write((1024 + 8 * index) * 512, stamped)),
    )
    for (const write of writes) {
      expect(write).toMatchObject({
        reason: {
          code: 'IO_ERROR',
          message: expect.stringMatching(/ENOSPC on .*disk; check the device and try again/),
        },
      })
    }
    const mustBeRight = async () => {
      const kept = origin.snapshots[0]
      expect(kept?.status()).toMatch(/^\d+\/\d+ \d+$/)
      expect(kept && (await wrongSector(kept, instant))).toBeUndefined()
      expect(new Set(await kept?.read(1024 * 512, 800 * 512))).toEqual(new Set([0]))
      expect(await subject.wrong(origin)).toBeUndefined()
    }
    await mustBeRight()
    makeRoom(small)
    await origin.write(1024 * 512, stamped)
    expect(new Set(await origin.read(1024 * 512, stamped.length))).toEqual(new Set([5]))
    await mustBeRight()
    await again()
    origin = await engine.open(path)
    await mustBeRight()
  })

  test('a list of snapshots that cannot be written: taking and removing fail, and leave everything as it was', async () => {
    const path = join(small, 'disk')
    const subject = new StampedOrigin(path, 256, random)
    let origin = await engine.open(path)
    fillUp(small)
    const files = () => [...readdirSync(small), ...readdirSync(roomy)].sort()
    const without = files()
    const first = { cow: join(roomy, 'first.cow'), name: 'first', ...options }
    const refused = {
      code: 'IO_ERROR',
      message: expect.stringMatching(/cannot write the list of snapshots of .*ENOSPC.*free some space, then try again/),
    }
    await expect(origin.snapshot(first)).rejects.toMatchObject(refused)
    expect(files()).toEqual(without)
    expect(origin.snapshots).toEqual([])
    expect(await subject.overwrite(origin)).toEqual([])
    expect(await subject.wrong(origin)).toBeUndefined()

    makeRoom(small)
    const taken = await origin.snapshot(first)
    const other = await origin.snapshot({ ...first, cow: join(roomy, 'other.cow'), name: 'other' })
    const instant = subject.shown
    fillUp(small)
    const list = listOf(path)
    const before = files()
    await expect(origin.snapshot({ ...first, cow: join(roomy, 'second.cow'), name: 'second' })).rejects.toMatchObject(
      refused,
    )
    await expect(other.remove()).rejects.toMatchObject(refused)
    expect([listOf(path), files()]).toEqual([list, before])
    expect(await subject.overwrite(origin)).toEqual([])
    for (const snapshot of [taken, other]) expect(await wrongSector(snapshot, instant)).toBeUndefined()
    await again()
    origin = await engine.open(path)
    expect(origin.snapshots.map(({ name }) => name)).toEqual(['first', 'other'])
    for (const snapshot of origin.snapshots) expect(await wrongSector(snapshot, instant)).toBeUndefined()
    expect(await subject.wrong(origin)).toBeUndefined()
  })

  test('a new COW that there is no room for is not taken, and is gone again', async () => {
    const path = join(roomy, 'disk')
    const subject = new StampedOrigin(path, 256, random)
    const origin = await engine.open(path)
    fillUp(small)
    const cow = join(small, 'new.cow')
    await expect(origin.snapshot({ cow, ...options })).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(/new\.cow.*ENOSPC|ENOSPC.*new\.cow/),
    })
    expect([existsSync(cow), listOf(path), origin.snapshots]).toEqual([false, '', []])
    expect(await subject.overwrite(origin)).toEqual([])
    makeRoom(small)
    const snapshot = await origin.snapshot({ cow, ...options })
    expect(await wrongSector(snapshot, subject.shown)).toBeUndefined()
  })
})
