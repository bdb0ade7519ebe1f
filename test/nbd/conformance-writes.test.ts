/** Writes, zeroes, trims, flushes: their content, on one connection and on several. */
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { command, commandFlag, nbdError } from '../../src/nbd/protocol.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { numbersOf } from '../support/nbd/numbers.js'
import { cacheOf, flushOf, trimOf, writeOf, zeroesOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const size = 4 * mebibyte
const { fastZero, fua, noHole } = commandFlag
const trimmed = [
  [100, 5100],
  [mebibyte, 2 * mebibyte],
] as const
let served: Served

beforeEach(async () => {
  served = await serve({ byteLength: size, snapshots: [{ name: 'before', chunkSectors: 8 }] })
})
afterEach(() => served.close())

describe.each(['simple', 'structured', 'extended'] as const)('%s replies', (mode) => {
  it(`random writes, zeroes and trims against an oracle, seed ${seed}`, async () => {
    const client = await served.connect({ mode })
    const wanted = served.folder.content('disk')
    const numbers = numbersOf(seed)
    for (let round = 0; round < 40; round++) {
      // Those of a round do not overlap: each has 128 KiB of its own.
      const requests = Array.from({ length: 1 + numbers.below(32) }, (_, index) => {
        const offset = index * 131072 + numbers.below(4) * 512 + (numbers.chance(20) ? numbers.below(512) : 0)
        const length = numbers.chance(70) ? 4096 : 1 + numbers.below(100_000)
        const flags = numbers.chance(10) ? fua : 0
        const kind = numbers.below(10)
        if (kind === 0) {
          wanted.fill(0, offset, offset + length)
          return zeroesOf(offset, length, flags | (numbers.chance(50) ? noHole : 0))
        }
        const bytes = numbers.bytes(64)
        const payload = Buffer.alloc(length, bytes)
        payload.copy(wanted, offset)
        return writeOf(offset, payload, flags)
      })
      for (const { error } of await Promise.all(client.submitAll(requests))) expect(error).toBe(0)
    }
    expect((await client.read(0, size)).equals(wanted)).toBe(true)
    const snapshot = await served.connect({ mode, name: 'before' })
    expect((await snapshot.read(0, size)).equals(pattern(0, size, 1))).toBe(true)
    await client.disconnect()
    await snapshot.disconnect()
    await served.origin.flush()
    expect(served.folder.content('disk').equals(wanted)).toBe(true)
  })

  it('TRIM leaves old content or zeroes, in whole or in part, and nothing else', async () => {
    const plain = await serve({ byteLength: size, snapshots: [] })
    try {
      for (const place of [plain, served]) {
        const client = await place.connect({ mode })
        expect((await client.submit(trimOf(mebibyte, mebibyte))).error).toBe(0)
        expect((await client.submit(trimOf(100, 5000))).error).toBe(0)
        const found = await client.read(0, size)
        const old = pattern(0, size, 1)
        expect(found.subarray(0, 100).equals(old.subarray(0, 100))).toBe(true)
        expect(found.subarray(5100, mebibyte).equals(old.subarray(5100, mebibyte))).toBe(true)
        expect(found.subarray(2 * mebibyte).equals(old.subarray(2 * mebibyte))).toBe(true)
        for (const [start, end] of trimmed) {
          for (let at = start; at < end; at++)
            if (found[at] !== old[at] && found[at] !== 0) throw new Error(`byte ${at} is ${found[at]}`)
        }
        await client.disconnect()
      }
    } finally {
      await plain.close()
    }
  })
})

it('the largest write there is, and a write of each size around it', async () => {
  const large = await serve({ byteLength: 34 * mebibyte, written: [], snapshots: [{ name: 'before' }] })
  try {
    const client = await large.connect()
    const bytes = pattern(0, 32 * mebibyte, 5)
    await client.write(mebibyte, bytes)
    expect((await client.read(mebibyte, 32 * mebibyte)).equals(bytes)).toBe(true)
    await client.write(3, bytes.subarray(0, 32 * mebibyte - 1))
    expect((await client.read(3, 32 * mebibyte - 1)).equals(bytes.subarray(0, 32 * mebibyte - 1))).toBe(true)
    await client.disconnect()
  } finally {
    await large.close()
  }
})

it('TRIM of an origin without snapshots makes holes', async () => {
  const plain = await serve({ byteLength: size, snapshots: [] })
  try {
    const before = statSync(plain.image).blocks
    const client = await plain.connect({})
    await client.must(trimOf(0, size / 2))
    await client.flush()
    expect(statSync(plain.image).blocks).toBeLessThan(before)
    await client.disconnect()
  } finally {
    await plain.close()
  }
})

describe('FAST_ZERO', () => {
  it('is done at once where nothing must be copied', async () => {
    const plain = await serve({ byteLength: size, snapshots: [] })
    try {
      const client = await plain.connect()
      expect((await client.submit(zeroesOf(0, size / 2, fastZero))).error).toBe(0)
      expect((await client.read(0, size / 2)).every((byte) => byte === 0)).toBe(true)
      await client.disconnect()
    } finally {
      await plain.close()
    }
  })

  it('is not supported where writing would be slow, and nothing has changed then', async () => {
    const client = await served.connect()
    const { error } = await client.submit(zeroesOf(0, size / 2, fastZero))
    if (error !== 0) expect(error).toBe(nbdError.notsup)
    const found = await client.read(0, size / 2)
    expect(found.equals(error === 0 ? Buffer.alloc(size / 2) : pattern(0, size / 2, 1))).toBe(true)
    await client.disconnect()
  })
})

it('zeroes of a snapshot and of its origin do not reach each other', async () => {
  const [origin, snapshot] = [await served.connect(), await served.connect({ name: 'before' })]
  await origin.must(zeroesOf(0, mebibyte))
  await snapshot.must(zeroesOf(mebibyte, mebibyte))
  expect((await snapshot.read(0, mebibyte)).equals(pattern(0, mebibyte, 1))).toBe(true)
  expect((await origin.read(mebibyte, mebibyte)).equals(pattern(mebibyte, mebibyte, 1))).toBe(true)
  expect((await snapshot.read(mebibyte, mebibyte)).every((byte) => byte === 0)).toBe(true)
  await origin.disconnect()
  await snapshot.disconnect()
})

describe('several connections', () => {
  it('what one was answered the others read', async () => {
    const clients = await Promise.all([0, 1, 2, 3].map(() => served.connect()))
    for (let round = 0; round < 200; round++) {
      const [writer, reader] = [clients[round % 4], clients[(round + 1) % 4]]
      const offset = (round * 37 * 512) % (size - 8192)
      const bytes = Buffer.alloc(4096 + (round % 3), round + 1)
      await writer?.write(offset, bytes)
      expect((await reader?.read(offset, bytes.length))?.equals(bytes)).toBe(true)
    }
  })

  it('what the engine writes they read, and what they write the engine reads', async () => {
    const client = await served.connect()
    await served.origin.write(0, pattern(0, 65536, 7))
    expect((await client.read(0, 65536)).equals(pattern(0, 65536, 7))).toBe(true)
    await client.write(65536, pattern(65536, 65536, 8))
    expect(Buffer.from(await served.origin.read(65536, 65536)).equals(pattern(65536, 65536, 8))).toBe(true)
  })

  it('FLUSH and FUA of one cover what the others were answered', async () => {
    const [writer, flusher] = [await served.connect(), await served.connect()]
    const flushes = (): number => served.barriers()
    for (const flushed of [flushOf(), writeOf(size - 4096, pattern(size - 4096, 4096, 3), fua)]) {
      await writer.write(4096, pattern(4096, 4096, 2))
      const before = flushes()
      await flusher.must(flushed)
      expect(flushes()).toBeGreaterThan(before)
    }
  })

  it('writes of four connections to the same chunks leave one of them in each sector, and the snapshot old', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => served.connect()))
    const area = 256 * 1024
    await Promise.all(
      clients.map(async (client, index) => {
        for (let round = 0; round < 8; round++) {
          const requests = Array.from({ length: area / 4096 }, (_, at) =>
            writeOf(at * 4096, Buffer.alloc(4096, index + 1)),
          )
          for (const { error } of await Promise.all(client.submitAll(requests))) expect(error).toBe(0)
        }
      }),
    )
    const found = await clients[0]?.read(0, area)
    for (let at = 0; at < area; at += 512) {
      const sector = found?.subarray(at, at + 512)
      const [first = 0] = sector ?? []
      expect(first >= 1 && first <= 4 && sector?.every((byte) => byte === first)).toBe(true)
    }
    const snapshot = await served.connect({ name: 'before' })
    expect((await snapshot.read(0, area)).equals(pattern(0, area, 1))).toBe(true)
  })
})

it('CACHE changes nothing', async () => {
  const client = await served.connect()
  expect((await client.submit(cacheOf(0, size))).error).toBe(0)
  expect((await client.read(0, size)).equals(pattern(0, size, 1))).toBe(true)
  expect(command.cache).toBe(5)
})
