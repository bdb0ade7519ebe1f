/** Every error that the protocol asks for, request by request; and after each the connection serves on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, commandFlag, nbdError } from '../../src/nbd/protocol.js'
import { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import type { NbdRequest } from '../support/nbd/request-bytes.js'
import { cacheOf, flushOf, readOf, statusOf, trimOf, writeOf, zeroesOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

let served: Served
const size = 16 * mebibyte
const { df, fastZero, fua, noHole, payloadLen, reqOne } = commandFlag
const bytes = pattern(0, 4096, 3)

beforeAll(async () => {
  served = await serve({ byteLength: size, snapshots: [{ name: 'before' }, { name: 'fixed', readOnly: true }] })
})
afterAll(() => served.close())

type Row = readonly [what: string, request: NbdRequest, error: number]

const refused: readonly Row[] = [
  ['READ past the end', readOf(size, 512), nbdError.inval],
  ['READ across the end', readOf(size - 512, 1024), nbdError.inval],
  ['READ across the end by a byte', readOf(size - 1, 2), nbdError.inval],
  ['READ at the last offset there is', readOf(2n ** 64n - 512n, 512), nbdError.inval],
  ['READ whose end is past the last offset', readOf(2n ** 64n - 1n, 4096), nbdError.inval],
  ['WRITE past the end', writeOf(size, bytes), nbdError.nospc],
  ['WRITE across the end', writeOf(size - 2048, bytes), nbdError.nospc],
  ['WRITE at the last offset there is', writeOf(2n ** 64n - 4096n, bytes), nbdError.nospc],
  ['WRITE_ZEROES past the end', zeroesOf(size, 4096), nbdError.nospc],
  ['WRITE_ZEROES across the end', zeroesOf(size - 4096, 8192), nbdError.nospc],
  ['TRIM past the end', trimOf(size, 4096), nbdError.inval],
  ['TRIM across the end', trimOf(size - 4096, 8192), nbdError.inval],
  ['CACHE past the end', cacheOf(size, 4096), nbdError.inval],
  ['BLOCK_STATUS past the end', statusOf(size, 4096), nbdError.inval],
  ['BLOCK_STATUS across the end', statusOf(size - 4096, 8192), nbdError.inval],
  ['BLOCK_STATUS of nothing', statusOf(0, 0), nbdError.inval],
  ['an unknown command', { command: 99 }, nbdError.inval],
  ['RESIZE', { command: command.resize, length: 4096 }, nbdError.inval],
  ['command 65535', { command: 65535, offset: 3, length: 5 }, nbdError.inval],
  ['an unknown flag', readOf(0, 512, 1 << 15), nbdError.inval],
  ['an unknown flag of WRITE, whose payload is skipped', writeOf(0, bytes, 1 << 9), nbdError.inval],
  ['NO_HOLE of WRITE', writeOf(0, bytes, noHole), nbdError.inval],
  ['FAST_ZERO of WRITE', writeOf(0, bytes, fastZero), nbdError.inval],
  ['DF of WRITE', writeOf(0, bytes, df), nbdError.inval],
  ['FAST_ZERO of TRIM', trimOf(0, 4096, fastZero), nbdError.inval],
  ['NO_HOLE of READ', readOf(0, 512, noHole), nbdError.inval],
  ['REQ_ONE of READ', readOf(0, 512, reqOne), nbdError.inval],
  ['DF of BLOCK_STATUS', statusOf(0, 512, df), nbdError.inval],
  ['DF of FLUSH', flushOf(df), nbdError.inval],
  ['PAYLOAD_LEN of READ', readOf(0, 512, payloadLen), nbdError.inval],
  ['a READ larger than the largest payload', readOf(0, 2 ** 32 - 1), nbdError.inval],
]

/** With extended headers PAYLOAD_LEN has a payload follow, and a read that fits no reply is told so. */
const extendedRows: readonly Row[] = [
  ...refused.filter(([what]) => !what.startsWith('PAYLOAD_LEN') && !what.startsWith('a READ larger')),
  ['a READ larger than the largest payload', readOf(0, 2 ** 32 - 1), nbdError.overflow],
]

describe.each(['simple', 'structured', 'extended'] as const)('%s replies', (mode) => {
  let client: NbdClient
  beforeAll(async () => {
    const contexts = mode === 'simple' ? [] : ['base:allocation']
    client = await NbdClient.connect(served.where, { mode, contexts })
  })
  afterAll(() => client.disconnect())

  const rows = mode === 'extended' ? extendedRows : refused
  it.each(rows)('%s', async (_what, request, error) => {
    const answer = await client.submit(request)
    expect([answer.error, answer.text]).toEqual([error, answer.text])
    if (mode !== 'simple') expect(answer.text).not.toBe('')
    expect((await client.read(4096, 512)).equals(pattern(4096, 512, 1))).toBe(true)
  })

  it('all of them in flight at once are answered each with its own', async () => {
    const answers = await Promise.all(client.submitAll(rows.map(([, request]) => request)))
    expect(answers.map(({ error }, row) => [rows[row]?.[0], error])).toEqual(
      rows.map(([what, , error]) => [what, error]),
    )
  })

  it('what is allowed is not refused', async () => {
    const allowed: readonly NbdRequest[] = [
      readOf(size - 1, 1),
      readOf(0, 512, fua),
      writeOf(size - 4096, bytes, fua),
      trimOf(size - 4096, 4096, fua),
      zeroesOf(size - 4096, 4096, fua | noHole),
      cacheOf(0, size),
      flushOf(),
      flushOf(fua),
      ...(mode === 'simple' ? [] : [statusOf(0, size), statusOf(size - 1, 1), readOf(0, 65536, df)]),
    ]
    const answers = await Promise.all(client.submitAll(allowed))
    expect(answers.map(({ error }) => error)).toEqual(allowed.map(() => 0))
  })

  it('ENOTSUP is for FAST_ZERO alone', async () => {
    for (const flags of [0, fua, noHole, fua | noHole])
      expect((await client.submit(zeroesOf(mebibyte, 65536, flags))).error).toBe(0)
    expect((await client.submit(trimOf(mebibyte, 65536))).error).toBe(0)
    for (const flags of [fastZero, fastZero | noHole])
      expect([0, nbdError.notsup]).toContain((await client.submit(zeroesOf(2 * mebibyte, 65536, flags))).error)
  })
})

it('without structured replies there is no DF and no block status', async () => {
  const client = await NbdClient.connect(served.where, { mode: 'simple' })
  expect((await client.submit(readOf(0, 512, df))).error).toBe(nbdError.inval)
  expect((await client.submit(statusOf(0, 4096))).error).toBe(nbdError.inval)
  await client.disconnect()
})

it('BLOCK_STATUS without contexts is refused', async () => {
  const client = await NbdClient.connect(served.where)
  expect((await client.submit(statusOf(0, 4096))).error).toBe(nbdError.inval)
  await client.disconnect()
})

describe.each(['simple', 'structured', 'extended'] as const)('a read-only export, %s replies', (mode) => {
  const rows: readonly (readonly [string, NbdRequest])[] = [
    ['WRITE', writeOf(0, bytes)],
    ['WRITE past the end', writeOf(size, bytes)],
    ['WRITE with FUA', writeOf(0, bytes, fua)],
    ['WRITE_ZEROES', zeroesOf(0, 4096)],
    ['TRIM', trimOf(0, 4096)],
  ]
  it.each(rows)('%s is not permitted', async (_what, request) => {
    const client = await NbdClient.connect(served.where, { name: 'fixed', mode })
    expect((await client.submit(request)).error).toBe(nbdError.perm)
    expect((await client.submit(flushOf())).error).toBe(0)
    expect((await client.read(4096, 512)).equals(pattern(4096, 512, 1))).toBe(true)
    await client.disconnect()
  })
})

it('a WRITE larger than the largest payload is refused, or ends the connection; nothing is written', async () => {
  const client = await NbdClient.connect(served.where)
  const answer = client.submit(writeOf(0, Buffer.alloc(33 * mebibyte, 7)))
  const error = await answer.then(
    (given) => given.error,
    () => 'hung up',
  )
  expect([nbdError.inval, nbdError.nospc, 'hung up']).toContain(error)
  client.stream.destroy()
  const next = await NbdClient.connect(served.where)
  expect((await next.read(0, 512)).equals(Buffer.alloc(512, 7))).toBe(false)
  await next.disconnect()
})

it('a snapshot that has become invalid answers with an error to each request', async () => {
  const small = await serve({ byteLength: size, snapshots: [{ name: 'small', cowBytes: 65536, chunkSectors: 8 }] })
  try {
    const [origin, snapshot] = [await small.connect(), await small.connect({ name: 'small' })]
    expect((await snapshot.read(0, 512)).equals(pattern(0, 512, 1))).toBe(true)
    for (let at = 0; at < 2 * mebibyte; at += 65536) await origin.write(at, pattern(at, 65536, 2))
    for (const request of [readOf(0, 512), writeOf(0, bytes), zeroesOf(0, 4096), flushOf()])
      expect([request.command, (await snapshot.submit(request)).error]).toEqual([request.command, nbdError.io])
    expect((await origin.read(0, 512)).equals(pattern(0, 512, 2))).toBe(true)
    await snapshot.disconnect()
    await origin.disconnect()
  } finally {
    await small.close()
  }
})

it('a snapshot that is full has no space', async () => {
  const small = await serve({
    byteLength: size,
    snapshots: [{ name: 'small', cowBytes: 65536, chunkSectors: 8, store: 'PO' }],
  })
  try {
    const snapshot = await small.connect({ name: 'small' })
    let error = 0
    for (let at = 0; at < 2 * mebibyte && error === 0; at += 4096)
      error = (await snapshot.submit(writeOf(at, pattern(at, 4096, 2)))).error
    expect(error).toBe(nbdError.nospc)
    await snapshot.disconnect()
  } finally {
    await small.close()
  }
})
