import { describe, expect, it } from 'vitest'
import type { HandshakeTerms } from '../../../src/nbd/handshake.js'
import { transmissionFlag as flag, info, option, reply } from '../../../src/nbd/protocol.js'
import { encodeOption, HandshakeClient, infoPayload, TwoExports, text, u16, u32 } from './handshake-client.js'

async function greeted(terms: Partial<HandshakeTerms> = {}, flags = 3): Promise<HandshakeClient> {
  const client = new HandshakeClient({ source: new TwoExports(), ...terms })
  await client.greet(flags)
  return client
}
/** Why the server gave the client up. */
const isClosed = (client: HandshakeClient): Promise<string> =>
  client.negotiated.then(
    () => 'it did not',
    (error: Error) => error.message,
  )
const alive = (client: HandshakeClient) => client.outcome(option.list)

const changes = flag.sendTrim | flag.sendWriteZeroes | flag.sendFastZero
const always = flag.hasFlags | flag.sendFlush | flag.sendFua | flag.canMultiConn | flag.sendCache

describe('the greeting', () => {
  it('is newstyle, fixed, and offers to leave out the zeroes', async () => {
    const client = new HandshakeClient({ source: new TwoExports() })
    expect((await client.greet()).toString('latin1')).toBe('NBDMAGICIHAVEOPT\0\x03')
  })

  it('ends with a client whose flags are not known', async () => {
    expect(await isClosed(await greeted({}, 4))).toContain('client flags 0x4')
  })

  it('lets a client that knows no fixed newstyle name its export, and nothing else', async () => {
    const other = await greeted({}, 0)
    other.send(option.list)
    expect(await isClosed(other)).toContain('newstyle')
    const client = await greeted({}, 0)
    client.send(option.exportName, Buffer.from('disk'))
    const answer = await client.read(8 + 2 + 124)
    expect(answer.readBigUInt64BE()).toBe(2n ** 40n + 512n)
    expect(answer.subarray(10).every((byte) => byte === 0)).toBe(true)
  })
})

describe('an option', () => {
  it('LIST names the exports with their descriptions', async () => {
    const replies = await (await greeted()).ask(option.list)
    expect(replies.map(({ type }) => type)).toEqual([reply.server, reply.server, reply.ack])
    expect(replies[1]?.data).toEqual(Buffer.concat([text('monday'), Buffer.from('a snapshot')]))
  })

  it('LIST with a payload is invalid', async () => {
    const client = await greeted()
    expect(await client.outcome(option.list, u32(0))).toBe(reply.errInvalid)
    expect(await alive(client)).toBe(reply.ack)
  })

  it('that is not known is answered, and the next one is found', async () => {
    const client = await greeted()
    expect(await client.outcome(0x1234, Buffer.alloc(1000))).toBe(reply.errUnsup)
    expect(await client.outcome(option.peekExport)).toBe(reply.errUnsup)
    expect(await alive(client)).toBe(reply.ack)
  })

  it('that is too long is skipped and answered; one that is far too long ends the connection', async () => {
    const client = await greeted()
    expect(await client.outcome(option.info, Buffer.alloc(65_537))).toBe(reply.errTooBig)
    expect(await alive(client)).toBe(reply.ack)
    client.stream.write(encodeOption(option.info).subarray(0, 12))
    client.stream.write(u32(0xffff_ffff))
    expect(await isClosed(client)).toContain('4294967295 bytes')
  })

  it('without its magic number ends the connection', async () => {
    const client = await greeted()
    client.stream.write(Buffer.alloc(16, 'x'))
    expect(await isClosed(client)).toContain('where an option begins')
  })

  it('can come byte by byte', async () => {
    const client = await greeted()
    for (const byte of encodeOption(option.list)) client.stream.write(Buffer.of(byte))
    expect((await client.replies()).length).toBe(3)
  })

  it('ABORT is acknowledged and ends the connection', async () => {
    const client = await greeted()
    expect(await client.outcome(option.abort, Buffer.from('bye'))).toBe(reply.ack)
    expect(await client.negotiated).toBeUndefined()
  })

  it('can be sent a limited number of times', async () => {
    const client = await greeted()
    for (let count = 0; count < 4096; count++) client.send(option.peekExport)
    for (let count = 0; count < 4096; count++) await client.reply()
    expect(await isClosed(client)).toContain('more than 4096 options')
  })
})

describe('INFO and GO', () => {
  it('tell size, flags and block sizes, and what was asked for', async () => {
    const source = new TwoExports()
    const client = await greeted({ source })
    const plain = await client.ask(option.info, infoPayload('disk'))
    const kinds = plain.slice(0, -1).map(({ data }) => data.readUInt16BE())
    expect(kinds).toEqual([info.export, info.blockSize])
    expect(plain[0]?.data.readBigUInt64BE(2)).toBe(2n ** 40n + 512n)
    expect(plain[0]?.data.readUInt16BE(10)).toBe(always | changes)
    expect(plain[1]?.data).toEqual(Buffer.concat([u16(info.blockSize), u32(1), u32(16384), u32(32 * 2 ** 20)]))
    const more = await client.ask(option.info, infoPayload('', info.name, info.description, 99))
    expect(more.map(({ data }) => data.subarray(2).toString())).toContain('disk')
    expect(more.map(({ data }) => data.subarray(2).toString())).toContain('the image')
    expect(source.open_).toBe(0)
  })

  it('GO enters transmission, with the export open and what was sent behind it', async () => {
    const source = new TwoExports()
    const client = await greeted({ source })
    client.stream.write(Buffer.concat([encodeOption(option.go, infoPayload('monday')), Buffer.from('requests')]))
    const replies = await client.replies()
    expect(replies[0]?.data.readUInt16BE(10)).toBe(always | flag.readOnly)
    const negotiated = await client.negotiated
    expect(negotiated).toMatchObject({ structuredReplies: false, extendedHeaders: false, contexts: [] })
    expect(negotiated?.export.name).toBe('monday')
    expect(Buffer.from(negotiated?.leftover ?? []).toString()).toBe('requests')
    expect(source.open_).toBe(1)
  })

  it.each([option.info, option.go])(
    'option %i of an export that is not there is answered, and the next one found',
    async (asked) => {
      const client = await greeted()
      expect(await client.outcome(asked, infoPayload('tuesday'))).toBe(reply.errUnknown)
      expect(await alive(client)).toBe(reply.ack)
    },
  )

  const malformed: Record<string, Buffer> = {
    'is empty': Buffer.alloc(0),
    'has a name longer than itself': u32(0xffff_ffff),
    'has no count': text('disk'),
    'has fewer kinds than it says': Buffer.concat([text('disk'), u16(2), u16(0)]),
    'goes on behind its end': Buffer.concat([infoPayload('disk'), u16(0)]),
    'has a name of 4097 bytes': infoPayload('n'.repeat(4097)),
    'has a name that is not UTF-8': Buffer.concat([u32(1), Buffer.of(0xff), u16(0)]),
    'has a name with a zero in it': infoPayload('di\0sk'),
  }
  it.each(Object.keys(malformed))('a payload that %s is invalid', async (what) => {
    const client = await greeted()
    expect(await client.outcome(option.go, malformed[what] ?? Buffer.alloc(0))).toBe(reply.errInvalid)
    expect(await alive(client)).toBe(reply.ack)
  })
})

describe('EXPORT_NAME', () => {
  it('enters transmission without a reply, and without zeroes if the client wants none', async () => {
    const client = await greeted()
    client.send(option.exportName)
    expect((await client.read(10)).readUInt16BE(8)).toBe(always | changes)
    expect((await client.negotiated)?.export.name).toBe('disk')
    expect(client.stream.readableLength).toBe(0)
  })

  it('of an export that is not there ends the connection', async () => {
    const client = await greeted()
    client.send(option.exportName, Buffer.from('tuesday'))
    expect(await isClosed(client)).toContain("no export 'tuesday'")
  })

  it('is no way around extended headers', async () => {
    const client = await greeted()
    await client.ask(option.extendedHeaders)
    client.send(option.exportName, Buffer.from('disk'))
    expect(await isClosed(client)).toContain('EXTENDED_HEADERS')
  })
})

describe('structured replies and extended headers', () => {
  it('are agreed on once, and change the flags', async () => {
    const client = await greeted()
    expect(await client.outcome(option.structuredReply, u32(0))).toBe(reply.errInvalid)
    expect(await client.outcome(option.structuredReply)).toBe(reply.ack)
    expect(await client.outcome(option.structuredReply)).toBe(reply.errInvalid)
    const replies = await client.ask(option.go, infoPayload('disk'))
    expect(replies[0]?.data.readUInt16BE(10)).toBe(always | changes | flag.sendDf)
    expect(await client.negotiated).toMatchObject({ structuredReplies: true, extendedHeaders: false })
  })

  it('extended headers include structured replies, which then need not be asked for', async () => {
    const client = await greeted()
    expect(await client.outcome(option.extendedHeaders)).toBe(reply.ack)
    expect(await client.outcome(option.extendedHeaders)).toBe(reply.errInvalid)
    expect(await client.outcome(option.structuredReply)).toBe(reply.errExtHeaderReqd)
    await client.ask(option.go, infoPayload('disk'))
    expect(await client.negotiated).toMatchObject({ structuredReplies: true, extendedHeaders: true })
  })
})

describe('a client that takes its time', () => {
  it('is given up when the time for the handshake is over', async () => {
    const client = await greeted({ deadlineMs: 50 })
    expect(await isClosed(client)).toContain('more than 0.05 seconds')
  })

  it('and does not read is given up as well', async () => {
    const client = await greeted({ deadlineMs: 200 })
    for (let count = 0; count < 4000; count++) client.send(option.list)
    expect(await client.negotiated.catch((error: Error) => error.message)).toContain('seconds')
  })

  it('and goes away is no failure', async () => {
    const client = await greeted()
    client.stream.end()
    expect(await client.negotiated).toBeUndefined()
  })
})
