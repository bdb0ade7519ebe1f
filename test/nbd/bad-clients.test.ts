/** Clients that die, stall or send garbage in the transmission phase cost only themselves. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { command } from '../../src/nbd/protocol.js'
import type { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { numbersOf } from '../support/nbd/numbers.js'
import { requestBytes } from '../support/nbd/request-bytes.js'
import { readOf, writeOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const size = 16 * mebibyte
let served: Served

beforeEach(async () => {
  served = await serve({ byteLength: size, snapshots: [{ name: 'before', chunkSectors: 8 }] })
})
afterEach(async () => {
  await served.close()
})

/** Nothing is held by anybody, another client is served, and a snapshot can be taken. */
async function isWell(): Promise<void> {
  const client = await served.connect()
  expect((await client.read(size - 4096, 4096)).equals(pattern(size - 4096, 4096, 1))).toBe(true)
  await client.write(size - 8192, pattern(size - 8192, 4096, 6))
  await served.snapshot('later')
  await client.write(size - 8192, pattern(size - 8192, 4096, 7))
  await client.disconnect()
  const snapshot = await served.connect({ name: 'later' })
  expect((await snapshot.read(size - 8192, 4096)).equals(pattern(size - 8192, 4096, 6))).toBe(true)
  await snapshot.disconnect()
  await served.atRest()
}

describe('a connection’s thread that dies', () => {
  it('costs its connection, and leaves nothing held', async () => {
    for (let round = 0; round < 4; round++) {
      const [client, other] = [await served.connect(), await served.connect()]
      const [thread] = served.threads
      client.submitAll(Array.from({ length: 200 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 2))))
      await new Promise((resolve) => setTimeout(resolve, round))
      // A thread that is blocked in a system call ends when that returns.
      const ended = thread?.terminate()
      client.stream.destroy()
      await ended
      await other.write(size - 4096, pattern(size - 4096, 4096, 1))
      await other.disconnect()
    }
    expect(served.log.some((line) => /failed: .*thread|terminat/.test(line))).toBe(true)
    await isWell()
  })
})

describe('a client that dies', () => {
  it.each(['destroy', 'reset', 'finish'] as const)('with writes in flight (%s)', async (how) => {
    if (how === 'reset') {
      await served.close()
      served = await serve({ byteLength: size, snapshots: [{ name: 'before', chunkSectors: 8 }], isTcp: true })
    }
    for (let round = 0; round < 6; round++) {
      const client = await served.connect()
      client.submitAll(Array.from({ length: 200 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 2))))
      await new Promise((resolve) => setTimeout(resolve, round % 4))
      client.stream[how]()
      if (how === 'finish') {
        await client.over
        client.stream.destroy()
      }
    }
    await isWell()
    const content = Buffer.from(await served.origin.read(0, 200 * 4096))
    for (let at = 0; at < content.length; at += 512) {
      const sector = content.subarray(at, at + 512)
      expect(sector.equals(pattern(at, 512, 1)) || sector.equals(pattern(at, 512, 2))).toBe(true)
    }
  })

  it('in the middle of a header, and of a payload, whose write has not happened in part beyond its bytes', async () => {
    const whole = requestBytes(writeOf(0, Buffer.alloc(mebibyte, 9)), 1n, false)
    for (const byteLength of [1, 27, 28, 29, 28 + 4096, 28 + 524_288, whole.length - 1]) {
      const client = await served.connect()
      await client.stream.sent(whole.subarray(0, byteLength))
      client.stream.destroy()
    }
    await isWell()
    // Only whole requests are carried out.
    expect(Buffer.from(await served.origin.read(0, mebibyte)).equals(pattern(0, mebibyte, 1))).toBe(true)
  })

  it('that disconnects with requests in flight is answered first, or not at all', async () => {
    const client = await served.connect()
    client.submitAll([writeOf(0, pattern(0, 65536, 3)), { command: command.disc }])
    await client.over
    expect(Buffer.from(await served.origin.read(0, 65536)).equals(pattern(0, 65536, 3))).toBe(true)
    await isWell()
  })

  it('the places of the dead are given to others', async () => {
    for (let round = 0; round < 40; round++) {
      const client = await served.connect()
      void client.submit(readOf(0, 65536))
      client.stream.destroy()
    }
    await served.alone(0)
    await isWell()
  })
})

describe('a client that stalls', () => {
  const stalled = async (mode: 'simple' | 'structured' | 'extended'): Promise<NbdClient> => {
    const client = await served.connect({ mode })
    client.stream.stall()
    client.submitAll(Array.from({ length: 64 }, (_, index) => readOf((index % 15) * mebibyte, mebibyte)))
    client.submitAll(Array.from({ length: 64 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 1))))
    await new Promise((resolve) => setTimeout(resolve, 100))
    return client
  }

  it.each(['simple', 'structured', 'extended'] as const)(
    'keeps nobody from writing, nor a snapshot from being taken, and gets its answers when it goes on (%s)',
    async (mode) => {
      const client = await stalled(mode)
      await isWell()
      expect(client.inFlight).toBe(128)
      client.stream.resume()
      const end = Date.now() + 10_000
      while (client.inFlight > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
      expect(client.inFlight).toBe(0)
      await client.disconnect()
    },
  )

  it('amid a payload holds nothing', async () => {
    const client = await served.connect()
    const whole = requestBytes(writeOf(0, Buffer.alloc(mebibyte, 9)), 1n, false)
    await client.stream.sent(whole.subarray(0, 300_000))
    await isWell()
    const answered = client.expect(writeOf(0, Buffer.alloc(mebibyte, 9)), 1n)
    client.stream.send(whole.subarray(300_000))
    expect((await answered).error).toBe(0)
    await client.disconnect()
  })

  it('does not keep the server from closing', async () => {
    await stalled('structured')
    const start = performance.now()
    await served.closeServer()
    // Five seconds to take what it has asked for, and it is given up.
    expect(performance.now() - start).toBeLessThan(8000)
    await served.atRest()
  })
})

describe('garbage', () => {
  it.each(['simple', 'structured', 'extended'] as const)(
    'in place of a request ends the connection (%s)',
    async (mode) => {
      const client = await served.connect({ mode })
      await client.read(0, 512)
      client.stream.send(Buffer.alloc(64, 0x41))
      expect(String(await client.over)).toContain('hung up')
      await isWell()
    },
  )

  it(`of any kind, seed ${seed}`, async () => {
    const numbers = numbersOf(seed)
    for (let round = 0; round < 25; round++) {
      const client = await served.connect({ mode: numbers.pick(['simple', 'structured', 'extended']) })
      if (numbers.chance(50)) void client.submit(readOf(numbers.below(size), 4096))
      await client.stream.sent(numbers.bytes(1 + numbers.below(500)))
      client.stream.destroy()
    }
    await isWell()
    expect(Buffer.from(await served.origin.read(0, size / 2)).equals(pattern(0, size / 2, 1))).toBe(true)
  })
})
