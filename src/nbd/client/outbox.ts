/**
 * Requests that wait to be sent, in order, each a header and perhaps the bytes of its slot, gathered into one call.
 *
 * Headers lie in a ring with a place for each slot, since a slot has one request at a time; those of reads adjoin, so a batch
 * of them is one piece. Never blocks: what the socket does not take is sent by a later call.
 */
import { errno } from '../../io/block-file.js'
import { libc, socketCalls } from '../../io/libc.js'
import { requestBytes, requestMagic } from '../protocol.js'
import { Message } from './message.js'
import { type Slots, slotState } from './slots.js'

const noSignal = 0x4000
const doNotWait = 0x40
const wordValues = 2 ** 32
/** What Linux takes in one call (UIO_MAXIOV). */
const piecesMax = 1024

export const sendResult = { everything: 0, full: 1, gone: 2 } as const

export class Outbox {
  readonly #fd: number
  readonly #slots: Slots
  readonly #headers: DataView
  readonly #headersAddress: number
  readonly #slotAt: Int32Array
  readonly #message: Message
  readonly #system = libc()
  readonly #sendmsg = socketCalls().sendmsg
  /** Place of the first that is not sent to its end, how many of them there are, and how much of the first is sent. */
  #first = 0
  #count = 0
  #sentOfFirst = 0

  constructor(fd: number, slots: Slots) {
    this.#fd = fd
    this.#slots = slots
    this.#headers = new DataView(new SharedArrayBuffer(slots.depth * requestBytes))
    this.#headersAddress = libc().addressOf(new Uint8Array(this.#headers.buffer))
    this.#slotAt = new Int32Array(slots.depth)
    // A header and its bytes are two pieces.
    this.#message = new Message(Math.min(2 * slots.depth + 1, piecesMax))
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  append(slot: number, type: number, offset: number, byteLength: number): void {
    const place = (this.#first + this.#count) % this.#slots.depth
    this.#count++
    this.#slotAt[place] = slot
    const at = place * requestBytes
    const header = this.#headers
    header.setInt32(at, requestMagic)
    header.setInt32(at + 4, type)
    header.setInt32(at + 8, this.#slots.sequence[slot] as number)
    header.setInt32(at + 12, slot)
    header.setInt32(at + 16, Math.floor(offset / wordValues))
    header.setInt32(at + 20, offset | 0)
    header.setInt32(at + 24, byteLength | 0)
  }

  /** Sends what the socket takes now; one of `sendResult`. */
  send(): number {
    while (this.#count > 0) {
      this.#gather()
      const sent = this.#sendmsg(this.#fd, this.#message.address, noSignal | doNotWait)
      if (sent > 0) this.#advance(sent)
      else {
        const number = this.#system.lastErrno()
        if (number === errno.EAGAIN) return sendResult.full
        if (number !== errno.EINTR) return sendResult.gone
      }
    }
    return sendResult.everything
  }

  #gather(): void {
    const { addresses, bytesOut, depth } = this.#slots
    const message = this.#message
    message.clear()
    let skip = this.#sentOfFirst
    for (let index = 0; index < this.#count && message.hasPlace; index++) {
      const place = (this.#first + index) % depth
      const slot = this.#slotAt[place] as number
      if (skip < requestBytes) message.add(this.#headersAddress + place * requestBytes + skip, requestBytes - skip)
      const payload = bytesOut[slot] as number
      const payloadSkip = Math.max(0, skip - requestBytes)
      // Without a place for it, it begins the next message.
      if (payload > payloadSkip && message.hasPlace) {
        message.add((addresses[slot] as number) + payloadSkip, payload - payloadSkip)
      } else if (payload > 0) return
      skip = 0
    }
  }

  #advance(sent: number): void {
    const { bytesOut, depth, state } = this.#slots
    let left = this.#sentOfFirst + sent
    while (this.#count > 0) {
      const slot = this.#slotAt[this.#first] as number
      const whole = requestBytes + (bytesOut[slot] as number)
      if (left < whole) break
      left -= whole
      state[slot] = slotState.sent
      this.#first = (this.#first + 1) % depth
      this.#count--
    }
    this.#sentOfFirst = left
  }
}
