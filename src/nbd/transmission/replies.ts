/**
 * Replies on their way: written one behind the other into the send buffer, in the form that was negotiated.
 *
 *   simple      magic 4 | error 4 | cookie 8                                            then the data of a read
 *   structured  magic 4 | flags 2 | type 2 | cookie 8 | length 4                        then the chunk's payload
 *   extended    magic 4 | flags 2 | type 2 | cookie 8 | offset of the request 8 | length 8   then the chunk's payload
 *
 * Requires: whoever writes has looked for room. `replyBytesMax` is enough for every reply that carries no content.
 * Where chunks are negotiated but compact, success without content is a simple reply all the same: the protocol allows it
 * for all but reads, and it is the shorter one.
 */
import {
  extendedReplyBytes,
  extendedReplyMagic,
  nbdError,
  replyFlag,
  replyType,
  simpleReplyBytes,
  simpleReplyMagic,
  structuredReplyBytes,
  structuredReplyMagic,
} from '../protocol.js'
import { errorText, errorTextBytesMax } from './errors.js'

/** Whom a reply is for: the request's cookie and offset, as words. */
export interface Addressee {
  readonly cookieHigh: number
  readonly cookieLow: number
  readonly offsetHigh: number
  readonly offsetLow: number
}

const errorFieldsBytes = 6

/** The longest reply without content: an error with its text, extended. */
export const replyBytesMax = extendedReplyBytes + errorFieldsBytes + errorTextBytesMax

/** An offset before the data, and with a hole its length. */
const offsetBytes = 8
const holePayloadBytes = 12

const wordValues = 2 ** 32

export class Replies {
  /** The arena offset where the next reply goes. */
  at: number
  readonly isStructured: boolean
  /** Of the chunk in which data is carried. */
  readonly dataHeaderBytes: number
  readonly #isExtended: boolean
  readonly #arena: Uint8Array
  readonly #view: DataView
  readonly #start: number
  readonly #end: number

  constructor(arena: Uint8Array, start: number, byteLength: number, isStructured: boolean, isExtended: boolean) {
    this.isStructured = isStructured || isExtended
    this.#isExtended = isExtended
    this.dataHeaderBytes = (isExtended ? extendedReplyBytes : structuredReplyBytes) + offsetBytes
    this.#arena = arena
    this.#view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength)
    this.#start = start
    this.#end = start + byteLength
    this.at = start
  }

  get start(): number {
    return this.#start
  }

  get byteLength(): number {
    return this.at - this.#start
  }

  get room(): number {
    return this.#end - this.at
  }

  clear(): void {
    this.at = this.#start
  }

  succeed(to: Addressee): void {
    if (this.#isExtended) this.chunk(to, replyFlag.done, replyType.none, 0)
    else this.simple(to, nbdError.ok)
  }

  /** A read has no other success without content than this. */
  succeedRead(to: Addressee): void {
    if (this.isStructured) this.chunk(to, replyFlag.done, replyType.none, 0)
    else this.simple(to, nbdError.ok)
  }

  fail(to: Addressee, error: number): void {
    if (!this.isStructured) {
      this.simple(to, error)
      return
    }
    const text = errorText(error)
    this.chunk(to, replyFlag.done, replyType.error, errorFieldsBytes + text.length)
    this.#view.setUint32(this.at, error)
    this.#view.setUint16(this.at + 4, text.length)
    this.#arena.set(text, this.at + errorFieldsBytes)
    this.at += errorFieldsBytes + text.length
  }

  simple(to: Addressee, error: number): void {
    const { at } = this
    const view = this.#view
    view.setUint32(at, simpleReplyMagic)
    view.setUint32(at + 4, error)
    view.setInt32(at + 8, to.cookieHigh)
    view.setInt32(at + 12, to.cookieLow)
    this.at = at + simpleReplyBytes
  }

  /** A chunk's header; its payload of `payloadBytes` is the caller's to write behind it. */
  chunk(to: Addressee, flags: number, type: number, payloadBytes: number): void {
    const { at } = this
    const view = this.#view
    view.setUint32(at, this.#isExtended ? extendedReplyMagic : structuredReplyMagic)
    view.setUint16(at + 4, flags)
    view.setUint16(at + 6, type)
    view.setInt32(at + 8, to.cookieHigh)
    view.setInt32(at + 12, to.cookieLow)
    if (this.#isExtended) {
      view.setInt32(at + 16, to.offsetHigh)
      view.setInt32(at + 20, to.offsetLow)
      view.setUint32(at + 24, 0)
      view.setUint32(at + 28, payloadBytes)
      this.at = at + extendedReplyBytes
    } else {
      view.setUint32(at + 16, payloadBytes)
      this.at = at + structuredReplyBytes
    }
  }

  /** Of a chunk whose header begins at `headerAt` and was written before its payload's length was known. */
  setPayloadBytes(headerAt: number, payloadBytes: number): void {
    this.#view.setUint32(headerAt + (this.#isExtended ? 28 : 16), payloadBytes)
  }

  /** The header of data that lies, or is going to lie, `dataHeaderBytes` from here; `at` is behind the data afterwards. */
  data(to: Addressee, flags: number, offset: number, byteLength: number): void {
    this.chunk(to, flags, replyType.offsetData, offsetBytes + byteLength)
    this.long(offset)
    this.at += byteLength
  }

  hole(to: Addressee, flags: number, offset: number, byteLength: number): void {
    this.chunk(to, flags, replyType.offsetHole, holePayloadBytes)
    this.long(offset)
    this.word(byteLength)
  }

  word(value: number): void {
    this.#view.setUint32(this.at, value)
    this.at += 4
  }

  long(value: number): void {
    this.#view.setUint32(this.at, Math.floor(value / wordValues))
    this.#view.setUint32(this.at + 4, value % wordValues)
    this.at += 8
  }
}
