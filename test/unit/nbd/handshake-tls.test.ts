import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { option, reply } from '../../../src/nbd/protocol.js'
import { contextPayload, encodeOption, HandshakeClient, infoPayload, TwoExports } from './handshake-client.js'

/** Goes on without encryption: what is tested is what counts before and after. */
const tls = (isRequired: boolean) => ({ isRequired, upgrade: async (stream: Duplex) => stream })

async function greeted(isRequired?: boolean): Promise<HandshakeClient> {
  const client = new HandshakeClient({
    source: new TwoExports(),
    ...(isRequired === undefined ? {} : { tls: tls(isRequired) }),
  })
  await client.greet()
  return client
}
const failure = (client: HandshakeClient) => client.negotiated.then(() => 'none').catch((error: Error) => error.message)

describe('STARTTLS', () => {
  it('is answered where there is no TLS, and the client may go on', async () => {
    const client = await greeted()
    expect(await client.outcome(option.starttls)).toBe(reply.errPolicy)
    expect(await client.outcome(option.list)).toBe(reply.ack)
  })

  it('has no payload, and is not begun twice', async () => {
    const client = await greeted(false)
    expect(await client.outcome(option.starttls, Buffer.of(1))).toBe(reply.errInvalid)
    expect(await client.outcome(option.starttls)).toBe(reply.ack)
    expect(await client.outcome(option.starttls)).toBe(reply.errInvalid)
  })

  it('forgets everything that was agreed on before it', async () => {
    const client = await greeted(false)
    await client.ask(option.structuredReply)
    await client.ask(option.setMetaContext, contextPayload('disk', 'base:allocation'))
    expect(await client.outcome(option.starttls)).toBe(reply.ack)
    expect(await client.outcome(option.setMetaContext, contextPayload('disk', 'base:allocation'))).toBe(
      reply.errInvalid,
    )
    await client.ask(option.go, infoPayload('disk'))
    expect(await client.negotiated).toMatchObject({ structuredReplies: false, extendedHeaders: false, contexts: [] })
  })

  it('forgets contexts also if structured replies are agreed on again', async () => {
    const client = await greeted(false)
    await client.ask(option.extendedHeaders)
    await client.ask(option.setMetaContext, contextPayload('disk', 'base:allocation'))
    await client.ask(option.starttls)
    expect(await client.outcome(option.structuredReply)).toBe(reply.ack)
    await client.ask(option.go, infoPayload('disk'))
    expect(await client.negotiated).toMatchObject({ structuredReplies: true, extendedHeaders: false, contexts: [] })
  })

  it('with bytes behind it ends the connection: they would count as said under TLS', async () => {
    const client = await greeted(false)
    client.stream.write(Buffer.concat([encodeOption(option.starttls), encodeOption(option.list)]))
    expect(await failure(client)).toContain('bytes behind STARTTLS')
  })
})

describe('a server that requires TLS', () => {
  it('answers every other option with that, and the client may still begin it', async () => {
    const client = await greeted(true)
    for (const asked of [option.list, option.info, option.go, option.structuredReply, option.setMetaContext, 77]) {
      expect(await client.outcome(asked, Buffer.from('whatever'))).toBe(reply.errTlsReqd)
    }
    expect(await client.outcome(option.starttls)).toBe(reply.ack)
    expect(await client.outcome(option.go, infoPayload('disk'))).toBe(reply.ack)
  })

  it('lets a client say goodbye', async () => {
    const client = await greeted(true)
    expect(await client.outcome(option.abort)).toBe(reply.ack)
  })

  it('closes on EXPORT_NAME, which has no other answer', async () => {
    const client = await greeted(true)
    client.send(option.exportName, Buffer.from('disk'))
    expect(await failure(client)).toContain('without TLS')
  })

  it('serves EXPORT_NAME under TLS', async () => {
    const client = await greeted(true)
    await client.ask(option.starttls)
    client.send(option.exportName, Buffer.from('disk'))
    await client.read(10)
    expect((await client.negotiated)?.export.name).toBe('disk')
  })
})
