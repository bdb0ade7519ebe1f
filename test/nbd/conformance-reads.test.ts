/** Reads: every shape of answer, holes, pieces that are no sectors, many at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandFlag } from '../../src/nbd/protocol.js'
import { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { numbersOf } from '../support/nbd/numbers.js'
import { readOf, writeOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const size = 16 * mebibyte
/** The image has content in its first and third quarter, and holes elsewhere. */
const quarter = size / 4
let served: Served
let image: Buffer

beforeAll(async () => {
  served = await serve({
    byteLength: size,
    written: [
      [0, quarter],
      [2 * quarter, 3 * quarter],
    ],
    snapshots: [{ name: 'before' }],
  })
  image = served.folder.content('disk')
})
afterAll(() => served.close())

describe.each(['simple', 'structured', 'extended'] as const)('%s replies', (mode) => {
  describe.each(['disk', 'before'])('of %s', (name) => {
    let client: NbdClient
    beforeAll(async () => {
      client = await NbdClient.connect(served.where, { mode, name })
    })
    afterAll(() => client.disconnect())

    const same = async (offset: number, length: number): Promise<void> => {
      const { data, error, shape } = await client.submit(readOf(offset, length))
      expect([error, shape]).toEqual([0, mode])
      expect(data.equals(image.subarray(offset, offset + length))).toBe(true)
    }

    it.each([1, 511, 512, 513, 4095, 4096, 16384, 65536, 1048576, 1048577, size])('%i bytes', async (length) => {
      await same(0, length)
      await same(size - length, length)
      if (length <= quarter) await same(quarter - Math.ceil(length / 2), length)
    })

    it(`any bytes, any number in flight, seed ${seed}`, async () => {
      const numbers = numbersOf(seed)
      const asked = Array.from({ length: 400 }, () => {
        const length = 1 + numbers.below(numbers.below(4) === 0 ? 70_000 : 5000)
        return { offset: numbers.below(size - length), length }
      })
      const answers = await Promise.all(client.submitAll(asked.map(({ length, offset }) => readOf(offset, length))))
      asked.forEach(({ length, offset }, index) => {
        const data = answers[index]?.data
        expect(data?.equals(image.subarray(offset, offset + length)), `${offset}+${length}`).toBe(true)
      })
    })

    it('more in flight than any queue has places', async () => {
      const answers = await Promise.all(
        client.submitAll(Array.from({ length: 5000 }, (_, index) => readOf(index * 512, 512))),
      )
      answers.forEach(({ data }, index) => {
        if (!data.equals(image.subarray(index * 512, (index + 1) * 512))) throw new Error(`sector ${index} is wrong`)
      })
    })

    it('32 MiB of answers in flight, whole in the end', async () => {
      const answers = await Promise.all(
        client.submitAll(Array.from({ length: 32 }, (_, index) => readOf((index % 16) * mebibyte, mebibyte))),
      )
      for (const [index, { data }] of answers.entries())
        expect(data.equals(image.subarray((index % 16) * mebibyte, ((index % 16) + 1) * mebibyte))).toBe(true)
    })
  })
})

describe('holes', () => {
  it.each(['structured', 'extended'] as const)('are told as holes, not sent (%s)', async (mode) => {
    const client = await NbdClient.connect(served.where, { mode })
    const { data, pieces } = await client.must(readOf(quarter, quarter))
    expect(pieces.every(({ kind }) => kind === 'hole')).toBe(true)
    expect(data.every((byte) => byte === 0)).toBe(true)
    const both = await client.must(readOf(0, 2 * quarter))
    expect(both.pieces.some(({ kind }) => kind === 'hole')).toBe(true)
    expect(both.data.equals(image.subarray(0, 2 * quarter))).toBe(true)
    await client.disconnect()
  })

  it('DF brings one piece, whatever it is made of', async () => {
    const client = await NbdClient.connect(served.where)
    for (const [offset, length] of [
      [quarter - 32768, 65536],
      [quarter, 4096],
      [0, 4096],
      [quarter - 100, 200],
    ] as const) {
      const { data, pieces } = await client.must(readOf(offset, length, commandFlag.df))
      expect(pieces.length).toBe(1)
      expect(data.equals(image.subarray(offset, offset + length))).toBe(true)
    }
    // EOVERFLOW is for this alone: more than the server will send in one piece.
    const large = await client.submit(readOf(0, 2 * quarter, commandFlag.df))
    expect([0, 75]).toContain(large.error)
    await client.disconnect()
  })
})

describe('requests that are no sectors', () => {
  it(`bytes are written where they belong, and nowhere else, seed ${seed}`, async () => {
    const small = await serve({ byteLength: mebibyte, snapshots: [{ name: 'before', chunkSectors: 8 }] })
    try {
      const wanted = small.folder.content('disk')
      const client = await small.connect()
      const numbers = numbersOf(seed)
      for (let round = 0; round < 300; round++) {
        const length = 1 + numbers.below(round % 5 === 0 ? 9000 : 700)
        const offset = numbers.below(mebibyte - length)
        const bytes = Buffer.alloc(length, 1 + (round % 255))
        bytes.copy(wanted, offset)
        await client.write(offset, bytes)
      }
      expect((await client.read(0, mebibyte)).equals(wanted)).toBe(true)
      const snapshot = await small.connect({ name: 'before' })
      expect((await snapshot.read(0, mebibyte)).equals(pattern(0, mebibyte, 1))).toBe(true)
    } finally {
      await small.close()
    }
  })

  it('a whole sector and bytes of it, written at the same time, leave nothing older than both', async () => {
    const small = await serve({ byteLength: mebibyte, snapshots: [{ name: 'before', chunkSectors: 8 }] })
    try {
      const [whole, parts] = [await small.connect(), await small.connect()]
      for (let round = 1; round < 250; round++) {
        const answers = [
          ...whole.submitAll(Array.from({ length: 8 }, () => writeOf(0, Buffer.alloc(512, round)))),
          ...parts.submitAll(Array.from({ length: 16 }, (_, index) => writeOf(100 + index, Buffer.from([round])))),
        ]
        for (const { error } of await Promise.all(answers)) expect(error).toBe(0)
        expect((await whole.read(0, 512)).every((byte) => byte === round)).toBe(true)
      }
    } finally {
      await small.close()
    }
  })

  it('four connections write neighbouring bytes of the same sectors, and none is lost', async () => {
    const small = await serve({ byteLength: mebibyte, snapshots: [{ name: 'before', chunkSectors: 8 }] })
    try {
      const clients = await Promise.all([0, 1, 2, 3].map(() => small.connect()))
      const byteOf = (at: number, round: number): number => ((at + round) % 250) + 1
      const wanted = (round: number): Buffer => Buffer.from(Array.from({ length: 64 }, (_, at) => byteOf(at, round)))
      for (let round = 0; round < 60; round++) {
        // Client k has the bytes k, k+4, k+8, … of one sector's first 64, in pieces of one byte.
        await Promise.all(
          clients.map(async (client, own) => {
            const places = Array.from({ length: 16 }, (_, index) => index * 4 + own)
            const answers = client.submitAll(places.map((at) => writeOf(at, Buffer.from([byteOf(at, round)]))))
            for (const { error } of await Promise.all(answers)) expect(error).toBe(0)
          }),
        )
        expect((await small.origin.read(0, 512)).subarray(0, 64)).toEqual(new Uint8Array(wanted(round)))
      }
    } finally {
      await small.close()
    }
  })
})
