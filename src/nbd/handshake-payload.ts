/** What an option's payload says: encoded by replies, decoded from options, both with the protocol's limits. */
import { isUtf8 } from 'node:buffer'
import { assert } from '../base/assert.js'
import { optionReplyMagic, type reply, stringBytesMax } from './protocol.js'

type ReplyType = (typeof reply)[keyof typeof reply]

/** A payload that is not what its option takes; the text is for the client. */
export class BadPayload extends Error {
  override readonly name = 'BadPayload'
}

/** Reads a payload from its front; whatever is missing or too much is a BadPayload. */
export class Payload {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  uint16(): number {
    return this.#take(2).readUInt16BE()
  }

  uint32(): number {
    return this.#take(4).readUInt32BE()
  }

  /** A length of 32 bits, and so many bytes of UTF-8. */
  string(what: string): string {
    const byteLength = this.uint32()
    return textOf(this.#take(byteLength, what), what)
  }

  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) throw new BadPayload(`${left} bytes behind what the option takes`)
  }

  #take(byteLength: number, what = 'payload'): Buffer {
    if (byteLength > this.#bytes.length - this.#at) throw new BadPayload(`the ${what} is cut short`)
    this.#at += byteLength
    return this.#bytes.subarray(this.#at - byteLength, this.#at)
  }
}

/** A string of the protocol. Fails with BadPayload. */
export function textOf(bytes: Buffer, what: string): string {
  if (bytes.length > stringBytesMax) throw new BadPayload(`the ${what} has more than ${stringBytesMax} bytes`)
  if (!isUtf8(bytes) || bytes.includes(0)) throw new BadPayload(`the ${what} is not UTF-8`)
  return bytes.toString('utf8')
}

export function encodeReply(option: number, type: ReplyType, ...parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(20)
  header.writeBigUInt64BE(optionReplyMagic, 0)
  header.writeUInt32BE(option, 8)
  header.writeUInt32BE(type, 12)
  header.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    16,
  )
  return Buffer.concat([header, ...parts])
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function uint64(value: number): Buffer {
  assert(Number.isSafeInteger(value) && value >= 0, 'a size is a whole number of bytes')
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Text of ours for a client, cut at a character if it is too long. */
export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length <= stringBytesMax) return bytes
  let end = stringBytesMax
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
