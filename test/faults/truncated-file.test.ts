/**
 * Files that somebody truncates while they are in use, or between two uses. What is past their end fails and is not made up; what
 * lies elsewhere goes on; and what is damaged is not opened again as if it were whole.
 *
 * What cannot be told: a file that was truncated and has been made as long as before by somebody else reads as zeroes there.
 */
import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CowringError, Engine, type Origin, type Snapshot, type StoreType } from 'cowring'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Shown, StampedOrigin, wrongIn, wrongSector } from '../support/faults/stamped-origin.js'
import { freshSeed, Random, seedFromEnvironment } from '../support/model-random.js'
import { readStamp } from '../support/self-describing.js'

const seed = seedFromEnvironment() ?? freshSeed()
const sectors = 2048
const half = sectors / 2
const options = { chunkSectors: 8, durability: 'process-crash' } as const
const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const random = new Random(seed)

let folder: string
let path: string
let cow: string
let engine: Engine
let subject: StampedOrigin
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-truncated-'))
  path = join(folder, 'disk')
  cow = join(folder, 'lost.cow')
  engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 25 })
  subject = new StampedOrigin(path, sectors, random)
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

const take = (origin: Origin, store: StoreType = 'P') =>
  origin.snapshot({ cow, name: 'lost', ...(store === 'N' ? { chunkSectors: 8, store } : { ...options, store }) })

/** Reads every chunk by itself: it is right, or fails with one of these codes. How many failed. */
async function failedChunks(snapshot: Snapshot, shown: Shown, codes: readonly string[]): Promise<number> {
  const outcomes = await Promise.all(
    Array.from({ length: sectors / 8 }, async (_, chunk) => {
      try {
        expect(wrongIn(await snapshot.read(chunk * 4096, 4096), shown, chunk * 8)).toBeUndefined()
        return 0
      } catch (error) {
        if (!(error instanceof CowringError) || !codes.includes(error.code)) throw error
        return 1 as number
      }
    }),
  )
  return outcomes.reduce((sum, failed) => sum + failed, 0)
}

describe(`a COW that is truncated while in use, seed ${seed}`, () => {
  test.each<{ store: StoreType; where: string; byteLength: number }>([
    { store: 'P', where: 'in its data', byteLength: 64 * 4096 },
    { store: 'P', where: 'in its list of exceptions', byteLength: 4096 + 512 },
    { store: 'PO', where: 'to nothing', byteLength: 0 },
    { store: 'N', where: 'in its data', byteLength: 64 * 4096 },
    { store: 'N', where: 'to nothing', byteLength: 0 },
  ])(
    'store $store, $where: nothing wrong is read, the snapshot ends, all else goes on',
    async ({ byteLength, store }) => {
      const origin = await engine.open(path)
      const lost = await take(origin, store)
      const sibling = await origin.snapshot({ cow: memory(2 ** 22), name: 'sibling', ...options })
      const instant = subject.shown
      expect(await subject.overwrite(origin, { to: half })).toEqual([])
      truncateSync(cow, byteLength)
      const failed = await failedChunks(lost, instant, ['IO_ERROR'])
      expect(failed).toBeGreaterThan(half / 8 - 70)
      // The last of what it had comes back, as something else, and the file reads as zeroes before it.
      for (let chunk = 0; chunk < half / 8; chunk++) {
        await lost.write(chunk * 4096, new Uint8Array(512)).catch(() => {})
        await failedChunks(lost, withoutSectors(instant, chunk), ['IO_ERROR', 'SNAPSHOT_INVALID'])
        if (chunk === 4) break
      }
      const beside = async () => {
        await failedChunks(lost, withoutSectors(instant, 4), ['IO_ERROR', 'SNAPSHOT_INVALID'])
      }
      expect(await subject.overwrite(origin, { beside, from: half })).toEqual([])
      expect(lost.status()).toBe('Invalid')
      await expect(lost.read(0, 512)).rejects.toThrow('its COW became smaller while in use')
      expect(await subject.wrong(origin)).toBeUndefined()
      expect(await wrongSector(sibling, instant)).toBeUndefined()
      if (store === 'N') return
      await origin.close()
      // A COW of no bytes is none, whatever is remembered of it.
      const reopened = await engine.open(path, byteLength === 0 ? { abandon: ['lost'] } : {})
      expect(reopened.snapshots.map((each) => each.status())).toEqual(byteLength === 0 ? [] : ['Invalid'])
      expect(await subject.wrong(reopened)).toBeUndefined()
    },
  )

  test.each<StoreType>(['P', 'PO', 'N'])('store %s, under load: the origin and the others are right', async (store) => {
    const origin = await engine.open(path)
    const lost = await take(origin, store)
    const sibling = await origin.snapshot({ cow: memory(2 ** 22), name: 'sibling', ...options })
    const instant = subject.shown
    let reads = 0
    const beside = async () => {
      if (reads++ === 3) truncateSync(cow, 32 * 4096)
      const bytes = await lost.read(0, lost.sizeBytes).catch(() => new Uint8Array(0))
      for (let sector = 0; sector < bytes.length / 512; sector++) {
        const stamp = readStamp(bytes, sector * 512)
        // A copy that was on its way makes the file longer again: until that is noticed, zeroes.
        if ('zero' in stamp) continue
        expect(stamp).toMatchObject({ sector, sequence: instant[sector] })
      }
    }
    do {
      expect(await subject.overwrite(origin, { beside, to: half })).toEqual([])
    } while (reads < 8)
    expect(await subject.overwrite(origin, { from: half })).toEqual([])
    expect(lost.status()).toBe('Invalid')
    expect(await subject.wrong(origin)).toBeUndefined()
    expect(await wrongSector(sibling, instant)).toBeUndefined()
  })

  test('a merge that finds it so fails, and what it has not merged is not made up', async () => {
    const origin = await engine.open(path)
    const lost = await take(origin)
    const instant = subject.shown
    expect(await subject.overwrite(origin, { to: half })).toEqual([])
    truncateSync(cow, 64 * 4096)
    const merge = lost.merge()
    // Writes to what it has go to the COW, and make it longer again.
    await Promise.allSettled(Array.from({ length: 8 }, (_, chunk) => origin.write(chunk * 4096, new Uint8Array(512))))
    expect(await merge.finished.catch((error) => error.code)).not.toBe('merged')
    const written = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((chunk) => chunk * 8))
    for (let sector = 0; sector < sectors; sector++) {
      if (written.has(sector)) continue
      const bytes = await origin.read(sector * 512, 512).catch(() => undefined)
      const stamp = bytes && readStamp(bytes, 0)
      if (stamp === undefined) continue
      expect(stamp).toMatchObject({ sector })
      expect([instant[sector], subject.shown[sector]]).toContain('sequence' in stamp ? stamp.sequence : stamp)
    }
  })
})

/** As `shown`, with anything in the first sectors of chunks 0 to `last`. */
const withoutSectors = (shown: Shown, last: number): Shown =>
  shown.map((sequence, sector) => (sector % 8 === 0 && sector / 8 <= last ? -1 : sequence))

describe(`a COW that is truncated between two uses, seed ${seed}`, () => {
  test.each([
    {
      where: 'in its data',
      byteLength: 64 * 4096,
      says: /lost\.cow is a damaged snapshot store: entry \d+ points at chunk \d+, past the COW's 64 chunks/,
    },
    {
      where: 'behind its header',
      byteLength: 4096,
      says: /lost\.cow is a damaged snapshot store: its list has no end/,
    },
    { where: 'to nothing', byteLength: 0, says: /lost\.cow has 0 bytes, less than one sector/ },
  ])('$where: the origin is not opened without it, and what to do is said', async ({ byteLength, says }) => {
    const origin = await engine.open(path)
    await take(origin)
    expect(await subject.overwrite(origin, { to: half })).toEqual([])
    await origin.close()
    truncateSync(cow, byteLength)
    const failure = await engine.open(path).catch((error) => error)
    expect(failure).toMatchObject({ code: 'SNAPSHOT_MISSING', message: expect.stringMatching(says) })
    expect(failure.message).toContain("Bring them back, or let go of them with { abandon: ['lost'] }")
    expect(statSync(cow).size).toBe(byteLength)
    const alone = await engine.open(path, { abandon: ['lost'] })
    expect(await subject.wrong(alone)).toBeUndefined()
  })
})

describe(`an origin that is truncated, seed ${seed}`, () => {
  test('while in use: what is past its end fails, also of a snapshot; what was copied before is right', async () => {
    const origin = await engine.open(path)
    const snapshot = await take(origin)
    const instant = subject.shown
    const from = sectors - 256
    expect(await subject.overwrite(origin, { from, to: from + 128 })).toEqual([])
    truncateSync(path, from * 512)
    await expect(origin.read(from * 512, 4096)).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(/EIO on .*disk; check the device/),
    })
    await expect(snapshot.read((from + 128) * 512, 4096)).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(await wrongSector(snapshot, instant, from, from + 128)).toBeUndefined()
    expect(await wrongSector(snapshot, instant, 0, from)).toBeUndefined()
    expect(await subject.overwrite(origin, { to: from })).toEqual([])
    expect(await subject.wrong(origin, 0, from)).toBeUndefined()
    expect(await wrongSector(snapshot, instant, 0, from + 128)).toBeUndefined()
    // What it needs to copy next is gone.
    const failing = { code: 'IO_ERROR', message: expect.stringMatching(/ENOSPC on .*disk; check the device/) }
    await expect(origin.write((from + 128) * 512, new Uint8Array(512))).rejects.toMatchObject(failing)
    await expect(origin.write(from * 512, new Uint8Array(512))).rejects.toMatchObject(failing)
    expect(statSync(path).size).toBe(from * 512)
    expect(snapshot.status()).toBe('Invalid')
    await expect(snapshot.read(0, 512)).rejects.toThrow(/a chunk of the origin could not be read, EIO/)
  })

  test('between two uses: it is not opened without snapshots that have more of it', async () => {
    const origin = await engine.open(path)
    await take(origin)
    expect(await subject.overwrite(origin)).toEqual([])
    await origin.close()
    truncateSync(path, half * 512)
    await expect(engine.open(path)).rejects.toMatchObject({
      code: 'SNAPSHOT_MISSING',
      message: expect.stringMatching(
        /lost\.cow is a damaged snapshot store: entry \d+ is for chunk \d+, past the origin's 128 chunks/,
      ),
    })
    const alone = await engine.open(path, { abandon: ['lost'] })
    expect(await subject.wrong(alone, 0, half)).toBeUndefined()
  })
})
