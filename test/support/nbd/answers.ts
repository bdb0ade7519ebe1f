/**
 * What a server answers to requests: simple, structured and extended replies, taken apart and held against the protocol.
 * Written apart from the server's own code. Anything the protocol forbids is a Violation.
 */
import { command, replyType } from '../../../src/nbd/protocol.js'
import type { ByteStream } from './byte-stream.js'
import { Violation } from './option-replies.js'
import type { NbdRequest } from './request-bytes.js'

export type Shape = 'simple' | 'structured' | 'extended'

export interface Extent {
  readonly length: number
  readonly flags: number
}

export interface Piece {
  readonly kind: 'data' | 'hole'
  readonly offset: number
  readonly length: number
}

/** The answer to one request, put together. */
export class Answer {
  readonly request: NbdRequest
  error = 0
  text = ''
  errorOffset: number | undefined
  /** Of a read: what came, zeroes where nothing did. */
  readonly data: Buffer
  readonly pieces: Piece[] = []
  /** Of a block status, by context. */
  readonly extents = new Map<number, readonly Extent[]>()
  /** The types of the chunks that these came in. */
  readonly statusTypes: number[] = []
  chunks = 0
  shape: Shape | undefined

  constructor(request: NbdRequest) {
    this.request = request
    this.data = Buffer.alloc(this.isRead ? Number(request.length ?? 0) : 0)
  }

  get isRead(): boolean {
    return this.request.command === command.read
  }
}

const simpleMagic = 0x67446698
const structuredMagic = 0x668e33ef
const extendedMagic = 0x6e8a278c
/** More than any chunk of ours has. */
const chunkBytesMax = 2 ** 26 + 64
const descriptorsMax = 2 ** 20
const errorBit = 0x8000
const textBytesMax = 4096

/** Takes one reply or chunk. Answers the cookie if the request it belongs to is answered by it in full. */
export async function takeAnswer(
  stream: ByteStream,
  mode: Shape,
  pending: ReadonlyMap<bigint, Answer>,
): Promise<bigint | undefined> {
  const magic = (await stream.take(4)).readUInt32BE(0)
  if (magic === simpleMagic && mode !== 'extended') return takeSimple(stream, mode, pending)
  if (magic === structuredMagic && mode === 'structured') return takeChunk(stream, 'structured', pending)
  if (magic === extendedMagic && mode === 'extended') return takeChunk(stream, 'extended', pending)
  throw new Violation(`a reply begins with ${magic.toString(16)} in mode ${mode}`)
}

async function takeSimple(stream: ByteStream, mode: Shape, pending: ReadonlyMap<bigint, Answer>): Promise<bigint> {
  const header = await stream.take(12)
  const cookie = header.readBigUInt64BE(4)
  const answer = expected(pending, cookie)
  if (mode === 'structured' && answer.isRead) throw new Violation('a simple reply to a read, with structured replies')
  if (answer.chunks > 0) throw new Violation('a simple reply after chunks')
  answer.shape = 'simple'
  answer.error = header.readUInt32BE(0)
  if (answer.error === 0 && answer.isRead && answer.data.length > 0) {
    ;(await stream.take(answer.data.length)).copy(answer.data)
    answer.pieces.push({ kind: 'data', offset: Number(answer.request.offset ?? 0), length: answer.data.length })
  }
  return cookie
}

async function takeChunk(
  stream: ByteStream,
  shape: 'structured' | 'extended',
  pending: ReadonlyMap<bigint, Answer>,
): Promise<bigint | undefined> {
  const header = await stream.take(shape === 'extended' ? 28 : 16)
  const flags = header.readUInt16BE(0)
  const type = header.readUInt16BE(2)
  const cookie = header.readBigUInt64BE(4)
  const answer = expected(pending, cookie)
  const byteLength = shape === 'extended' ? Number(header.readBigUInt64BE(20)) : header.readUInt32BE(12)
  if (shape === 'extended') {
    const offset = header.readBigUInt64BE(12)
    const asked = BigInt(answer.request.offset ?? 0)
    if (offset !== asked) throw new Violation(`an extended reply about offset ${offset} to a request about ${asked}`)
  }
  if (byteLength > chunkBytesMax) throw new Violation(`a chunk of ${byteLength} bytes`)
  if ((flags & ~1) !== 0) throw new Violation(`a chunk with flags ${flags}`)
  const isDone = (flags & 1) !== 0
  const payload = byteLength === 0 ? Buffer.alloc(0) : await stream.take(byteLength)
  answer.chunks++
  answer.shape = shape
  takeIn(answer, type, payload, isDone)
  if (!isDone) return undefined
  checkWhole(answer)
  return cookie
}

function takeIn(answer: Answer, type: number, payload: Buffer, isDone: boolean): void {
  if (type === replyType.none) {
    if (!isDone || payload.length > 0)
      throw new Violation('a chunk of type NONE that is not the last, or has a payload')
  } else if (type === replyType.offsetData) takeData(answer, payload)
  else if (type === replyType.offsetHole) takeHole(answer, payload)
  else if (type === replyType.blockStatus) takeStatus(answer, payload, false)
  else if (type === replyType.blockStatusExt) takeStatus(answer, payload, true)
  else if ((type & errorBit) !== 0) takeError(answer, type, payload)
  else throw new Violation(`a chunk of type ${type}`)
}

function takeData(answer: Answer, payload: Buffer): void {
  if (payload.length < 9) throw new Violation('OFFSET_DATA without data')
  addPiece(answer, 'data', Number(payload.readBigUInt64BE(0)), payload.length - 8)
  payload.copy(answer.data, Number(payload.readBigUInt64BE(0)) - Number(answer.request.offset ?? 0), 8)
}

function takeHole(answer: Answer, payload: Buffer): void {
  if (payload.length !== 12) throw new Violation(`OFFSET_HOLE of ${payload.length} bytes`)
  addPiece(answer, 'hole', Number(payload.readBigUInt64BE(0)), payload.readUInt32BE(8))
}

function addPiece(answer: Answer, kind: 'data' | 'hole', offset: number, length: number): void {
  const start = Number(answer.request.offset ?? 0)
  const end = start + answer.data.length
  if (!answer.isRead) throw new Violation('content in the answer to what is no read')
  if (length === 0) throw new Violation(`a ${kind} of no bytes`)
  if (offset < start || offset + length > end)
    throw new Violation(`a ${kind} at ${offset}+${length} for a read of ${start} to ${end}`)
  for (const other of answer.pieces) {
    if (offset < other.offset + other.length && other.offset < offset + length) throw new Violation('content twice')
  }
  answer.pieces.push({ kind, offset, length })
}

function takeStatus(answer: Answer, payload: Buffer, isExtended: boolean): void {
  if (answer.request.command !== command.blockStatus) throw new Violation('a block status that nobody asked for')
  const start = isExtended ? 8 : 4
  const size = isExtended ? 16 : 8
  const count = (payload.length - start) / size
  if (!Number.isInteger(count) || count < 1) throw new Violation(`a block status of ${payload.length} bytes`)
  if (count > descriptorsMax) throw new Violation(`${count} descriptors in a block status`)
  if (isExtended && payload.readUInt32BE(4) !== count) throw new Violation('a count of descriptors that is wrong')
  const id = payload.readUInt32BE(0)
  if (answer.extents.has(id)) throw new Violation(`a second block status of context ${id}`)
  const extents: Extent[] = []
  for (let at = start; at < payload.length; at += size) {
    if (isExtended)
      extents.push({ length: Number(payload.readBigUInt64BE(at)), flags: Number(payload.readBigUInt64BE(at + 8)) })
    else extents.push({ length: payload.readUInt32BE(at), flags: payload.readUInt32BE(at + 4) })
  }
  answer.statusTypes.push(isExtended ? replyType.blockStatusExt : replyType.blockStatus)
  checkExtents(answer, extents)
  answer.extents.set(id, extents)
}

function checkExtents(answer: Answer, extents: readonly Extent[]): void {
  if (extents.some(({ length }) => length === 0)) throw new Violation('an extent of no bytes')
  const asked = Number(answer.request.length ?? 0)
  const isOne = ((answer.request.flags ?? 0) & 8) !== 0
  if (isOne && extents.length !== 1) throw new Violation(`${extents.length} extents for REQ_ONE`)
  const whole = extents.reduce((sum, { length }) => sum + length, 0)
  if (isOne && whole > asked) throw new Violation(`REQ_ONE told of ${whole} bytes where ${asked} were asked about`)
  // Only the last one may go on beyond what was asked about.
  if (whole - (extents.at(-1)?.length ?? 0) >= asked)
    throw new Violation('extents that begin after what was asked about')
}

function takeError(answer: Answer, type: number, payload: Buffer): void {
  if (payload.length < 6) throw new Violation(`an error of ${payload.length} bytes`)
  const error = payload.readUInt32BE(0)
  const textBytes = payload.readUInt16BE(4)
  const rest = payload.length - 6 - textBytes
  if (error === 0) throw new Violation('an error that is none')
  if (textBytes > textBytesMax) throw new Violation(`an error's text of ${textBytes} bytes`)
  if (rest !== (type === replyType.errorOffset ? 8 : 0)) throw new Violation('an error whose text is longer than it')
  if (answer.error === 0) answer.error = error
  answer.text = payload.toString('utf8', 6, 6 + textBytes)
  if (type === replyType.errorOffset) answer.errorOffset = Number(payload.readBigUInt64BE(6 + textBytes))
}

/** A read that did not fail has all its bytes, a block status every context. */
function checkWhole(answer: Answer): void {
  if (answer.error !== 0) return
  if (answer.isRead) {
    const covered = answer.pieces.reduce((sum, { length }) => sum + length, 0)
    if (covered !== answer.data.length) throw new Violation(`${covered} of ${answer.data.length} bytes were answered`)
    const isWhole = ((answer.request.flags ?? 0) & 4) !== 0
    if (isWhole && answer.pieces.length > 1) throw new Violation(`${answer.pieces.length} pieces in spite of DF`)
  }
  if (answer.request.command === command.blockStatus && answer.extents.size === 0)
    throw new Violation('a block status without one')
}

function expected(pending: ReadonlyMap<bigint, Answer>, cookie: bigint): Answer {
  const answer = pending.get(cookie)
  if (answer === undefined) throw new Violation(`an answer to ${cookie.toString(16)}, which nobody waits for`)
  return answer
}
