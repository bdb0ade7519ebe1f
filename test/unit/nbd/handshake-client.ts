/** The other end of a handshake, on a pair of streams: writes options by hand and reads replies. */
import { type Duplex, duplexPair } from 'node:stream'
import type { ExportContext, ExportSource, NbdExport } from '../../../src/nbd/exports.js'
import { type HandshakeTerms, type Negotiated, negotiate } from '../../../src/nbd/handshake.js'
import { optionMagic, optionReplyMagic, reply } from '../../../src/nbd/protocol.js'

export interface Reply {
  readonly option: number
  readonly type: number
  readonly data: Buffer
}

export class HandshakeClient {
  /** What the server's side comes to. */
  readonly negotiated: Promise<Negotiated | undefined>
  readonly stream: Duplex
  #held = Buffer.alloc(0)

  constructor(terms: HandshakeTerms) {
    const [mine, theirs] = duplexPair()
    this.stream = mine
    mine.on('error', () => {})
    theirs.on('error', () => {})
    this.negotiated = negotiate(theirs, terms).finally(() => {})
    this.negotiated.catch(() => theirs.destroy())
  }

  /** Reads the greeting and answers it: fixed newstyle, no zeroes. */
  async greet(flags = 3): Promise<Buffer> {
    const greeting = await this.read(18)
    this.stream.write(u32(flags))
    return greeting
  }

  send(option: number, ...parts: readonly Uint8Array[]): void {
    this.stream.write(encodeOption(option, ...parts))
  }

  async reply(): Promise<Reply> {
    const header = await this.read(20)
    if (header.readBigUInt64BE() !== optionReplyMagic) throw new Error('no reply begins here')
    const data = await this.read(header.readUInt32BE(16))
    return { option: header.readUInt32BE(8), type: header.readUInt32BE(12), data }
  }

  /** All replies to an option, to the ACK or the error. */
  async ask(option: number, ...parts: readonly Uint8Array[]): Promise<readonly Reply[]> {
    this.send(option, ...parts)
    return this.replies()
  }

  async replies(): Promise<readonly Reply[]> {
    const all: Reply[] = []
    for (;;) {
      const next = await this.reply()
      all.push(next)
      if (next.type === reply.ack || next.type >= 0x8000_0000) return all
    }
  }

  /** The type of the last reply: ACK or an error. */
  async outcome(option: number, ...parts: readonly Uint8Array[]): Promise<number | undefined> {
    return (await this.ask(option, ...parts)).at(-1)?.type
  }

  async read(byteLength: number): Promise<Buffer> {
    while (this.#held.length < byteLength) {
      const chunk: Buffer | null = this.stream.read()
      if (chunk !== null) this.#held = Buffer.concat([this.#held, chunk])
      else if (this.stream.readableEnded || this.stream.destroyed) throw new Error('the server has closed')
      else await new Promise((resolve) => this.stream.once('readable', resolve))
    }
    const bytes = this.#held.subarray(0, byteLength)
    this.#held = this.#held.subarray(byteLength)
    return bytes
  }
}

export function encodeOption(option: number, ...parts: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts)
  return Buffer.concat([u64(optionMagic), u32(option), u32(payload.length), payload])
}

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
export const text = (words: string): Buffer => Buffer.concat([u32(Buffer.byteLength(words)), Buffer.from(words)])

/** INFO and GO. */
export const infoPayload = (name: string, ...kinds: readonly number[]): Buffer =>
  Buffer.concat([text(name), u16(kinds.length), ...kinds.map(u16)])
/** LIST_META_CONTEXT and SET_META_CONTEXT. */
export const contextPayload = (name: string, ...queries: readonly string[]): Buffer =>
  Buffer.concat([text(name), u32(queries.length), ...queries.map(text)])

/** Two exports, `disk` (also the default one) and the read-only `monday`, that count how often they are open. */
export class TwoExports implements ExportSource {
  open_ = 0

  list() {
    return [
      { name: 'disk', description: 'the image' },
      { name: 'monday', description: 'a snapshot' },
    ]
  }

  async open(name: string): Promise<NbdExport | undefined> {
    if (!['', 'disk', 'monday'].includes(name)) return undefined
    this.open_++
    const isSnapshot = name === 'monday'
    return {
      name: isSnapshot ? 'monday' : 'disk',
      description: isSnapshot ? 'a snapshot' : 'the image',
      sizeBytes: 2 ** 40 + 512,
      readOnly: isSnapshot,
      preferredBytes: 16384,
      contexts: [
        context('base:allocation', 'allocation'),
        context('qemu:allocation-depth', 'depth'),
        ...(isSnapshot ? [] : [context('qemu:dirty-bitmap:monday', 'dirty', 7)]),
        context('qemu:dirty-bitmap:friday', 'dirty', 8),
      ],
      device: isSnapshot ? 7 : 3,
      close: async () => void this.open_--,
    }
  }
}

const context = (name: string, kind: ExportContext['kind'], device = -1): ExportContext => ({
  name,
  kind,
  snapshotDevice: async () => device,
})
