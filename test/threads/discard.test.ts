/** `discard` and `writeZeroes` on real threads: ranges of any length, what is refused, and what snapshots keep. */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DeviceVolume, Engine, type Origin, type Snapshot } from 'cowring'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sameBytes } from '../support/stepped-engine.js'

const mebibyte = 2 ** 20
const gibibyte = 2 ** 30
const sector = (byte: number) => new Uint8Array(512).fill(byte)
const zeroes = (byteLength: number) => new Uint8Array(byteLength)
const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const filled = (bytes: number, byte = 7) => {
  const source = memory(bytes)
  source.memory.fill(byte)
  return source
}

let folder: string
let engine: Engine
beforeAll(async () => {
  engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
})
afterAll(() => engine.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-discard-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A sparse file with a sector of 7 at each of `marks`. */
function sparse(byteLength: number, marks: readonly number[]): string {
  const path = join(folder, 'disk.img')
  writeFileSync(path, '')
  truncateSync(path, byteLength)
  const fd = openSync(path, 'r+')
  for (const mark of marks) writeSync(fd, sector(7), 0, 512, mark)
  closeSync(fd)
  return path
}

const bytesAt = async (volume: Origin | Snapshot | DeviceVolume, marks: readonly number[]) =>
  Promise.all(marks.map(async (mark) => (await volume.read(mark, 512))[511]))

describe('a plain origin', () => {
  test.each(['libc', 'node'] as const)(
    'in a file is zeroed and discarded by %s, and nothing else changes',
    async (io) => {
      await using own = await Engine.start({ workers: 1, arenaBytes: 2 ** 25, io })
      const path = join(folder, 'disk.img')
      writeFileSync(path, new Uint8Array(4 * mebibyte).fill(7))
      await using origin = await own.open(path)
      await origin.writeZeroes(512, 1024)
      await origin.discard(mebibyte, 2 * mebibyte)
      await origin.flush()
      const expected = new Uint8Array(4 * mebibyte).fill(7)
      expected.fill(0, 512, 1536)
      expected.fill(0, mebibyte, 3 * mebibyte)
      expect(sameBytes(await origin.read(0, 4 * mebibyte), expected)).toBe(true)
    },
  )

  test('gets smaller on its disk when it is discarded, or zeroed where there are holes', async () => {
    const path = join(folder, 'disk.img')
    writeFileSync(path, new Uint8Array(4 * mebibyte).fill(7), { flush: true })
    await using origin = await engine.open(path)
    const before = statSync(path).blocks * 512
    await origin.discard(0, mebibyte)
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(before - mebibyte)
    await origin.writeZeroes(mebibyte, mebibyte)
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(before - 2 * mebibyte)
    expect(statSync(path).size).toBe(4 * mebibyte)
  })

  test.each(['discard', 'writeZeroes'] as const)(
    '%s takes ranges of gigabytes, from the first sector to the last',
    async (call) => {
      const size = 3 * gibibyte + 512
      const inside = [512, gibibyte - 512, gibibyte, 2 * gibibyte + 64 * mebibyte, 3 * gibibyte - 512]
      const outside = [0, 3 * gibibyte]
      await using origin = await engine.open(sparse(size, [...inside, ...outside]))
      const extents = () => engine.statistics().operations[call === 'discard' ? 'discard' : 'zero']
      const before = extents()
      await origin[call](512, 3 * gibibyte - 512)
      expect(await bytesAt(origin, inside)).toEqual([0, 0, 0, 0, 0])
      expect(await bytesAt(origin, outside)).toEqual([7, 7])
      expect(extents().bytes - before.bytes).toBe(3 * gibibyte - 512)
      expect(extents().count - before.count).toBe(call === 'discard' ? 3 : 48)
      expect(extents().errors).toBe(before.errors)
    },
  )

  test('that is closed in the middle of zeroes takes no more of them', async () => {
    const origin = await engine.open(sparse(4 * gibibyte, []))
    const rejected = expect(origin.writeZeroes(0, 4 * gibibyte)).rejects.toMatchObject({
      code: 'DEVICE_CLOSED',
      message: 'disk.img is closed; open it again to use it',
    })
    await Promise.all([origin.close(), rejected])
  })

  test('in memory takes both', async () => {
    await using origin = await engine.open(filled(8 * mebibyte))
    await origin.discard(512, mebibyte)
    await origin.writeZeroes(4 * mebibyte, mebibyte)
    const expected = new Uint8Array(8 * mebibyte).fill(7)
    expected.fill(0, 512, mebibyte + 512)
    expected.fill(0, 4 * mebibyte, 5 * mebibyte)
    expect(sameBytes(await origin.read(0, 8 * mebibyte), expected)).toBe(true)
  })

  test('takes both while the arena has no byte left: they carry none', async () => {
    await using origin = await engine.open(filled(mebibyte))
    const taken: Uint8Array[] = []
    for (let bytes = 16 * mebibyte; bytes >= 4096; ) {
      try {
        taken.push(engine.alloc(bytes))
      } catch {
        bytes /= 2
      }
    }
    await origin.discard(0, 4096)
    await origin.writeZeroes(8192, 4096)
    for (const buffer of taken) engine.free(buffer)
    const found = await origin.read(0, 16384)
    expect([found[0], found[4096], found[8192], found[12288]]).toEqual([0, 7, 0, 7])
  })
})

describe('an origin with a snapshot', () => {
  test('refuses a discard, says what to do instead, and keeps its bytes', async () => {
    await using origin = await engine.open(filled(mebibyte))
    const snapshot = await origin.snapshot({ cow: memory(4 * mebibyte), name: 'kept' })
    await expect(origin.discard(0, 4096)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringMatching(/^memory: discard of 4096 bytes at offset 0 failed: .*writeZeroes/),
    })
    expect(await bytesAt(origin, [0])).toEqual([7])
    await snapshot.remove()
    await origin.discard(0, 4096)
    expect(await bytesAt(origin, [0, 4096])).toEqual([0, 7])
  })

  test('is zeroed over chunk boundaries and many megabytes, and the snapshot keeps what was there', async () => {
    const size = 40 * mebibyte
    await using origin = await engine.open(filled(size))
    const options = { chunkSectors: 128, durability: 'process-crash' } as const
    const snapshot = await origin.snapshot({ cow: memory(2 * size), ...options })
    await origin.writeZeroes(512, 36 * mebibyte)
    const expected = new Uint8Array(size).fill(7)
    expect(sameBytes(await snapshot.read(0, size), expected)).toBe(true)
    expected.fill(0, 512, 512 + 36 * mebibyte)
    expect(sameBytes(await origin.read(0, size), expected)).toBe(true)
    expect(snapshot.status()).toMatch(/^\d+\/\d+ \d+$/)
  })

  test('is zeroed in place where the snapshot has every chunk', async () => {
    await using origin = await engine.open(filled(mebibyte))
    const snapshot = await origin.snapshot({ cow: memory(4 * mebibyte), durability: 'process-crash' })
    await origin.write(0, new Uint8Array(mebibyte).fill(8))
    const writes = engine.statistics().operations.originWrite.count
    await origin.writeZeroes(0, mebibyte)
    expect(engine.statistics().operations.originWrite.count).toBe(writes)
    expect(sameBytes(await origin.read(0, mebibyte), zeroes(mebibyte))).toBe(true)
    expect(await bytesAt(snapshot, [0, mebibyte - 512])).toEqual([7, 7])
  })

  test('that is closed in the middle of zeroes rejects them, and hangs nothing', async () => {
    const size = 24 * mebibyte
    const origin = await engine.open(filled(size))
    await origin.snapshot({ cow: memory(2 * size), durability: 'process-crash' })
    const zeroing = origin.writeZeroes(0, size)
    const rejected = expect(zeroing).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    await Promise.all([origin.close(), rejected])
  })
})

describe('a snapshot', () => {
  test('refuses a discard and takes zeroes, which neither the origin nor its sibling sees', async () => {
    const size = 4 * mebibyte
    await using origin = await engine.open(filled(size))
    const options = { chunkSectors: 16, durability: 'process-crash' } as const
    const snapshot = await origin.snapshot({ cow: memory(2 * size), name: 'fork', ...options })
    const sibling = await origin.snapshot({ cow: memory(2 * size), name: 'sibling', ...options })
    await expect(snapshot.discard(0, 8192)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringContaining('fork: discard of 8192 bytes at offset 0 failed'),
    })
    await snapshot.writeZeroes(1024, 3 * mebibyte)
    const expected = new Uint8Array(size).fill(7)
    expect(sameBytes(await origin.read(0, size), expected)).toBe(true)
    expect(sameBytes(await sibling.read(0, size), expected)).toBe(true)
    expected.fill(0, 1024, 1024 + 3 * mebibyte)
    expect(sameBytes(await snapshot.read(0, size), expected)).toBe(true)
  })

  test('that overflows under zeroes rejects them as it rejects writes', async () => {
    await using origin = await engine.open(filled(mebibyte))
    const snapshot = await origin.snapshot({ cow: memory(64 * 1024), store: 'PO', chunkSectors: 8 })
    await expect(snapshot.writeZeroes(0, mebibyte)).rejects.toMatchObject({ code: 'SNAPSHOT_OVERFLOW' })
    expect(snapshot.status()).toBe('Overflow')
  })

  /** Only a table line makes a snapshot that takes discards. */
  async function takingDiscards(byteLength: number, chunkSectors: number, features: string) {
    const { mapper } = engine
    writeFileSync(join(folder, 'disk.img'), new Uint8Array(byteLength).fill(7))
    writeFileSync(join(folder, 'cow'), '')
    truncateSync(join(folder, 'cow'), 2 * byteLength + 2 * chunkSectors * 512 + mebibyte)
    const sectors = byteLength / 512
    await mapper.create('real', `0 ${sectors} linear disk.img 0`, { folder })
    await mapper.create('origin', `0 ${sectors} snapshot-origin real`)
    const line = `0 ${sectors} snapshot real cow P ${chunkSectors} ${features}`
    await mapper.create('snapshot', line, { folder, durability: 'process-crash' })
    const [origin, snapshot] = [await mapper.open('origin'), await mapper.open('snapshot')]
    const end = async () => {
      await origin.close()
      await snapshot.close()
      await mapper.removeAll()
    }
    return { origin, snapshot, [Symbol.asyncDispose]: end }
  }

  test('that was made to takes discards: what it has becomes zeroes, and the origin shows through elsewhere', async () => {
    await using devices = await takingDiscards(4 * mebibyte, 16, '1 discard_zeroes_cow')
    const { origin, snapshot } = devices
    await snapshot.write(0, new Uint8Array(mebibyte).fill(8))
    await snapshot.discard(512, 2 * mebibyte)
    const expected = new Uint8Array(4 * mebibyte).fill(7)
    expected.fill(8, 0, 512)
    expected.fill(0, 512, mebibyte)
    expect(sameBytes(await snapshot.read(0, 4 * mebibyte), expected)).toBe(true)
    expect(await bytesAt(origin, [0, mebibyte])).toEqual([7, 7])
  })

  test('with chunks larger than a megabyte has them discarded whole, wherever the discard begins', async () => {
    const chunk = 4 * mebibyte
    await using devices = await takingDiscards(3 * chunk, chunk / 512, '1 discard_zeroes_cow')
    const { snapshot } = devices
    await snapshot.write(0, new Uint8Array(3 * chunk).fill(8))
    const before = engine.statistics().operations.discard.count
    await snapshot.discard(chunk - 512, 2 * chunk + 512)
    expect(engine.statistics().operations.discard.count - before).toBe(3)
    const expected = zeroes(3 * chunk)
    expected.fill(8, 0, chunk - 512)
    expect(sameBytes(await snapshot.read(0, 3 * chunk), expected)).toBe(true)
  })

  test('passes discards down to the origin, unless that has another snapshot', async () => {
    await using devices = await takingDiscards(4 * mebibyte, 16, '2 discard_zeroes_cow discard_passdown_origin')
    const { origin, snapshot } = devices
    await snapshot.discard(0, 8192)
    expect(await bytesAt(origin, [0, 8192])).toEqual([0, 7])
    expect(await bytesAt(snapshot, [0, 8192])).toEqual([0, 7])
    writeFileSync(join(folder, 'other'), new Uint8Array(mebibyte))
    await engine.mapper.create('other', '0 8192 snapshot real other P 16', { folder })
    await expect(snapshot.discard(8192, 8192)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringContaining('would spoil the other snapshots'),
    })
    expect(await bytesAt(origin, [8192])).toEqual([7])
  })

  test('a snapshot-origin takes no discards, even while it has no snapshots', async () => {
    await using devices = await takingDiscards(mebibyte, 16, '1 discard_zeroes_cow')
    await devices.snapshot.close()
    await engine.mapper.remove('snapshot')
    await expect(devices.origin.discard(0, 8192)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  })
})

describe.each(['discard', 'writeZeroes'] as const)('%s', (call) => {
  test('refuses what is no range of whole sectors inside the volume', async () => {
    await using origin = await engine.open(filled(mebibyte))
    const refused = (offset: number, byteLength: number, code: string) =>
      expect(origin[call](offset, byteLength), `${offset}+${byteLength}`).rejects.toMatchObject({ code })
    for (const [offset, byteLength] of [
      [1, 512],
      [0, 511],
      [-512, 512],
      [0, -512],
      [Number.NaN, 512],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      await refused(offset, byteLength, 'INVALID_ARGUMENT')
    }
    await refused(mebibyte, 512, 'OUT_OF_RANGE')
    await refused(mebibyte - 512, 1024, 'OUT_OF_RANGE')
    await refused(0, 2 ** 52, 'OUT_OF_RANGE')
    expect(await bytesAt(origin, [0, mebibyte - 512])).toEqual([7, 7])
  })

  test('of nothing succeeds', async () => {
    await using origin = await engine.open(filled(mebibyte))
    await origin[call](512, 0)
    await origin[call](mebibyte, 0)
    expect(await bytesAt(origin, [512])).toEqual([7])
  })

  test('is refused by a volume that is read-only or closed', async () => {
    const origin = await engine.open(filled(mebibyte), { readOnly: true })
    await expect(origin[call](0, 512)).rejects.toMatchObject({ code: 'READ_ONLY' })
    await origin.close()
    await expect(origin[call](0, 512)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
  })
})
