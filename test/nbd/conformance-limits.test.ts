/** What a client may take of the server before it has shown that it is one: time, connections, bytes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { option, reply } from '../../src/nbd/protocol.js'
import { ByteStream } from '../support/nbd/byte-stream.js'
import { HandshakeClient } from '../support/nbd/handshake-client.js'
import { pattern } from '../support/nbd/images.js'
import { numbersOf } from '../support/nbd/numbers.js'
import { optionBytes } from '../support/nbd/option-bytes.js'
import { type Served, serve } from '../support/nbd/served.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
let served: Served

beforeAll(async () => {
  served = await serve({ limits: { handshakeMs: 700, connections: 6 } })
})
afterAll(() => served.close())

async function servesWell(): Promise<void> {
  const client = await served.connect()
  expect((await client.read(0, 4096)).equals(pattern(0, 4096, 1))).toBe(true)
  await client.disconnect()
}

/** How long until the server hangs up. */
async function endsAfter(stream: ByteStream): Promise<number> {
  const start = performance.now()
  await Promise.race([
    stream.ended,
    new Promise((_, reject) => setTimeout(() => reject(new Error('it goes on')), 8000)),
  ])
  return performance.now() - start
}

describe('the deadline of the handshake', () => {
  it('ends a client that says nothing', async () => {
    const stream = await ByteStream.connect(served.where)
    expect(await endsAfter(stream)).toBeLessThan(3000)
    await servesWell()
  })

  it('ends a client that negotiates for ever', async () => {
    const client = await HandshakeClient.begin(served.where)
    const start = performance.now()
    await expect(
      (async () => {
        for (;;) {
          await client.must(option.list)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      })(),
    ).rejects.toThrow('hung up')
    expect(performance.now() - start).toBeGreaterThan(500)
    await servesWell()
  })

  it('ends a client that says an option by the byte, and one that reads no replies', async () => {
    const slow = await HandshakeClient.begin(served.where)
    const timer = setInterval(() => slow.stream.send(Buffer.from([0x49])), 100)
    const deaf = await HandshakeClient.begin(served.where)
    deaf.stream.stall()
    for (let count = 0; count < 20_000; count++) deaf.stream.send(optionBytes(option.list))
    await endsAfter(slow.stream)
    clearInterval(timer)
    deaf.stream.resume()
    await endsAfter(deaf.stream)
    await servesWell()
  })

  it('does not end a client that is in transmission', async () => {
    const client = await served.connect()
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect((await client.read(0, 512)).length).toBe(512)
    await client.disconnect()
  })
})

describe('oversized options', () => {
  it('are answered as too big, or end the connection', async () => {
    for (const byteLength of [65_537, 200_000, 2 ** 31, 2 ** 32 - 1]) {
      const client = await HandshakeClient.begin(served.where)
      const outcome = client.outcome(option.info, Buffer.alloc(Math.min(byteLength, 200_000)), {
        claimedBytes: byteLength,
      })
      const type = await outcome.catch(() => 'hung up')
      expect([reply.errTooBig, reply.errInvalid, 'hung up']).toContain(type)
      client.stream.destroy()
    }
    await servesWell()
  })
})

describe('the limit on connections', () => {
  it('refuses those beyond it, and takes others when one has gone', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => served.connect()))
    const late = await ByteStream.connect(served.where)
    const outcome = await Promise.race([
      late.ended.then(() => 'refused'),
      new Promise((resolve) => setTimeout(() => resolve('waits'), 300)),
    ])
    expect(['refused', 'waits']).toContain(outcome)
    expect(late.unread).toBe(0)
    for (const client of clients) expect((await client.read(0, 512)).length).toBe(512)
    late.destroy()
    clients[0]?.stream.destroy()
    await eventually(servesWell)
    for (const client of clients.slice(1)) await client.disconnect()
    await eventually(servesWell)
  })
})

async function eventually(act: () => Promise<void>): Promise<void> {
  const end = Date.now() + 5000
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

describe('garbage', () => {
  it(`in place of the flags, of an option, of anything, seed ${seed}`, async () => {
    const numbers = numbersOf(seed)
    for (let round = 0; round < 30; round++) {
      const stream = await ByteStream.connect(served.where)
      stream.send(numbers.bytes(1 + numbers.below(3000)))
      if (numbers.chance(30)) stream.destroy()
      else await endsAfter(stream)
    }
    await eventually(servesWell)
  })

  it('an option that does not begin as one ends the connection', async () => {
    const client = await HandshakeClient.begin(served.where)
    client.stream.send(optionBytes(option.list, undefined, { magic: 0x4848_4848_4848_4848n }))
    await endsAfter(client.stream)
    expect(client.stream.unread).toBe(0)
  })

  it('a client of HTTP gets nothing but the greeting', async () => {
    const stream = await ByteStream.connect(served.where)
    stream.send(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    await endsAfter(stream)
    expect(stream.unread).toBe(18)
  })
})
