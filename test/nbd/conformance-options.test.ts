/** The handshake: each option in and out of order, and what is told of exports. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handshakeFlag, info, option, reply, transmissionFlag } from '../../src/nbd/protocol.js'
import { NbdClient } from '../support/nbd/client.js'
import { HandshakeClient } from '../support/nbd/handshake-client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { contextData, goData, uint32 } from '../support/nbd/option-bytes.js'
import { listedExports } from '../support/nbd/option-replies.js'
import { type Served, serve } from '../support/nbd/served.js'

let served: Served

beforeAll(async () => {
  served = await serve({
    limits: { connections: 40 },
    snapshots: [
      { name: 'before', chunkSectors: 8 },
      { name: 'fixed', readOnly: true },
    ],
  })
})
afterAll(() => served.close())

const begin = (flags?: number): Promise<HandshakeClient> => HandshakeClient.begin(served.where, flags)

describe('greeting', () => {
  it('offers fixed newstyle and no zeroes, and nothing else', async () => {
    const client = await begin()
    expect(client.serverFlags).toBe(handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes)
    client.stream.destroy()
  })

  it('a client with flags that nobody knows is hung up on', async () => {
    const client = await begin(handshakeFlag.fixedNewstyle | (1 << 5))
    await client.stream.ended
    expect(client.stream.unread).toBe(0)
  })

  it('a client that does not say it is fixed newstyle may use EXPORT_NAME', async () => {
    const client = await begin(0)
    expect((await client.exportName('')).sizeBytes).toBe(served.origin.sizeBytes)
    client.stream.destroy()
  })
})

describe('LIST', () => {
  it('tells every export by its name, with a description', async () => {
    const client = await begin()
    const exports = listedExports(await client.must(option.list))
    expect(exports.map(({ name }) => name).toSorted()).toEqual(['before', 'disk', 'fixed'])
    expect(exports.every(({ description }) => description !== '')).toBe(true)
    client.stream.destroy()
  })

  it('with data is refused, and the connection goes on', async () => {
    const client = await begin()
    expect(await client.outcome(option.list, Buffer.from('x'))).toBe(reply.errInvalid)
    expect(await client.outcome(option.list)).toBe(reply.ack)
    client.stream.destroy()
  })
})

describe('INFO and GO', () => {
  it('INFO tells what GO would, and stays in the handshake', async () => {
    const client = await begin()
    const kinds = [info.name, info.description, info.blockSize]
    const told = await client.info('disk', kinds)
    expect(told).toMatchObject({ sizeBytes: served.origin.sizeBytes, name: 'disk' })
    expect(told.blockSize).toEqual({ minimum: 1, preferred: 16384, maximum: 32 * mebibyte })
    expect(await client.go('disk', kinds)).toEqual(told)
    client.stream.destroy()
  })

  it('the empty name is the origin, under its own name when that is asked', async () => {
    const client = await begin()
    expect((await client.info('', [info.name])).name).toBe('disk')
    client.stream.destroy()
  })

  it('block sizes prefer the chunk', async () => {
    const client = await begin()
    expect((await client.info('before', [info.blockSize])).blockSize?.preferred).toBe(4096)
    client.stream.destroy()
  })

  it('an export that is not there is unknown, and another may be asked for', async () => {
    const client = await begin()
    expect(await client.outcome(option.go, goData('nowhere'))).toBe(reply.errUnknown)
    expect(await client.outcome(option.info, goData('nowhere'))).toBe(reply.errUnknown)
    expect((await client.go('fixed')).flags & transmissionFlag.readOnly).not.toBe(0)
    client.stream.destroy()
  })

  it.each([
    ['no data', Buffer.alloc(0)],
    ['a name longer than the option', Buffer.concat([uint32(100), Buffer.from('disk')])],
    ['a name as long as no option', Buffer.concat([uint32(0xffff_ffff), Buffer.from('disk\0\0')])],
    ['more kinds than there are', Buffer.concat([uint32(4), Buffer.from('disk'), Buffer.from([0, 9, 0, 1])])],
    ['bytes behind the kinds', Buffer.concat([goData('disk', [1]), Buffer.from([1, 2, 3])])],
    ['a name of more than 4096 bytes', goData('n'.repeat(4097))],
  ])('%s is refused, and the connection goes on', async (_what, data) => {
    for (const given of [option.info, option.go]) {
      const client = await begin()
      expect([reply.errInvalid, reply.errTooBig]).toContain(await client.outcome(given, data))
      expect((await client.go('disk')).sizeBytes).toBe(served.origin.sizeBytes)
      client.stream.destroy()
    }
  })

  it('kinds of information that nobody knows are left out', async () => {
    const client = await begin()
    expect((await client.go('disk', [77, 65535, info.name])).name).toBe('disk')
    client.stream.destroy()
  })

  it('flags: DF with structured replies alone, the rest always', async () => {
    const { canMultiConn, hasFlags, readOnly, sendCache, sendDf, sendFastZero } = transmissionFlag
    const { sendFlush, sendFua, sendTrim, sendWriteZeroes } = transmissionFlag
    const written =
      hasFlags | sendFlush | sendFua | sendTrim | sendWriteZeroes | sendFastZero | sendCache | canMultiConn
    const [simple, structured] = [await begin(), await begin()]
    await structured.must(option.structuredReply)
    expect((await simple.info('disk')).flags & (written | readOnly | sendDf)).toBe(written)
    expect((await structured.info('disk')).flags & (written | readOnly | sendDf)).toBe(written | sendDf)
    const fixed = (await structured.info('fixed')).flags
    expect(fixed & (readOnly | sendTrim | sendWriteZeroes | sendFastZero)).toBe(readOnly)
    simple.stream.destroy()
    structured.stream.destroy()
  })
})

describe('EXPORT_NAME', () => {
  it.each([0, handshakeFlag.noZeroes])('leads to the same export (flags %i)', async (flags) => {
    const client = await begin(handshakeFlag.fixedNewstyle | flags)
    const facts = await client.exportName('disk')
    expect(facts.sizeBytes).toBe(served.origin.sizeBytes)
    const over = new NbdClient(client.stream, facts, 'simple')
    expect((await over.read(4096, 8192)).equals(pattern(4096, 8192, 1))).toBe(true)
    await over.disconnect()
  })

  it('of an export that is not there ends the connection', async () => {
    const client = await begin()
    await expect(client.exportName('nowhere')).rejects.toThrow('hung up after 0')
  })
})

describe('options out of order', () => {
  it('options that nobody knows are answered, whatever their data', async () => {
    const client = await begin()
    for (const [given, byteLength] of [
      [4, 0],
      [12, 1],
      [77, 4096],
      [0, 0],
      [0xffff_ffff, 30000],
    ] as const)
      expect(await client.outcome(given, Buffer.alloc(byteLength, 0x49))).toBe(reply.errUnsup)
    expect(await client.outcome(option.list)).toBe(reply.ack)
    client.stream.destroy()
  })

  it('ABORT is acknowledged, and the server hangs up', async () => {
    const client = await begin()
    expect(await client.outcome(option.abort)).toBe(reply.ack)
    await client.stream.ended
  })

  it('options sent in one piece are answered one by one', async () => {
    const client = await begin()
    const { optionBytes } = await import('../support/nbd/option-bytes.js')
    const { takeReplies } = await import('../support/nbd/option-replies.js')
    const asked = [option.list, 77, option.structuredReply, option.list] as const
    client.stream.send(Buffer.concat(asked.map((given) => optionBytes(given))))
    for (const given of asked) expect((await takeReplies(client.stream, given)).length).toBeGreaterThan(0)
    client.stream.destroy()
  })

  it('STRUCTURED_REPLY and EXTENDED_HEADERS with data are refused', async () => {
    const client = await begin()
    expect(await client.outcome(option.structuredReply, Buffer.from('x'))).toBe(reply.errInvalid)
    expect(await client.outcome(option.extendedHeaders, Buffer.from('x'))).toBe(reply.errInvalid)
    const facts = await client.go('disk')
    expect(facts.flags & transmissionFlag.sendDf).toBe(0)
    client.stream.destroy()
  })

  it('STRUCTURED_REPLY after EXTENDED_HEADERS is refused, and changes nothing', async () => {
    const client = await begin()
    expect(await client.outcome(option.extendedHeaders)).toBe(reply.ack)
    expect(await client.outcome(option.structuredReply)).toBe(reply.errExtHeaderReqd)
    const over = new NbdClient(client.stream, await client.go('disk'), 'extended')
    expect((await over.must({ command: 0, offset: 0, length: 512 })).shape).toBe('extended')
    await over.disconnect()
  })

  it('STARTTLS is refused where there is none', async () => {
    const client = await begin()
    expect(await client.outcome(option.starttls)).toBe(reply.errPolicy)
    expect(await client.outcome(option.list)).toBe(reply.ack)
    client.stream.destroy()
  })
})

describe('contexts', () => {
  it('need structured replies first', async () => {
    const client = await begin()
    expect(await client.outcome(option.setMetaContext, contextData('disk', ['base:allocation']))).toBe(reply.errInvalid)
    expect(await client.outcome(option.listMetaContext, contextData('disk', []))).toBe(reply.errInvalid)
    client.stream.destroy()
  })

  it('are listed: all, by name space, by name', async () => {
    const client = await begin()
    await client.must(option.structuredReply)
    const names = async (...queries: string[]): Promise<string[]> =>
      (await client.listContexts('disk', queries)).map(({ name }) => name).toSorted()
    const qemu = ['qemu:allocation-depth', 'qemu:dirty-bitmap:before', 'qemu:dirty-bitmap:fixed']
    expect(await names()).toEqual(['base:allocation', ...qemu])
    expect(await names('base:')).toEqual(['base:allocation'])
    expect(await names('qemu:')).toEqual(qemu)
    expect(await names('qemu:dirty-bitmap:')).toEqual(qemu.slice(1))
    expect(await names('qemu:dirty-bitmap:before', 'base:allocation')).toEqual(['base:allocation', qemu[1]])
    expect(await names('x-else:anything', 'qemu:dirty-bitmap:nowhere')).toEqual([])
    client.stream.destroy()
  })

  it('are set with numbers of their own; what is not there is left out', async () => {
    const client = await begin()
    await client.must(option.structuredReply)
    const set = await client.setContexts('disk', ['base:allocation', 'x-else:what', 'qemu:allocation-depth'])
    expect(set.map(({ name }) => name).toSorted()).toEqual(['base:allocation', 'qemu:allocation-depth'])
    expect(new Set(set.map(({ id }) => id)).size).toBe(2)
    expect(await client.setContexts('disk', [])).toEqual([])
    expect(await client.outcome(option.setMetaContext, contextData('nowhere', []))).toBe(reply.errUnknown)
    client.stream.destroy()
  })

  it.each([
    ['an empty option', Buffer.alloc(0)],
    ['a query longer than the option', Buffer.concat([uint32(4), Buffer.from('disk'), uint32(1), uint32(900)])],
    ['fewer queries than it says', Buffer.concat([uint32(4), Buffer.from('disk'), uint32(2), uint32(0)])],
    ['more queries than fit anywhere', Buffer.concat([uint32(4), Buffer.from('disk'), uint32(0xffff_ffff)])],
    ['bytes behind the queries', Buffer.concat([contextData('disk', ['base:allocation']), Buffer.from([0])])],
  ])('%s is refused, and the connection goes on', async (_what, data) => {
    const client = await begin()
    await client.must(option.structuredReply)
    for (const given of [option.listMetaContext, option.setMetaContext])
      expect([reply.errInvalid, reply.errTooBig]).toContain(await client.outcome(given, data))
    expect(await client.outcome(option.list)).toBe(reply.ack)
    client.stream.destroy()
  })

  it('are those of the export that they were set for, and of no other', async () => {
    const client = await begin()
    await client.must(option.structuredReply)
    const contexts = await client.setContexts('before', ['base:allocation'])
    const over = new NbdClient(client.stream, await client.go('disk'), 'structured', contexts)
    expect((await over.submit({ command: 7, offset: 0, length: 4096 })).error).toBe(22)
    await over.disconnect()
  })
})
