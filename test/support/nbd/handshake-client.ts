/** The client's side of a handshake, a step at a time, so that steps can be left out, repeated, or sent in a bad order. */
import type { ConnectionOptions } from 'node:tls'
import { handshakeFlag, option, reply } from '../../../src/nbd/protocol.js'
import { ByteStream, type Where } from './byte-stream.js'
import { contextData, goData, type OptionOverrides, optionBytes } from './option-bytes.js'
import {
  type ExportFacts,
  exportFacts,
  type ListedContext,
  listedContexts,
  type OptionReply,
  takeReplies,
  Violation,
} from './option-replies.js'

const initialMagic = 0x4e42444d41474943n
const optionMagic = 0x49484156454f5054n
const zeroesBytes = 124

export class HandshakeClient {
  stream: ByteStream
  /** What the server said of itself; -1 before its greeting. */
  serverFlags = -1
  #hasNoZeroes = false

  constructor(stream: ByteStream) {
    this.stream = stream
  }

  /** Connects and takes the greeting; answers it unless `flags` is undefined. */
  static async begin(
    where: Where,
    flags: number | undefined = handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes,
  ): Promise<HandshakeClient> {
    const client = new HandshakeClient(await ByteStream.connect(where))
    await client.takeGreeting()
    if (flags !== undefined) client.sendFlags(flags)
    return client
  }

  async takeGreeting(): Promise<void> {
    const greeting = await this.stream.take(18)
    if (greeting.readBigUInt64BE(0) !== initialMagic || greeting.readBigUInt64BE(8) !== optionMagic)
      throw new Violation(`a greeting of ${greeting.toString('hex')}`)
    this.serverFlags = greeting.readUInt16BE(16)
  }

  sendFlags(flags: number): void {
    this.#hasNoZeroes = (flags & handshakeFlag.noZeroes) !== 0
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(flags >>> 0, 0)
    this.stream.send(bytes)
  }

  /** Sends an option and takes everything that answers it. */
  async ask(given: number, data?: Uint8Array, bad?: OptionOverrides): Promise<readonly OptionReply[]> {
    this.stream.send(optionBytes(given, data, bad))
    return takeReplies(this.stream, given)
  }

  /** The type of the last reply: ACK or an error. */
  async outcome(given: number, data?: Uint8Array, bad?: OptionOverrides): Promise<number> {
    return (await this.ask(given, data, bad)).at(-1)?.type ?? 0
  }

  async must(given: number, data?: Uint8Array): Promise<readonly OptionReply[]> {
    const replies = await this.ask(given, data)
    const last = replies.at(-1)
    if (last?.type !== reply.ack)
      throw new Error(`option ${given} was refused with ${last?.type.toString(16)}: ${last?.data.toString()}`)
    return replies
  }

  async info(name: string, kinds: readonly number[] = []): Promise<ExportFacts> {
    return exportFacts(await this.must(option.info, goData(name, kinds)))
  }

  async go(name: string, kinds: readonly number[] = []): Promise<ExportFacts> {
    return exportFacts(await this.must(option.go, goData(name, kinds)))
  }

  /** The old way into an export: the server answers, or hangs up. */
  async exportName(name: string): Promise<ExportFacts> {
    this.stream.send(optionBytes(option.exportName, Buffer.from(name)))
    const answer = await this.stream.take(10)
    if (!this.#hasNoZeroes && (await this.stream.take(zeroesBytes)).some((byte) => byte !== 0))
      throw new Violation('the reserved bytes after EXPORT_NAME are not zero')
    const [sizeBytes, flags] = [Number(answer.readBigUInt64BE(0)), answer.readUInt16BE(8)]
    return { sizeBytes, flags, name: undefined, description: undefined, blockSize: undefined }
  }

  async setContexts(name: string, queries: readonly string[]): Promise<readonly ListedContext[]> {
    return listedContexts(await this.must(option.setMetaContext, contextData(name, queries)))
  }

  async listContexts(name: string, queries: readonly string[]): Promise<readonly ListedContext[]> {
    return listedContexts(await this.must(option.listMetaContext, contextData(name, queries)))
  }

  async startTls(options: ConnectionOptions): Promise<void> {
    await this.must(option.starttls)
    this.stream = await this.stream.startTls(options)
  }
}
