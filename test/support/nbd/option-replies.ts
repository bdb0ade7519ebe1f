/** What a server answers to options, taken apart and held against the protocol; written apart from the server's own code. */
import { info, option, reply } from '../../../src/nbd/protocol.js'
import type { ByteStream } from './byte-stream.js'

export interface OptionReply {
  readonly type: number
  readonly data: Buffer
}

/** The server said something that the protocol does not allow. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

const replyMagic = 0x0003e889045565a9n
const errorBit = 0x8000_0000

export const isError = (type: number): boolean => type >= errorBit

/** One reply to `given`. */
export async function takeReply(stream: ByteStream, given: number): Promise<OptionReply> {
  const header = await stream.take(20)
  const magic = header.readBigUInt64BE(0)
  if (magic !== replyMagic) throw new Violation(`a reply to option ${given} begins with ${magic.toString(16)}`)
  const to = header.readUInt32BE(8)
  if (to !== given) throw new Violation(`a reply to option ${to} came, where ${given} was asked`)
  const type = header.readUInt32BE(12)
  const byteLength = header.readUInt32BE(16)
  if (byteLength > 65536) throw new Violation(`a reply of ${byteLength} bytes`)
  if (type === reply.ack && byteLength !== 0) throw new Violation('an ACK with data')
  return { type, data: byteLength === 0 ? Buffer.alloc(0) : await stream.take(byteLength) }
}

/** All replies to `given`, to the one that ends them. */
export async function takeReplies(stream: ByteStream, given: number): Promise<readonly OptionReply[]> {
  const replies: OptionReply[] = []
  for (;;) {
    const next = await takeReply(stream, given)
    replies.push(next)
    if (next.type === reply.ack || isError(next.type)) break
    if (!mayPrecede(given, next.type)) throw new Violation(`reply ${next.type} to option ${given}`)
  }
  return replies
}

function mayPrecede(given: number, type: number): boolean {
  if (given === option.list) return type === reply.server
  if (given === option.info || given === option.go) return type === reply.info
  if (given === option.listMetaContext || given === option.setMetaContext) return type === reply.metaContext
  return false
}

export interface ExportFacts {
  sizeBytes: number
  flags: number
  name: string | undefined
  description: string | undefined
  blockSize: { readonly minimum: number; readonly preferred: number; readonly maximum: number } | undefined
}

/** What INFO or GO told of an export. */
export function exportFacts(replies: readonly OptionReply[]): ExportFacts {
  const facts: ExportFacts = { sizeBytes: -1, flags: 0, name: undefined, description: undefined, blockSize: undefined }
  for (const { data, type } of replies) {
    if (type !== reply.info) continue
    const kind = data.readUInt16BE(0)
    if (kind === info.export) {
      if (data.length !== 12) throw new Violation(`INFO_EXPORT of ${data.length} bytes`)
      facts.sizeBytes = Number(data.readBigUInt64BE(2))
      facts.flags = data.readUInt16BE(10)
    } else if (kind === info.name) facts.name = data.toString('utf8', 2)
    else if (kind === info.description) facts.description = data.toString('utf8', 2)
    else if (kind === info.blockSize) {
      if (data.length !== 14) throw new Violation(`INFO_BLOCK_SIZE of ${data.length} bytes`)
      const [minimum, preferred, maximum] = [data.readUInt32BE(2), data.readUInt32BE(6), data.readUInt32BE(10)]
      facts.blockSize = { minimum, preferred, maximum }
    } else throw new Violation(`information of kind ${kind}`)
  }
  return facts
}

export interface ListedExport {
  readonly name: string
  readonly description: string
}

export function listedExports(replies: readonly OptionReply[]): readonly ListedExport[] {
  return replies
    .filter(({ type }) => type === reply.server)
    .map(({ data }) => {
      const byteLength = data.readUInt32BE(0)
      if (byteLength > data.length - 4) throw new Violation('a name longer than its reply')
      return { name: data.toString('utf8', 4, 4 + byteLength), description: data.toString('utf8', 4 + byteLength) }
    })
}

export interface ListedContext {
  readonly id: number
  readonly name: string
}

export function listedContexts(replies: readonly OptionReply[]): readonly ListedContext[] {
  return replies
    .filter(({ type }) => type === reply.metaContext)
    .map(({ data }) => ({ id: data.readUInt32BE(0), name: data.toString('utf8', 4) }))
}
