/** TLS: certificates of both sides, shared keys, and that nothing said before it counts after it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { option, reply, transmissionFlag } from '../../src/nbd/protocol.js'
import { NbdClient } from '../support/nbd/client.js'
import { HandshakeClient } from '../support/nbd/handshake-client.js'
import { ImageFolder, mebibyte, pattern } from '../support/nbd/images.js'
import { contextData, goData, optionBytes } from '../support/nbd/option-bytes.js'
import { takeReplies } from '../support/nbd/option-replies.js'
import { statusOf, writeOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'
import { hasTools, makeCertificates } from '../support/nbd/tools.js'

describe.skipIf(!hasTools('openssl'))('certificates (skipped where openssl is missing)', () => {
  const pki = new ImageFolder()
  let served: Served
  let strict: Served
  let optional: Served

  beforeAll(async () => {
    makeCertificates(pki.path)
    served = await serve({ tls: { certificates: pki.path } })
    strict = await serve({ tls: { certificates: pki.path, verifyPeer: true } })
    optional = await serve({ tls: { certificates: pki.path, isRequired: false } })
  })
  afterAll(async () => {
    for (const each of [served, strict, optional]) await each?.close()
    pki.remove()
  })

  const pem = (name: string): Buffer => readFileSync(join(pki.path, name))
  const trusting = () => ({ ca: pem('ca-cert.pem'), servername: 'localhost' })
  const known = () => ({ ...trusting(), cert: pem('client-cert.pem'), key: pem('client-key.pem') })

  it('a client reads and writes under TLS, in all modes', async () => {
    for (const mode of ['simple', 'structured', 'extended'] as const) {
      const client = await NbdClient.connect(served.where, { tls: trusting(), mode })
      expect((await client.read(0, mebibyte)).equals(pattern(0, mebibyte, 1))).toBe(true)
      const requests = Array.from({ length: 200 }, (_, at) => writeOf(at * 4096, pattern(at * 4096, 4096, 2)))
      for (const { error } of await Promise.all(client.submitAll(requests))) expect(error).toBe(0)
      expect((await client.read(0, 819_200)).equals(pattern(0, 819_200, 2))).toBe(true)
      await client.write(0, pattern(0, 819_200, 1))
      await client.disconnect()
    }
  })

  it('where TLS is required everything else is refused, and STARTTLS still works', async () => {
    const client = await HandshakeClient.begin(served.where)
    for (const [given, data] of [
      [option.list, undefined],
      [option.structuredReply, undefined],
      [option.info, goData('')],
      [option.go, goData('')],
      [option.setMetaContext, contextData('', ['base:allocation'])],
      [77, Buffer.from('x')],
    ] as const)
      expect([reply.errTlsReqd, reply.errUnsup]).toContain(await client.outcome(given, data))
    await client.startTls(trusting())
    expect((await client.go('')).sizeBytes).toBe(served.origin.sizeBytes)
    client.stream.destroy()
  })

  it('EXPORT_NAME without it ends the connection', async () => {
    const client = await HandshakeClient.begin(served.where)
    await expect(client.exportName('')).rejects.toThrow('hung up')
  })

  it('where clients must show a certificate, those without one get nothing', async () => {
    await expect(
      NbdClient.connect(strict.where, { tls: trusting() }),
      // TLS 1.3 tells the client only after its handshake.
    ).rejects.toThrow()
    const client = await NbdClient.connect(strict.where, { tls: known() })
    expect((await client.read(0, 4096)).equals(pattern(0, 4096, 1))).toBe(true)
    await client.disconnect()
  })

  it('what was negotiated before STARTTLS is forgotten', async () => {
    const client = await HandshakeClient.begin(optional.where)
    await client.must(option.extendedHeaders)
    await client.setContexts('', ['base:allocation'])
    await client.startTls(trusting())
    expect(await client.outcome(option.setMetaContext, contextData('', ['base:allocation']))).toBe(reply.errInvalid)
    const facts = await client.go('')
    expect(facts.flags & transmissionFlag.sendDf).toBe(0)
    const over = new NbdClient(client.stream, facts, 'simple')
    expect((await over.read(0, 4096)).equals(pattern(0, 4096, 1))).toBe(true)
    expect((await over.submit(statusOf(0, 4096))).error).toBe(22)
    await over.disconnect()
  })

  it('bytes sent in the clear behind STARTTLS are never taken for said under TLS', async () => {
    for (const injected of [
      optionBytes(option.structuredReply),
      optionBytes(option.abort),
      optionBytes(option.go, goData('')),
    ]) {
      const client = await HandshakeClient.begin(optional.where)
      client.stream.send(Buffer.concat([optionBytes(option.starttls), injected]))
      const outcome = await (async () => {
        const last = (await takeReplies(client.stream, option.starttls)).at(-1)
        if (last?.type !== reply.ack) return 'refused'
        client.stream = await client.stream.startTls(trusting())
        // The next reply must be the one to what is asked now, and nothing may have been agreed on.
        expect((await client.go('')).flags & transmissionFlag.sendDf).toBe(0)
        return 'forgotten'
      })().catch(() => 'ended')
      expect(['refused', 'forgotten', 'ended']).toContain(outcome)
      client.stream.destroy()
    }
  })

  it('a second STARTTLS is refused', async () => {
    const client = await HandshakeClient.begin(served.where)
    await client.startTls(trusting())
    expect(await client.outcome(option.starttls)).toBe(reply.errInvalid)
    expect(await client.outcome(option.list)).toBe(reply.ack)
    client.stream.destroy()
  })

  it('STARTTLS with data is refused', async () => {
    const client = await HandshakeClient.begin(served.where)
    expect(await client.outcome(option.starttls, Buffer.from('x'))).toBe(reply.errInvalid)
    await client.startTls(trusting())
    client.stream.destroy()
  })

  it('garbage in place of TLS ends the connection, and others are served', async () => {
    const client = await HandshakeClient.begin(served.where)
    await client.must(option.starttls)
    client.stream.send(Buffer.alloc(600, 0x16))
    await client.stream.ended
    const next = await NbdClient.connect(served.where, { tls: trusting() })
    expect((await next.read(0, 512)).length).toBe(512)
    await next.disconnect()
  })

  it('a client that dies or stalls under TLS costs only itself', async () => {
    for (let round = 0; round < 10; round++) {
      const client = await NbdClient.connect(served.where, { tls: trusting() })
      client.submitAll(Array.from({ length: 100 }, (_, at) => writeOf(at * 4096, pattern(at * 4096, 4096, 1))))
      if (round % 2 === 0) client.stream.destroy()
      else client.stream.stall()
    }
    await served.snapshot('later')
    const next = await NbdClient.connect(served.where, { tls: trusting(), name: 'later' })
    expect((await next.read(0, 409_600)).equals(pattern(0, 409_600, 1))).toBe(true)
    await next.disconnect()
  })
})

describe('shared keys', () => {
  const folder = new ImageFolder()
  const key = Buffer.alloc(32, 0x5a)
  let served: Served
  beforeAll(async () => {
    mkdirSync(join(folder.path, 'psk'))
    writeFileSync(folder.at('psk/keys'), `somebody:${'00'.repeat(32)}\nalice:${key.toString('hex')}\n`, { mode: 0o600 })
    served = await serve({ tls: { pskFile: folder.at('psk/keys') } })
  })
  afterAll(async () => {
    await served.close()
    folder.remove()
  })

  const withKey = (identity: string, psk: Buffer) => ({
    pskCallback: () => ({ identity, psk }),
    ciphers: 'PSK',
    checkServerIdentity: () => undefined,
  })

  it('who has one is let in', async () => {
    const client = await NbdClient.connect(served.where, { tls: withKey('alice', key) })
    expect((await client.read(0, 65536)).equals(pattern(0, 65536, 1))).toBe(true)
    await client.disconnect()
  })

  it.each([
    ['another key', withKey('alice', Buffer.alloc(32, 1))],
    ['another name', withKey('mallory', key)],
  ])('who has %s is not', async (_what, tls) => {
    await expect(NbdClient.connect(served.where, { tls })).rejects.toThrow()
  })
})
