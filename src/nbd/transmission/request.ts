/**
 * A request's header, compact or extended: one object for each connection, filled in again and again.
 *
 *   compact   magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | length 4
 *   extended  magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | length 8
 *
 * Cookie and offset are also kept as the words they came in: replies carry them back, and a word fits a small integer.
 * Offsets and lengths past 2^53 lose their low bits; they stay past the end of any device, which is all that is asked.
 */
import {
  command,
  commandFlag,
  extendedRequestBytes,
  extendedRequestMagic,
  requestBytes,
  requestMagic,
} from '../protocol.js'
import type { Addressee } from './replies.js'

export const magicBytes = 4

const wordValues = 2 ** 32

export class Request implements Addressee {
  readonly isExtended: boolean
  readonly headerBytes: number
  readonly #magic: number
  hasMagic = false
  flags = 0
  type = 0
  cookieHigh = 0
  cookieLow = 0
  offsetHigh = 0
  offsetLow = 0
  offset = 0
  length = 0
  /** How many bytes follow the header. */
  payloadBytes = 0

  constructor(isExtended: boolean) {
    this.isExtended = isExtended
    this.headerBytes = isExtended ? extendedRequestBytes : requestBytes
    this.#magic = isExtended ? extendedRequestMagic : requestMagic
  }

  /** Whether what begins there is a request. */
  readMagic(view: DataView, at: number): boolean {
    this.hasMagic = view.getUint32(at) === this.#magic
    return this.hasMagic
  }

  read(view: DataView, at: number): void {
    this.readMagic(view, at)
    this.flags = view.getUint16(at + 4)
    this.type = view.getUint16(at + 6)
    this.cookieHigh = view.getInt32(at + 8)
    this.cookieLow = view.getInt32(at + 12)
    this.offsetHigh = view.getInt32(at + 16)
    this.offsetLow = view.getInt32(at + 20)
    this.offset = (this.offsetHigh >>> 0) * wordValues + (this.offsetLow >>> 0)
    if (this.isExtended) {
      this.length = view.getUint32(at + 24) * wordValues + view.getUint32(at + 28)
      // The flag alone tells whether a payload follows, of unknown commands too.
      this.payloadBytes = (this.flags & commandFlag.payloadLen) !== 0 ? this.length : 0
    } else {
      this.length = view.getUint32(at + 24)
      this.payloadBytes = this.type === command.write ? this.length : 0
    }
  }
}
