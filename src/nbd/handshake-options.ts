/**
 * The options of one client, one after the other, and what they add up to. STARTTLS begins anew with another of these, so
 * nothing that was negotiated before it can be left over.
 */
import { CowringError } from '../base/errors.js'
import type { NegotiatedContext } from './connection-task.js'
import type { ExportContext, ExportSource, NbdExport } from './exports.js'
import type { Agreement } from './handshake-agreement.js'
import { chosenContexts, listedContexts } from './handshake-contexts.js'
import { encodeExport, encodeInfos } from './handshake-info.js'
import { handshakeLimits } from './handshake-limits.js'
import { BadPayload, encodeReply, encodeText, Payload, textOf, uint32 } from './handshake-payload.js'
import { HandshakeRefused } from './handshake-refused.js'
import type { HandshakeStream } from './handshake-stream.js'
import { option, optionMagic, reply } from './protocol.js'

export interface HagglingParts {
  readonly bytes: HandshakeStream
  readonly source: ExportSource
  /** The client reads replies; one that does not can only name its export. */
  readonly isFixed: boolean
  readonly isNoZeroes: boolean
  readonly tls: 'none' | 'offered' | 'required' | 'on'
}

/** What an option led to: another one, the end of the connection, TLS, or transmission. */
export type Step = 'more' | 'over' | 'starttls' | Agreement

type ErrorReply = Extract<keyof typeof reply, `err${string}`>

/** The contexts that were set, by number, and the export they were set for. */
interface ContextChoice {
  readonly exportName: string
  readonly names: readonly string[]
}

export class OptionHaggling {
  readonly #parts: HagglingParts
  #structuredReplies = false
  #extendedHeaders = false
  #choice: ContextChoice | undefined

  constructor(parts: HagglingParts) {
    this.#parts = parts
  }

  /** Takes the next option and answers it. Fails with HandshakeEnded, HandshakeRefused. */
  async next(): Promise<Step> {
    const { bytes, isFixed, tls } = this.#parts
    const header = await bytes.read(16)
    const magic = header.readBigUInt64BE(0)
    if (magic !== optionMagic) throw new HandshakeRefused(`0x${magic.toString(16)} where an option begins`)
    const asked = header.readUInt32BE(8)
    const byteLength = header.readUInt32BE(12)
    if (!isFixed && asked !== option.exportName) throw new HandshakeRefused('an option that needs fixed newstyle')
    if (byteLength > handshakeLimits.payloadBytesMax) return this.#skip(asked, byteLength)
    const payload = await bytes.read(byteLength)
    if (tls === 'required' && asked !== option.starttls && asked !== option.abort) return this.#refusePlain(asked)
    try {
      return await this.#answer(asked, payload)
    } catch (error) {
      if (error instanceof BadPayload) return this.#error(asked, 'errInvalid', error.message)
      if (error instanceof CowringError) return this.#error(asked, 'errPlatform', error.message)
      throw error
    }
  }

  #answer(asked: number, payload: Buffer): Promise<Step> {
    switch (asked) {
      case option.exportName:
        return this.#exportName(payload)
      case option.abort:
        return this.#abort()
      case option.list:
        return this.#list(payload)
      case option.starttls:
        return this.#starttls(payload)
      case option.info:
      case option.go:
        return this.#infoOrGo(asked, payload)
      case option.structuredReply:
        return this.#structuredReply(payload)
      case option.extendedHeaders:
        return this.#agreeOnExtendedHeaders(payload)
      case option.listMetaContext:
      case option.setMetaContext:
        return this.#metaContext(asked, payload)
      default:
        return this.#error(asked, 'errUnsup', `option ${asked} is not known here`)
    }
  }

  async #skip(asked: number, byteLength: number): Promise<Step> {
    if (byteLength > handshakeLimits.skippedBytesMax || asked === option.exportName) {
      throw new HandshakeRefused(`option ${asked} with ${byteLength} bytes`)
    }
    await this.#parts.bytes.skip(byteLength)
    const text = `option ${asked} may have ${handshakeLimits.payloadBytesMax} bytes, not ${byteLength}`
    return this.#error(asked, 'errTooBig', text)
  }

  #refusePlain(asked: number): Promise<Step> {
    if (asked === option.exportName) throw new HandshakeRefused('EXPORT_NAME without TLS, which is required')
    return this.#error(asked, 'errTlsReqd', 'this server speaks to nobody without TLS')
  }

  async #abort(): Promise<Step> {
    // The client may be gone already: it need not wait for this.
    await this.#parts.bytes.write(encodeReply(option.abort, reply.ack)).catch(() => {})
    return 'over'
  }

  async #list(payload: Buffer): Promise<Step> {
    new Payload(payload).end()
    const entries = this.#parts.source.list().map(({ description, name }) => {
      const nameBytes = encodeText(name)
      return encodeReply(option.list, reply.server, uint32(nameBytes.length), nameBytes, encodeText(description))
    })
    return this.#say(...entries, encodeReply(option.list, reply.ack))
  }

  async #starttls(payload: Buffer): Promise<Step> {
    const { bytes, tls } = this.#parts
    new Payload(payload).end()
    if (tls === 'on') return this.#error(option.starttls, 'errInvalid', 'TLS is on already')
    if (tls === 'none') return this.#error(option.starttls, 'errPolicy', 'this server was started without TLS')
    // Whoever sent it could have put it there on the way: it would count as said under TLS.
    if (bytes.hasMore) throw new HandshakeRefused('bytes behind STARTTLS, before TLS')
    await bytes.write(encodeReply(option.starttls, reply.ack))
    return 'starttls'
  }

  async #structuredReply(payload: Buffer): Promise<Step> {
    const asked = option.structuredReply
    new Payload(payload).end()
    if (this.#extendedHeaders) return this.#error(asked, 'errExtHeaderReqd', 'extended headers are agreed already')
    if (this.#structuredReplies) return this.#error(asked, 'errInvalid', 'structured replies are agreed already')
    this.#structuredReplies = true
    return this.#say(encodeReply(asked, reply.ack))
  }

  async #agreeOnExtendedHeaders(payload: Buffer): Promise<Step> {
    const asked = option.extendedHeaders
    new Payload(payload).end()
    if (this.#extendedHeaders) return this.#error(asked, 'errInvalid', 'extended headers are agreed already')
    this.#extendedHeaders = true
    this.#structuredReplies = true
    return this.#say(encodeReply(asked, reply.ack))
  }

  async #metaContext(asked: number, payload: Buffer): Promise<Step> {
    if (asked === option.setMetaContext) this.#choice = undefined
    if (!this.#structuredReplies) return this.#error(asked, 'errInvalid', 'agree on structured replies first')
    const reader = new Payload(payload)
    const exportName = reader.string('export name')
    const queries = Array.from({ length: countOf(reader) }, () => reader.string('context'))
    reader.end()
    const served = await this.#parts.source.open(exportName)
    if (served === undefined) return this.#unknown(asked, exportName)
    await served.close()
    const isSet = asked === option.setMetaContext
    const found = (isSet ? chosenContexts : listedContexts)(served.contexts, queries)
    if (isSet) this.#choice = { exportName, names: found.map(({ name }) => name) }
    const replies = found.map(({ name }, id) =>
      encodeReply(asked, reply.metaContext, uint32(isSet ? id : 0), Buffer.from(name)),
    )
    return this.#say(...replies, encodeReply(asked, reply.ack))
  }

  async #infoOrGo(asked: typeof option.info | typeof option.go, payload: Buffer): Promise<Step> {
    const reader = new Payload(payload)
    const exportName = reader.string('export name')
    const kinds = new Set(Array.from({ length: reader.uint16() }, () => reader.uint16()))
    reader.end()
    const served = await this.#parts.source.open(exportName)
    if (served === undefined) return this.#unknown(asked, exportName)
    return this.#holding(served, async () => {
      const agreement = asked === option.go ? await this.#agree(served, exportName) : undefined
      await this.#say(encodeInfos(asked, served, this.#structuredReplies, kinds), encodeReply(asked, reply.ack))
      if (agreement === undefined) await served.close()
      return agreement ?? 'more'
    })
  }

  /** Cannot be refused but by closing. */
  async #exportName(payload: Buffer): Promise<Step> {
    if (this.#extendedHeaders) throw new HandshakeRefused('EXPORT_NAME after EXTENDED_HEADERS')
    const exportName = orRefuse(() => textOf(payload, 'export name'))
    const served = await this.#parts.source.open(exportName)
    if (served === undefined) throw new HandshakeRefused(`there is no export '${exportName}'`)
    return this.#holding(served, async () => {
      const agreement = await this.#agree(served, exportName)
      await this.#say(encodeExport(served, this.#structuredReplies, this.#parts.isNoZeroes))
      return agreement
    })
  }

  /** Contexts count only for the export they were set for. */
  async #agree(served: NbdExport, exportName: string): Promise<Agreement> {
    const names = this.#choice?.exportName === exportName ? this.#choice.names : []
    const contexts: NegotiatedContext[] = []
    for (const [id, name] of names.entries()) {
      const context = served.contexts.find((each) => each.name === name)
      if (context === undefined) throw goneContext(name)
      contexts.push({ id, kind: context.kind, snapshotDevice: await deviceOf(context) })
    }
    return {
      export: served,
      structuredReplies: this.#structuredReplies,
      extendedHeaders: this.#extendedHeaders,
      contexts,
    }
  }

  async #holding(served: NbdExport, act: () => Promise<Step>): Promise<Step> {
    try {
      return await act()
    } catch (error) {
      await served.close()
      throw error
    }
  }

  #unknown(asked: number, exportName: string): Promise<Step> {
    return this.#error(asked, 'errUnknown', `there is no export '${exportName}'`)
  }

  #error(asked: number, type: ErrorReply, text: string): Promise<Step> {
    return this.#say(encodeReply(asked, reply[type], encodeText(text)))
  }

  async #say(...replies: readonly Buffer[]): Promise<Step> {
    await this.#parts.bytes.write(Buffer.concat(replies))
    return 'more'
  }
}

/** A query has at least its length: a count that cannot be true is not believed. */
function countOf(reader: Payload): number {
  const count = reader.uint32()
  if (count > handshakeLimits.payloadBytesMax / 4) throw new BadPayload(`${count} contexts in so few bytes`)
  return count
}

function orRefuse<Result>(act: () => Result): Result {
  try {
    return act()
  } catch (error) {
    throw error instanceof BadPayload ? new HandshakeRefused(error.message) : error
  }
}

async function deviceOf({ name, snapshotDevice }: ExportContext): Promise<number> {
  try {
    return await snapshotDevice()
  } catch (error) {
    throw error instanceof CowringError ? goneContext(name) : error
  }
}

const goneContext = (name: string): CowringError =>
  new CowringError('DEVICE_MISSING', `${name} is there no more; set the contexts again`, { device: name })
