/** Extended headers: lengths that take 64 bits, and payloads that say how long they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, commandFlag, nbdError } from '../../src/nbd/protocol.js'
import type { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { readOf, statusOf, trimOf, writeOf, zeroesOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

const gibibyte = 2 ** 30
const size = 6 * gibibyte
/** Past what 32 bits can say. */
const far = 5 * gibibyte
let served: Served
let client: NbdClient

beforeAll(async () => {
  served = await serve({
    byteLength: size,
    written: [
      [0, mebibyte],
      [far, far + mebibyte],
    ],
    snapshots: [],
  })
  client = await served.connect({ mode: 'extended', contexts: ['base:allocation'] })
})
afterAll(async () => {
  await client.disconnect()
  await served.close()
})

describe('lengths of 64 bits', () => {
  it('BLOCK_STATUS tells of more than 4 GiB at once', async () => {
    const extents = await client.status(0, size)
    expect(extents).toEqual([
      { length: mebibyte, flags: 0 },
      { length: far - mebibyte, flags: 3 },
      { length: mebibyte, flags: 0 },
      { length: size - far - mebibyte, flags: 3 },
    ])
  })

  it('BLOCK_STATUS of 32 bits says it in several extents, and merges what can be merged', async () => {
    const narrow = await served.connect({ contexts: ['base:allocation'] })
    const asked = 2 ** 32 - 512
    const extents = await narrow.status(0, asked)
    expect(extents[0]).toEqual({ length: mebibyte, flags: 0 })
    expect(extents.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThanOrEqual(asked)
    await narrow.disconnect()
  })

  it('WRITE_ZEROES and TRIM of more than 4 GiB', async () => {
    await client.write(2 * gibibyte, pattern(2 * gibibyte, 65536, 4))
    await client.must(zeroesOf(mebibyte, far - mebibyte))
    expect((await client.read(2 * gibibyte, 65536)).every((byte) => byte === 0)).toBe(true)
    expect((await client.read(0, mebibyte)).equals(pattern(0, mebibyte, 1))).toBe(true)
    expect((await client.read(far, mebibyte)).equals(pattern(far, mebibyte, 1))).toBe(true)
    await client.must(trimOf(mebibyte, far - mebibyte))
    await client.must(zeroesOf(mebibyte, far - mebibyte, commandFlag.fastZero))
  })

  it('lengths that reach past the end are refused, to the largest there is', async () => {
    expect((await client.submit(zeroesOf(0, size + 512))).error).toBe(nbdError.nospc)
    expect((await client.submit(zeroesOf(512, 2n ** 64n - 1n))).error).toBe(nbdError.nospc)
    expect((await client.submit(trimOf(512, 2n ** 64n - 512n))).error).toBe(nbdError.inval)
    expect((await client.submit(statusOf(0, 2n ** 63n))).error).toBe(nbdError.inval)
    expect((await client.submit(readOf(0, 2 ** 32))).error).not.toBe(0)
  })
})

describe('payloads', () => {
  it('of what takes none are skipped, and the request is refused', async () => {
    for (const given of [command.read, command.flush, command.trim, 99]) {
      const request = { command: given, flags: commandFlag.payloadLen, offset: 0, payload: Buffer.alloc(3000, 0x25) }
      expect((await client.submit(request)).error).toBe(nbdError.inval)
      expect((await client.read(0, 512)).equals(pattern(0, 512, 1))).toBe(true)
    }
  })

  it('each answer says the offset that was asked about', async () => {
    const requests = [
      writeOf(far, pattern(far, 4096, 1)),
      readOf(far + 512, 512),
      readOf(size, 512),
      zeroesOf(size, 512),
    ]
    const answers = await Promise.all(client.submitAll(requests))
    expect(answers.map(({ error }) => error)).toEqual([0, 0, nbdError.inval, nbdError.nospc])
  })
})

it('compact requests on such a connection end it', async () => {
  const other = await served.connect({ mode: 'extended' })
  const { requestBytes } = await import('../support/nbd/request-bytes.js')
  other.stream.send(Buffer.concat([requestBytes(readOf(0, 512), 1n, false), Buffer.alloc(64)]))
  expect(String(await other.over)).toContain('hung up')
})
