import { describe, expect, it } from 'vitest'
import { option, reply } from '../../../src/nbd/protocol.js'
import { contextPayload, HandshakeClient, infoPayload, TwoExports, text, u32 } from './handshake-client.js'

async function structured(): Promise<HandshakeClient> {
  const client = new HandshakeClient({ source: new TwoExports() })
  await client.greet()
  await client.ask(option.structuredReply)
  return client
}
const names = async (client: HandshakeClient, asked: number, ...words: [string, ...string[]]) =>
  (await client.ask(asked, contextPayload(...words)))
    .filter(({ type }) => type === reply.metaContext)
    .map(({ data }) => `${data.readUInt32BE()} ${data.subarray(4)}`)

describe('LIST_META_CONTEXT', () => {
  it('without a query lists all of an export', async () => {
    expect(await names(await structured(), option.listMetaContext, 'disk')).toEqual([
      '0 base:allocation',
      '0 qemu:allocation-depth',
      '0 qemu:dirty-bitmap:monday',
      '0 qemu:dirty-bitmap:friday',
    ])
  })

  it('takes namespaces and the beginning of bitmaps as queries, and nothing from those it does not know', async () => {
    const client = await structured()
    expect(await names(client, option.listMetaContext, 'disk', 'base:')).toEqual(['0 base:allocation'])
    expect((await names(client, option.listMetaContext, 'disk', 'qemu:')).length).toBe(3)
    expect((await names(client, option.listMetaContext, 'disk', 'qemu:dirty-bitmap:')).length).toBe(2)
    expect(await names(client, option.listMetaContext, 'disk', 'x-none:', 'bas', 'qemu:dirty', '')).toEqual([])
  })
})

describe('SET_META_CONTEXT', () => {
  it('numbers what it was asked for, each once, and whole names only', async () => {
    const client = await structured()
    const asked = ['qemu:dirty-bitmap:friday', 'base:', 'base:allocation', 'base:allocation', 'qemu:dirty-bitmap:']
    expect(await names(client, option.setMetaContext, 'disk', ...asked)).toEqual([
      '0 qemu:dirty-bitmap:friday',
      '1 base:allocation',
    ])
    await client.ask(option.go, infoPayload('disk'))
    expect((await client.negotiated)?.contexts).toEqual([
      { id: 0, kind: 'dirty', snapshotDevice: 8 },
      { id: 1, kind: 'allocation', snapshotDevice: -1 },
    ])
  })

  it('counts for its own export only', async () => {
    const client = await structured()
    await names(client, option.setMetaContext, 'disk', 'base:allocation')
    await client.ask(option.go, infoPayload('monday'))
    expect((await client.negotiated)?.contexts).toEqual([])
  })

  it.each([
    ['without a query', contextPayload('disk')],
    ['for an export that is not there', contextPayload('tuesday', 'base:allocation')],
    ['that is malformed', Buffer.concat([text('disk'), u32(1)])],
  ])('again %s takes back what was set', async (_what, payload) => {
    const client = await structured()
    await names(client, option.setMetaContext, 'disk', 'base:allocation')
    await client.ask(option.setMetaContext, payload)
    await client.ask(option.go, infoPayload('disk'))
    expect((await client.negotiated)?.contexts).toEqual([])
  })

  it('is not taken back by listing, nor by INFO', async () => {
    const client = await structured()
    await names(client, option.setMetaContext, 'disk', 'base:allocation')
    await names(client, option.listMetaContext, 'monday')
    await client.ask(option.info, infoPayload('monday'))
    await client.ask(option.go, infoPayload('disk'))
    expect((await client.negotiated)?.contexts.length).toBe(1)
  })
})

describe.each([option.listMetaContext, option.setMetaContext])('option %i', (asked) => {
  it('needs structured replies or extended headers', async () => {
    const client = new HandshakeClient({ source: new TwoExports() })
    await client.greet()
    expect(await client.outcome(asked, contextPayload('disk'))).toBe(reply.errInvalid)
    await client.ask(option.extendedHeaders)
    expect(await client.outcome(asked, contextPayload('disk'))).toBe(reply.ack)
  })

  it('answers an export that is not there, and more queries than can be', async () => {
    const client = await structured()
    expect(await client.outcome(asked, contextPayload('tuesday'))).toBe(reply.errUnknown)
    expect(await client.outcome(asked, Buffer.concat([text('disk'), u32(0xffff_ffff)]))).toBe(reply.errInvalid)
    expect(await client.outcome(asked, contextPayload('disk', 'q'.repeat(4097)))).toBe(reply.errInvalid)
    expect(await client.outcome(option.list)).toBe(reply.ack)
  })
})
