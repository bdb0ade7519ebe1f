/**
 * The transmission phase between a device in memory and a client that is a list of bytes: requests in, replies out.
 *
 * The device asserts what a seat asserts: whole sectors inside it, calls only inside a batch, nothing begun where nothing may
 * be. The client asserts that it is never waited for inside a batch.
 */
import { assert } from '../../../src/base/assert.js'
import { statusNumbers } from '../../../src/base/errors.js'
import type { ConnectionEnd, NegotiatedContext } from '../../../src/nbd/connection-task.js'
import type { BatchSeat } from '../../../src/nbd/transmission/batch-seat.js'
import { connectionBufferBytes } from '../../../src/nbd/transmission/buffer-layout.js'
import type { ByteStream } from '../../../src/nbd/transmission/byte-stream.js'
import { Connection } from '../../../src/nbd/transmission/connection.js'
import { transmit } from '../../../src/nbd/transmission/transmission.js'

const bufferOffset = 8192
const guardBytes = 4096

/** Repeats, but nowhere near a multiple of a sector. */
function patterned(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  const period = Math.min(sizeBytes, 62_281)
  for (let index = 0; index < period; index++) bytes[index] = (index * 7 + (index >>> 9) * 13) & 0xff
  for (let length = period; length < sizeBytes; length *= 2) bytes.copyWithin(length, 0, length)
  return bytes
}

export class MemorySeat implements BatchSeat {
  readonly arena = new Uint8Array(new SharedArrayBuffer(bufferOffset + connectionBufferBytes + guardBytes)).fill(0xa5)
  readonly bufferOffset = bufferOffset
  readonly bufferBytes = connectionBufferBytes
  readonly status = new Int32Array(1024)
  readonly disk: Uint8Array
  extentBytes = 0
  /** Calls that are worth a look. */
  readonly calls: string[] = []
  readOnly = false
  /** Before which `enter`, counted from 1, the device is closed. */
  closedBefore = Number.POSITIVE_INFINITY
  /** Statuses that calls answer, by name; reads and writes by name and byte offset: `read 512`. */
  readonly failures = new Map<string, number>()
  /** Where the device is a hole. */
  holes: (byteOffset: number) => boolean = () => false
  /** How long a stretch of the same kind is told at most. */
  granularity = 65536
  onEnter: ((count: number) => void) | undefined
  entered = 0
  isInside = false
  isHeld = false
  #begun: { tag: number; arenaOffset: number; byteLength: number; byteOffset: number }[] = []

  constructor(sizeBytes: number) {
    this.disk = patterned(sizeBytes)
  }

  size = (): number => this.disk.length

  enter(device: number): number {
    assert(!this.isInside && device === 3, 'one batch at a time, on this device')
    this.entered++
    this.onEnter?.(this.entered)
    if (this.entered >= this.closedBefore) return statusNumbers.DEVICE_CLOSED
    this.isInside = true
    return 0
  }

  leave(): void {
    this.#atRest()
    this.isInside = false
  }

  sizeBytes(): number {
    assert(this.isInside, 'inside')
    return this.size()
  }

  isReadOnly(): boolean {
    assert(this.isInside, 'inside')
    return this.readOnly
  }

  read(arenaOffset: number, byteLength: number, byteOffset: number): number {
    this.#check(byteOffset, byteLength)
    this.#checkArena(arenaOffset, byteLength)
    const failure = this.#failure('read', byteOffset, byteLength)
    if (failure !== 0) return failure
    this.arena.set(this.disk.subarray(byteOffset, byteOffset + byteLength), arenaOffset)
    return 0
  }

  beginWrite(tag: number, arenaOffset: number, byteLength: number, byteOffset: number): void {
    this.#check(byteOffset, byteLength)
    this.#checkArena(arenaOffset, byteLength)
    assert(tag > 0 && tag < 1024 && !this.#begun.some((each) => each.tag === tag), 'a tag once')
    this.#begun.push({ tag, arenaOffset, byteLength, byteOffset })
  }

  /** The last begun is the first done: no order is promised. */
  finish(): void {
    assert(this.isInside, 'inside')
    for (const { arenaOffset, byteLength, byteOffset, tag } of this.#begun.reverse()) {
      this.status[tag] = this.#failure('write', byteOffset, byteLength)
      if (this.status[tag] !== 0) continue
      this.disk.set(this.arena.subarray(arenaOffset, arenaOffset + byteLength), byteOffset)
    }
    if (this.#begun.length > 0) this.calls.push(`write ${this.#begun.length}`)
    this.#begun = []
  }

  write(arenaOffset: number, byteLength: number, byteOffset: number): number {
    this.#atRest()
    this.beginWrite(1, arenaOffset, byteLength, byteOffset)
    this.finish()
    return this.status[1] as number
  }

  flush(): number {
    this.#atRest()
    this.calls.push('flush')
    return this.failures.get('flush') ?? 0
  }

  zero(byteLength: number, byteOffset: number): number {
    return this.#clear('zero', byteLength, byteOffset)
  }

  discard(byteLength: number, byteOffset: number): number {
    return this.#clear('discard', byteLength, byteOffset)
  }

  isHole(byteOffset: number, byteLength: number): boolean {
    return this.#stretch(byteOffset, byteLength, (at) => (this.holes(at) ? 1 : 0)) === 1
  }

  depth(byteOffset: number, byteLength: number): number {
    return this.#stretch(byteOffset, byteLength, (at) => (this.holes(at) ? 0 : 1))
  }

  dirty(snapshotDevice: number, byteOffset: number, byteLength: number): number {
    assert(snapshotDevice === 9, 'of the snapshot')
    return this.#stretch(byteOffset, byteLength, (at) => (at < 8192 ? 1 : 0))
  }

  /** As one with O_DIRECT, so that parts of sectors are patched. */
  takesBytes(): boolean {
    return false
  }

  holdSectors(): void {
    this.#atRest()
    assert(!this.isHeld, 'held once')
    this.isHeld = true
  }

  freeSectors(): void {
    assert(this.isHeld && this.#begun.length === 0, 'held')
    this.isHeld = false
  }

  #stretch(byteOffset: number, byteLength: number, flagsAt: (byteOffset: number) => number): number {
    this.#check(byteOffset, byteLength)
    const flags = flagsAt(byteOffset)
    let end = byteOffset + 512
    while (end < byteOffset + Math.min(byteLength, this.granularity) && flagsAt(end) === flags) end += 512
    this.extentBytes = end - byteOffset
    return flags
  }

  #clear(call: string, byteLength: number, byteOffset: number): number {
    this.#atRest()
    this.#check(byteOffset, byteLength)
    this.calls.push(`${call} ${byteOffset} ${byteLength}`)
    const failure = this.failures.get(call) ?? 0
    if (failure === 0) this.disk.fill(0, byteOffset, byteOffset + byteLength)
    return failure
  }

  #failure(call: string, byteOffset: number, byteLength: number): number {
    for (let at = byteOffset; at < byteOffset + byteLength; at += 512) {
      const failure = this.failures.get(`${call} ${at}`)
      if (failure !== undefined) return failure
    }
    return 0
  }

  #atRest(): void {
    assert(this.isInside && this.#begun.length === 0, 'inside, and nothing is begun')
  }

  #check(byteOffset: number, byteLength: number): void {
    assert(this.isInside, 'inside')
    assert(byteOffset % 512 === 0 && byteLength % 512 === 0 && byteLength > 0, 'whole sectors')
    assert(byteOffset >= 0 && byteOffset + byteLength <= this.size(), 'inside the device')
  }

  #checkArena(arenaOffset: number, byteLength: number): void {
    const end = bufferOffset + connectionBufferBytes
    assert(arenaOffset >= bufferOffset && arenaOffset + byteLength <= end, 'in the own part of the arena')
  }

  /** That nothing outside the own part of the arena has been touched. */
  checkGuards(): void {
    const isWhole = (from: number, to: number) => this.arena.subarray(from, to).every((byte) => byte === 0xa5)
    assert(isWhole(0, bufferOffset) && isWhole(bufferOffset + connectionBufferBytes, this.arena.length), 'guards')
  }
}

/** A client that sends `pieces` one by one and then hangs up. */
class ListedClient implements ByteStream {
  readonly #seat: MemorySeat
  readonly #pieces: Uint8Array[]
  readonly sent: Uint8Array[] = []
  /** After how many sends it is gone. */
  sendsMax = Number.POSITIVE_INFINITY

  constructor(seat: MemorySeat, pieces: readonly Uint8Array[]) {
    this.#seat = seat
    this.#pieces = pieces.filter((piece) => piece.length > 0)
  }

  receive(arenaOffset: number, byteLength: number): number {
    assert(!this.#seat.isInside && byteLength > 0, 'waits outside of batches, with room')
    const [piece] = this.#pieces
    if (piece === undefined) return 0
    const bytes = piece.subarray(0, byteLength)
    this.#seat.arena.set(bytes, arenaOffset)
    if (bytes.length < piece.length) this.#pieces[0] = piece.subarray(bytes.length)
    else this.#pieces.shift()
    return bytes.length
  }

  send(arenaOffset: number, byteLength: number): boolean {
    assert(!this.#seat.isInside, 'sends outside of batches')
    if (this.sent.length >= this.sendsMax) return false
    this.sent.push(this.#seat.arena.slice(arenaOffset, arenaOffset + byteLength))
    return true
  }
}

export interface Form {
  readonly structuredReplies?: boolean
  readonly extendedHeaders?: boolean
  readonly readOnly?: boolean
  readonly contexts?: readonly NegotiatedContext[]
  readonly leftover?: Uint8Array
  readonly sendsMax?: number
}

/** What a client gets that sends `pieces`. */
export function converse(
  seat: MemorySeat,
  form: Form,
  pieces: readonly Uint8Array[],
): { readonly end: ConnectionEnd; readonly bytes: Buffer; readonly sends: number } {
  const client = new ListedClient(seat, pieces)
  if (form.sendsMax !== undefined) client.sendsMax = form.sendsMax
  const task = {
    device: 3,
    readOnly: form.readOnly ?? false,
    structuredReplies: form.structuredReplies ?? form.extendedHeaders ?? false,
    extendedHeaders: form.extendedHeaders ?? false,
    contexts: form.contexts ?? [],
    leftover: form.leftover ?? new Uint8Array(0),
  }
  const end = transmit(new Connection(task, seat, client))
  assert(!seat.isInside && !seat.isHeld, 'at rest at the end')
  seat.checkGuards()
  return { end, bytes: Buffer.concat(client.sent), sends: client.sent.length }
}

export interface Asked {
  readonly type: number
  readonly cookie?: bigint
  readonly offset?: number | bigint
  readonly length?: number | bigint
  readonly flags?: number
  readonly payload?: Uint8Array
}

export function compact({ type, cookie = 1n, offset = 0, length, flags = 0, payload }: Asked): Buffer {
  const header = Buffer.alloc(28)
  header.writeUInt32BE(0x25609513, 0)
  header.writeUInt16BE(flags, 4)
  header.writeUInt16BE(type, 6)
  header.writeBigUInt64BE(cookie, 8)
  header.writeBigUInt64BE(BigInt(offset), 16)
  header.writeUInt32BE(Number(length ?? payload?.length ?? 0), 24)
  return Buffer.concat([header, payload ?? Buffer.alloc(0)])
}

export function extended({ type, cookie = 1n, offset = 0, length, flags = 0, payload }: Asked): Buffer {
  const header = Buffer.alloc(32)
  header.writeUInt32BE(0x21e41c71, 0)
  header.writeUInt16BE(flags, 4)
  header.writeUInt16BE(type, 6)
  header.writeBigUInt64BE(cookie, 8)
  header.writeBigUInt64BE(BigInt(offset), 16)
  header.writeBigUInt64BE(BigInt(length ?? payload?.length ?? 0), 24)
  return Buffer.concat([header, payload ?? Buffer.alloc(0)])
}

export interface Simple {
  readonly cookie: bigint
  readonly error: number
  readonly data: Buffer
}

/** Simple replies; `dataBytes` says how much data a successful one with that cookie carries. */
export function simpleReplies(bytes: Buffer, dataBytes: (cookie: bigint) => number = () => 0): Simple[] {
  const replies: Simple[] = []
  for (let at = 0; at < bytes.length; ) {
    assert(bytes.readUInt32BE(at) === 0x67446698, `a simple reply at ${at}`)
    const error = bytes.readUInt32BE(at + 4)
    const cookie = bytes.readBigUInt64BE(at + 8)
    const length = error === 0 ? dataBytes(cookie) : 0
    assert(at + 16 + length <= bytes.length, 'all of its data')
    replies.push({ cookie, error, data: bytes.subarray(at + 16, at + 16 + length) })
    at += 16 + length
  }
  return replies
}

export interface Chunk {
  readonly cookie: bigint
  readonly isDone: boolean
  readonly type: number
  readonly payload: Buffer
  /** Of extended headers: the request's. */
  readonly offset?: bigint
}

/** Chunks, compact or extended; a simple reply among them is a chunk without payload whose type is -1 - error. */
export function chunks(bytes: Buffer): Chunk[] {
  const found: Chunk[] = []
  for (let at = 0; at < bytes.length; ) {
    const magic = bytes.readUInt32BE(at)
    if (magic === 0x67446698) {
      const type = -1 - bytes.readUInt32BE(at + 4)
      found.push({ cookie: bytes.readBigUInt64BE(at + 8), isDone: true, type, payload: Buffer.alloc(0) })
      at += 16
      continue
    }
    assert(magic === 0x668e33ef || magic === 0x6e8a278c, `a chunk at ${at}`)
    const isExtended = magic === 0x6e8a278c
    const length = isExtended ? Number(bytes.readBigUInt64BE(at + 24)) : bytes.readUInt32BE(at + 16)
    const headerBytes = isExtended ? 32 : 20
    const flags = bytes.readUInt16BE(at + 4)
    assert(flags <= 1 && at + headerBytes + length <= bytes.length, 'a whole chunk')
    found.push({
      cookie: bytes.readBigUInt64BE(at + 8),
      isDone: flags === 1,
      type: bytes.readUInt16BE(at + 6),
      payload: bytes.subarray(at + headerBytes, at + headerBytes + length),
      ...(isExtended ? { offset: bytes.readBigUInt64BE(at + 16) } : {}),
    })
    at += headerBytes + length
  }
  return found
}

/** A read's content, put together from its chunks; fails unless they cover it exactly and the last one is done. */
export function assembled(parts: readonly Chunk[], offset: number, length: number): Buffer {
  const whole = Buffer.alloc(length, 0x11)
  let covered = 0
  for (const { payload, type } of parts) {
    if (type === 0) continue
    assert(type === 1 || type === 2, `content, not ${type}`)
    const at = Number(payload.readBigUInt64BE(0)) - offset
    const bytes = type === 1 ? payload.subarray(8) : Buffer.alloc(payload.readUInt32BE(8))
    assert(at >= 0 && at + bytes.length <= length && bytes.length > 0, 'inside the request')
    whole.set(bytes, at)
    covered += bytes.length
  }
  assert(covered === length, 'all of it')
  assert(
    parts.every(({ isDone }, place) => isDone === (place === parts.length - 1)),
    'done at the end',
  )
  return whole
}
