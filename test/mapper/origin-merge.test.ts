/** `snapshot.merge()`: the origin is rolled back while it is in use, and the merge is watched and steered. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Engine, type Merge, type MergeProgress, type Origin, type Snapshot } from 'cowring'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeStore } from '../support/store-image.js'

const mebibyte = 2 ** 20
const sizeBytes = 8 * mebibyte
/** So slow that a merge of some MiB is in its middle for seconds. */
const slowly = { rateLimit: 2 * mebibyte }

let folder: string
let image: string
let engine: Engine
let origin: Origin
let snapshot: Snapshot

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-merge-'))
  image = join(folder, 'disk.img')
  writeFileSync(image, new Uint8Array(sizeBytes).fill(1))
  engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  origin = await engine.open(image)
  snapshot = await origin.snapshot({ cow: join(folder, 'snap.cow'), chunkSectors: 8, durability: 'process-crash' })
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

const full = (value: number, byteLength: number): Uint8Array => new Uint8Array(byteLength).fill(value)
const isFull = (bytes: Uint8Array, value: number): boolean => bytes.every((byte) => byte === value)
const remembered = () => JSON.parse(readFileSync(`${image}.cowring`, 'utf8')) as { snapshots: object[] }
const overwrite = (value: number): Promise<void> => origin.write(0, full(value, sizeBytes))

async function reopened(): Promise<Snapshot> {
  await origin.close()
  origin = await engine.open(image)
  return origin.snapshots[0] as Snapshot
}

async function underWay(merge: Merge): Promise<MergeProgress> {
  for await (const progress of merge.progress) if (progress.done > 0) return progress
  throw new Error('it ended before it got anywhere')
}

describe('rolling back', () => {
  test('the origin becomes what the snapshot was, with what was written to the snapshot', async () => {
    await overwrite(2)
    await snapshot.write(4096, full(3, 512))
    const merge = snapshot.merge()
    expect(await merge.finished).toBe('merged')
    expect(merge.state).toBe('merged')
    const content = await origin.read(0, sizeBytes)
    expect(isFull(content.subarray(0, 4096), 1)).toBe(true)
    expect(isFull(content.subarray(4096, 4608), 3)).toBe(true)
    expect(isFull(content.subarray(4608), 1)).toBe(true)
    expect(readFileSync(image).equals(content)).toBe(true)
  })

  test('nothing of it is left: no device, no memory, a COW that is blank', async () => {
    await overwrite(2)
    await snapshot.merge().finished
    expect(origin.snapshots).toEqual([])
    expect(engine.mapper.list().map(({ name }) => name)).toEqual(['disk.img'])
    expect(engine.mapper.table('disk.img')).toBe(`0 ${sizeBytes / 512} linear 240:0 0`)
    expect(existsSync(`${image}.cowring`)).toBe(false)
    expect(decodeStore(readFileSync(join(folder, 'snap.cow')))).toBeUndefined()
    expect(engine.machinery.heldLocks()).toBe(0)
  })

  test('a handle says merged afterwards, and what to read instead', async () => {
    await snapshot.merge().finished
    expect(snapshot.status()).toBe('merged')
    expect(snapshot.usage().state).toBe('merged')
    await expect(snapshot.read(0, 512)).rejects.toThrow('was merged into its origin')
    expect(() => snapshot.merge()).toThrow('was merged into its origin')
  })

  test("a program that has the snapshot's device open keeps it, and nothing else of it is left", async () => {
    await overwrite(2)
    const shown = await engine.mapper.open(snapshot.deviceName)
    expect(await snapshot.merge().finished).toBe('merged')
    expect(isFull(await shown.read(0, sizeBytes), 1)).toBe(true)
    await expect(origin.close()).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    await shown.close()
    expect(engine.mapper.list().map(({ name }) => name)).toEqual(['disk.img'])
    await origin.snapshot({ cow: join(folder, 'snap.cow') })
    expect(origin.snapshots.map(({ name }) => name)).toEqual(['snap'])
  })

  test('a write in flight before the call may be rolled back; none after it is', async () => {
    await overwrite(2)
    const writes: Promise<void>[] = []
    for (let chunk = 0; chunk < 512; chunk++) writes.push(origin.write(chunk * 4096, full(3, 4096)))
    const merge = snapshot.merge()
    for (let chunk = 512; chunk < 1024; chunk++) writes.push(origin.write(chunk * 4096, full(4, 4096)))
    const early = await origin.read(sizeBytes - 512, 512)
    await Promise.all(writes)
    await merge.finished
    const content = await origin.read(0, sizeBytes)
    expect(isFull(early, 1)).toBe(true)
    expect(isFull(content.subarray(0, 512 * 4096), 1)).toBe(true)
    expect(isFull(content.subarray(512 * 4096, 1024 * 4096), 4)).toBe(true)
    expect(isFull(content.subarray(1024 * 4096), 1)).toBe(true)
  })

  test('other snapshots keep their content, also of what is rolled back and of what is written meanwhile', async () => {
    await overwrite(2)
    const other = await origin.snapshot({
      cow: join(folder, 'other.cow'),
      chunkSectors: 32,
      durability: 'process-crash',
    })
    await origin.write(0, full(3, mebibyte))
    const merge = snapshot.merge()
    await origin.write(mebibyte, full(4, mebibyte))
    await merge.finished
    expect(isFull(await other.read(0, sizeBytes), 2)).toBe(true)
    expect(isFull(await origin.read(0, mebibyte), 1)).toBe(true)
    expect(isFull(await origin.read(mebibyte, mebibyte), 4)).toBe(true)
    expect(origin.snapshots.map(({ name }) => name)).toEqual(['other'])
    expect(remembered().snapshots).toMatchObject([{ name: 'other' }])
  })

  test('the next snapshot can be merged after it', async () => {
    await overwrite(2)
    const other = await origin.snapshot({ cow: join(folder, 'other.cow'), durability: 'process-crash' })
    await snapshot.merge().finished
    await other.merge().finished
    expect(isFull(await origin.read(0, sizeBytes), 2)).toBe(true)
  })
})

describe('while it is merged', () => {
  test('the snapshot can be read, shows what the origin shows, and refuses writes', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    await origin.write(4096, full(5, 4096))
    await underWay(merge)
    expect(isFull(await snapshot.read(4096, 4096), 5)).toBe(true)
    expect(isFull(await snapshot.read(8192, sizeBytes - 8192), 1)).toBe(true)
    await expect(snapshot.write(0, full(9, 512))).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(snapshot.usage().state).toBe('merging')
    expect(snapshot.status()).toMatch(/^\d+\/\d+ \d+$/)
    await merge.cancel()
  })

  test('no other is merged, none is taken, and it is not removed', async () => {
    await overwrite(2)
    const other = await origin.snapshot({ cow: join(folder, 'other.cow'), durability: 'process-crash' })
    const merge = snapshot.merge(slowly)
    expect(() => other.merge()).toThrow('is being merged into')
    await expect(snapshot.remove()).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    await expect(origin.snapshot({ cow: join(folder, 'third.cow') })).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    expect(existsSync(join(folder, 'third.cow'))).toBe(false)
    await merge.cancel()
    // To wait would be no advice any more.
    await expect(snapshot.remove()).rejects.toThrow('was cancelled; merge it to its end before it can be removed')
    await other.remove()
  })

  test('what cannot be merged is left as it was', async () => {
    const passing = await origin.snapshot({ cow: join(folder, 'n.cow'), store: 'N' })
    await overwrite(2)
    await expect(passing.merge().finished).rejects.toThrow('does not support snapshot-merge')
    expect(isFull(await passing.read(0, sizeBytes), 1)).toBe(true)
    await passing.write(0, full(3, 512))
    expect(() => snapshot.merge({ rateLimit: 0 })).toThrow('rateLimit is a number of bytes per second above 0')
    expect(() => snapshot.merge({ latencyTarget: Number.NaN })).toThrow('latencyTarget is a number of milliseconds')
    expect(snapshot.usage().state).toBe('Valid')
    expect(isFull(await origin.read(0, sizeBytes), 2)).toBe(true)
    expect(await snapshot.merge().finished).toBe('merged')
  })
})

describe('a snapshot that becomes invalid before its merge has begun', () => {
  /** A write in flight fills the store, whose copies take longer than it takes to ask for the merge. */
  async function tooSmall(): Promise<{ small: Snapshot; write: Promise<void> }> {
    const cow = join(folder, 'small.cow')
    const small = await origin.snapshot({ cow, cowBytes: 2 ** 19, chunkSectors: 1, durability: 'process-crash' })
    return { small, write: origin.write(0, full(2, mebibyte)) }
  }

  test('is not merged: the merge says so, and the origin is remembered as whole', async () => {
    const { small, write } = await tooSmall()
    const merge = small.merge()
    await expect(merge.finished).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await write
    expect(small.status()).toBe('Invalid')
    await reopened()
    expect(origin.snapshots.map((each) => each.merging)).toEqual([undefined, undefined])
    expect(isFull(await origin.read(0, mebibyte), 2)).toBe(true)
  })

  test('goes on showing what its own store is, while another is merged', async () => {
    const cow = join(folder, 'small.cow')
    const small = await origin.snapshot({ cow, cowBytes: 2 ** 19, chunkSectors: 1, durability: 'process-crash' })
    // In one tick: the merge finds the snapshot good, and the write that came before it does not.
    const write = origin.write(0, full(2, mebibyte))
    await expect(small.merge().finished).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await write
    const merge = snapshot.merge({ rateLimit: 1 })
    await underWay(merge)
    expect(small.usage().state).toBe('Invalid')
    await expect(small.read(0, 512)).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' })
    snapshot.merge({ rateLimit: undefined })
    expect(await merge.finished).toBe('merged')
  })
})

describe('steering', () => {
  test('progress tells bytes, speed and time left, and ends with the merge', async () => {
    await overwrite(2)
    const seen: MergeProgress[] = []
    for await (const progress of snapshot.merge({ rateLimit: 16 * mebibyte }).progress) seen.push(progress)
    expect(seen.at(-1)).toMatchObject({ done: sizeBytes, total: sizeBytes, etaSeconds: 0, state: 'merged' })
    const middle = seen.filter(({ done }) => done > 0 && done < sizeBytes)
    expect(middle.length).toBeGreaterThan(1)
    for (const { bytesPerSecond, done, etaSeconds } of middle.slice(1)) {
      expect(etaSeconds).toBeCloseTo((sizeBytes - done) / bytesPerSecond)
    }
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).toSorted((a, b) => a - b))
  })

  test('a rate limit is kept', async () => {
    await overwrite(2)
    const start = performance.now()
    await snapshot.merge({ rateLimit: 16 * mebibyte }).finished
    expect(performance.now() - start).toBeGreaterThan(0.8 * (sizeBytes / (16 * mebibyte)) * 1000)
  })

  test('a limit that is lifted holds no longer, however long the merge would have waited', async () => {
    await overwrite(2)
    const merge = snapshot.merge({ rateLimit: 1 })
    await underWay(merge)
    expect(snapshot.merge({ rateLimit: undefined })).toBe(merge)
    expect(await merge.finished).toBe('merged')
  })

  test('while requests take longer than the latency target it gets slow, without the target it is quick again', async () => {
    await overwrite(2)
    const merge = snapshot.merge({ latencyTarget: 0.000001 })
    const reading = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!merge.hasEnded) await origin.read(0, 4096)
      }),
    )
    await sleep(1500)
    // From 16 MiB/s at most down to 1 MiB/s, and not to nothing.
    const { done } = merge.current
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(sizeBytes / 2)
    snapshot.merge({ latencyTarget: undefined })
    expect(await merge.finished).toBe('merged')
    await reading
  })

  test('a latency target does not keep a merge beside an idle origin from its end', async () => {
    await overwrite(2)
    expect(await snapshot.merge({ latencyTarget: 0.001 }).finished).toBe('merged')
  })

  test('paused it does nothing, and the origin works; resumed it goes on', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    await underWay(merge)
    await merge.pause()
    const { done } = merge.current
    const status = snapshot.status()
    await origin.write(0, full(6, mebibyte))
    await sleep(100)
    expect([merge.current.done, merge.current.state, snapshot.status()]).toEqual([done, 'paused', status])
    expect(merge.current.bytesPerSecond).toBe(0)
    // Asked again it is the same merge, with new limits, and goes on.
    expect(snapshot.merge({ rateLimit: 1024 * mebibyte })).toBe(merge)
    expect(await merge.finished).toBe('merged')
    expect(isFull(await origin.read(0, mebibyte), 6)).toBe(true)
    expect(isFull(await origin.read(mebibyte, sizeBytes - mebibyte), 1)).toBe(true)
  })

  test('paused at once it is at rest when its tables are swapped, and has merged nothing', async () => {
    await overwrite(2)
    const merge = snapshot.merge()
    await merge.pause()
    expect(engine.mapper.table('disk.img')).toContain(' snapshot-merge ')
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
    expect(snapshot.usage().exceptions).toBe(sizeBytes / 4096)
    merge.resume()
    expect(await merge.finished).toBe('merged')
  })

  test('cancelled it leaves a valid, smaller store, and the content of the snapshot; merged again it goes on', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    const { done } = await underWay(merge)
    await origin.write(0, full(6, 4096))
    await merge.cancel()
    expect(await merge.finished).toBe('cancelled')
    const { exceptions } = snapshot.usage()
    expect(exceptions).toBeLessThanOrEqual((sizeBytes - done) / 4096)
    expect(decodeStore(readFileSync(join(folder, 'snap.cow')))?.exceptions.length).toBe(exceptions)
    expect(remembered().snapshots).toMatchObject([{ merging: 'stopped' }])
    await origin.write(4096, full(7, 4096))
    expect(isFull(await snapshot.read(8192, sizeBytes - 8192), 1)).toBe(true)
    const again = snapshot.merge()
    expect(again).not.toBe(merge)
    expect(again.limits).toEqual(slowly)
    expect(await again.finished).toBe('merged')
    expect(again.current.total).toBe(exceptions * 4096)
    expect(isFull(await origin.read(0, 4096), 6)).toBe(true)
    expect(isFull(await origin.read(4096, 4096), 7)).toBe(true)
    expect(isFull(await origin.read(8192, sizeBytes - 8192), 1)).toBe(true)
  })

  test('cancelled before it has begun it has merged nothing', async () => {
    await overwrite(2)
    const merge = snapshot.merge()
    await merge.cancel()
    expect(await merge.finished).toBe('cancelled')
    expect(remembered().snapshots).toMatchObject([{ merging: 'stopped' }])
    expect(snapshot.usage().exceptions).toBe(sizeBytes / 4096)
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
    expect(await snapshot.merge().finished).toBe('merged')
  })
})

describe('a merge that fails', () => {
  /** The COW ends in the middle of its data; answers how it was. */
  function cut(): Buffer {
    const cow = join(folder, 'snap.cow')
    const whole = readFileSync(cow)
    truncateSync(cow, 5 * mebibyte)
    return whole
  }

  test('says why, leaves the content as it was, and can be merged again when what failed is mended', async () => {
    await overwrite(2)
    const whole = cut()
    const merge = snapshot.merge()
    await expect(merge.finished).rejects.toMatchObject({ code: 'IO_ERROR', facts: { errno: 5 } })
    await expect(merge.finished).rejects.toThrow(
      /merging .*snap\.cow into disk\.img failed: Read error.*: shutting down merge/,
    )
    expect([merge.state, snapshot.status(), snapshot.usage().state]).toEqual(['failed', 'Merge failed', 'Merge failed'])
    expect(remembered().snapshots).toMatchObject([{ merging: 'running' }])
    // Not yet mended: everything stays as it is.
    await expect(snapshot.merge().finished).rejects.toMatchObject({
      code: expect.stringMatching(/STORE_CORRUPT|TABLE_INVALID/),
    })
    expect(snapshot.status()).toBe('Merge failed')
    writeFileSync(join(folder, 'snap.cow'), whole)
    await origin.write(0, full(6, 4096))
    expect(isFull(await origin.read(0, 4096), 6)).toBe(true)
    expect(snapshot.status()).toBe('Merge failed')
    expect(await snapshot.merge().finished).toBe('merged')
    expect(isFull(await origin.read(0, 4096), 6)).toBe(true)
    expect(isFull(await origin.read(4096, sizeBytes - 4096), 1)).toBe(true)
  })
})

describe('a merge whose end cannot be remembered', () => {
  test('fails as it was before the end, and ends when it is asked for again', async () => {
    await overwrite(2)
    await origin.snapshot({ cow: join(folder, 'other.cow'), durability: 'process-crash' })
    const merge = snapshot.merge(slowly)
    await underWay(merge)
    mkdirSync(`${image}.cowring.tmp`)
    merge.limits = {}
    await expect(merge.finished).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(remembered().snapshots).toMatchObject([{ name: 'snap', merging: 'running' }, { name: 'other' }])
    expect(engine.mapper.table('disk.img')).toContain('snapshot-merge')
    expect(snapshot.usage()).toMatchObject({ state: 'merging', exceptions: 0 })
    rmdirSync(`${image}.cowring.tmp`)
    expect(await snapshot.merge().finished).toBe('merged')
    expect(remembered().snapshots).toMatchObject([{ name: 'other' }])
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
  })
})

describe('an unfinished merge', () => {
  test('is remembered, and goes on when the origin is opened again', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    await underWay(merge)
    await origin.write(0, full(6, 4096))
    await origin.close()
    await expect(merge.finished).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    expect(remembered()).toMatchObject({ version: 2, snapshots: [{ name: 'snap', merging: 'running' }] })
    origin = await engine.open(image)
    const again = (origin.snapshots[0] as Snapshot).merging as Merge
    expect(await again.finished).toBe('merged')
    expect(isFull(await origin.read(0, 4096), 6)).toBe(true)
    expect(isFull(await origin.read(4096, sizeBytes - 4096), 1)).toBe(true)
    expect(existsSync(`${image}.cowring`)).toBe(false)
  })

  test('that was cancelled waits to be asked', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    await underWay(merge)
    await merge.cancel()
    const { exceptions } = snapshot.usage()
    const again = await reopened()
    await sleep(50)
    expect(again.usage()).toMatchObject({ state: 'merging', exceptions })
    expect(again.merging?.state).toBe('cancelled')
    expect(isFull(await again.read(0, sizeBytes), 1)).toBe(true)
    expect(await again.merge().finished).toBe('merged')
  })

  test('is remembered also if it is cancelled in the moment in which the origin is closed', async () => {
    await overwrite(2)
    const merge = snapshot.merge(slowly)
    await underWay(merge)
    await Promise.all([merge.cancel(), origin.close()])
    await expect(merge.finished).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    expect(remembered().snapshots).toMatchObject([{ name: 'snap', merging: 'running' }])
    origin = await engine.open(image)
    expect(await origin.snapshots[0]?.merging?.finished).toBe('merged')
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
  })

  test('without its COW the origin is refused, for reading as well, and says what to do', async () => {
    await overwrite(2)
    await underWay(snapshot.merge(slowly))
    await origin.close()
    const before = readFileSync(image)
    renameSync(join(folder, 'snap.cow'), join(folder, 'away.cow'))
    for (const readOnly of [false, true]) {
      const refused = await engine.open(image, { readOnly }).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'SNAPSHOT_MISSING', facts: { snapshot: 'snap' } })
      expect((refused as Error).message).toMatch(/half merged .* Bring it back .* abandon/)
    }
    expect(readFileSync(image).equals(before)).toBe(true)
    renameSync(join(folder, 'away.cow'), join(folder, 'snap.cow'))
    origin = await engine.open(image)
    expect(await (origin.snapshots[0] as Snapshot).merging?.finished).toBe('merged')
  })

  test('can be given up by name: the origin is what it is then', async () => {
    await overwrite(2)
    await underWay(snapshot.merge(slowly))
    await origin.close()
    origin = await engine.open(image, { abandon: ['snap'] })
    const content = await origin.read(0, sizeBytes)
    expect([...new Set(content)].toSorted()).toEqual([1, 2])
    expect(origin.snapshots).toEqual([])
  })

  test('opened for reading shows the snapshot and merges nothing', async () => {
    await overwrite(2)
    await underWay(snapshot.merge(slowly))
    await origin.close()
    const before = [readFileSync(image), readFileSync(join(folder, 'snap.cow'))]
    origin = await engine.open(image, { readOnly: true })
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
    const [shown] = origin.snapshots
    expect(isFull((await shown?.read(0, sizeBytes)) ?? full(0, 1), 1)).toBe(true)
    expect(() => shown?.merge()).toThrow('was opened read-only')
    const memory = readFileSync(`${image}.cowring`)
    expect(shown?.merging?.state).toBe('paused')
    await expect(shown?.merging?.cancel()).rejects.toMatchObject({ code: 'READ_ONLY' })
    await origin.close()
    expect(readFileSync(`${image}.cowring`).equals(memory)).toBe(true)
    expect(readFileSync(image).equals(before[0] as Buffer)).toBe(true)
    expect(readFileSync(join(folder, 'snap.cow')).equals(before[1] as Buffer)).toBe(true)
    origin = await engine.open(image)
  })

  test('keeps the other snapshots, over the reopening', async () => {
    await overwrite(2)
    await origin.snapshot({ cow: join(folder, 'other.cow'), durability: 'process-crash' })
    await overwrite(3)
    await underWay(snapshot.merge(slowly))
    await reopened()
    const [merging, other] = origin.snapshots as [Snapshot, Snapshot]
    await merging.merging?.finished
    expect(isFull(await other.read(0, sizeBytes), 2)).toBe(true)
    expect(isFull(await origin.read(0, sizeBytes), 1)).toBe(true)
  })
})
