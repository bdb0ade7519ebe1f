/**
 * Answers as they come: many small ones with one call into a buffer, and from there to their slots; of a long one that has begun,
 * the rest goes from the socket to its slot, with what follows it into the buffer, by one call too. Never blocks.
 *
 *   simple reply   magic 4 | error 4 | cookie 8 (sequence 4, slot 4) | bytes of a read that has succeeded
 */
import { errno } from '../../io/block-file.js'
import { libc, socketCalls } from '../../io/libc.js'
import { simpleReplyBytes, simpleReplyMagic } from '../protocol.js'
import { broken } from './broken.js'
import { Message } from './message.js'
import { type Slots, slotState } from './slots.js'

const doNotWait = 0x40
/** 31 answers with 4 KiB each. */
const bufferBytes = 128 * 1024
const none = -1

export class Inbox {
  readonly #fd: number
  readonly #uri: string
  readonly #slots: Slots
  readonly #system = libc()
  readonly #recv = socketCalls().recv
  readonly #recvmsg = socketCalls().recvmsg
  readonly #bytes = new Uint8Array(new SharedArrayBuffer(bufferBytes))
  readonly #view = new DataView(this.#bytes.buffer)
  readonly #address = libc().addressOf(this.#bytes)
  readonly #message = new Message(2)
  /** What has come and is not taken, in the buffer. */
  #start = 0
  #end = 0
  /** The slot whose bytes have come in part, and how many have; the buffer is empty then. */
  #open = none
  #filled = 0

  constructor(fd: number, slots: Slots, uri: string) {
    this.#fd = fd
    this.#slots = slots
    this.#uri = uri
  }

  /** Takes what has come, with one call, and completes slots; whether anything has come. Fails with IO_ERROR. */
  receive(): boolean {
    const count = this.#open === none ? this.#receiveAnswers() : this.#receiveRest()
    if (count > 0) return true
    if (count === 0) throw broken(this.#uri, this.#lossOf('closed the connection'))
    const number = this.#system.lastErrno()
    if (number === errno.EAGAIN || number === errno.EINTR) return false
    throw broken(this.#uri, this.#lossOf('broke off the connection'), number)
  }

  #receiveAnswers(): number {
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#end)
      this.#end -= this.#start
      this.#start = 0
    }
    const count = this.#recv(this.#fd, this.#address + this.#end, bufferBytes - this.#end, doNotWait)
    if (count > 0) {
      this.#end += count
      this.#takeAnswers()
    }
    return count
  }

  #receiveRest(): number {
    const slot = this.#open
    const left = (this.#slots.bytesIn[slot] as number) - this.#filled
    this.#message.clear()
    this.#message.add((this.#slots.addresses[slot] as number) + this.#filled, left)
    this.#message.add(this.#address, bufferBytes)
    const count = this.#recvmsg(this.#fd, this.#message.address, doNotWait)
    if (count < left) {
      if (count > 0) this.#filled += count
      return count
    }
    this.#open = none
    this.#slots.complete(slot, 0)
    this.#start = 0
    this.#end = count - left
    this.#takeAnswers()
    return count
  }

  #takeAnswers(): void {
    while (this.#open === none && this.#end - this.#start >= simpleReplyBytes) {
      const at = this.#start
      if (this.#view.getInt32(at) !== simpleReplyMagic)
        throw broken(this.#uri, 'answered without the magic of an answer')
      const error = this.#view.getInt32(at + 4)
      const slot = this.#slotOf(this.#view.getInt32(at + 8), this.#view.getInt32(at + 12))
      this.#start = at + simpleReplyBytes
      if (error === 0 && (this.#slots.bytesIn[slot] as number) > 0) this.#takeBytes(slot)
      else this.#slots.complete(slot, error)
    }
    if (this.#start === this.#end) {
      this.#start = 0
      this.#end = 0
    }
  }

  #takeBytes(slot: number): void {
    const wanted = this.#slots.bytesIn[slot] as number
    const count = Math.min(wanted, this.#end - this.#start)
    if (count > 0) this.#system.memmove(this.#slots.addresses[slot] as number, this.#address + this.#start, count)
    this.#start += count
    if (count === wanted) this.#slots.complete(slot, 0)
    else {
      this.#open = slot
      this.#filled = count
    }
  }

  /** A request that is not sent to its end cannot have an answer: the caller's bytes would be taken from under it. */
  #slotOf(sequence: number, slot: number): number {
    const { depth, state, sequence: sequences } = this.#slots
    const isKnown = slot >= 0 && slot < depth && state[slot] === slotState.sent && sequences[slot] === sequence
    if (isKnown) return slot
    throw broken(this.#uri, 'answered a request that is not in flight')
  }

  #lossOf(what: string): string {
    const { inFlight } = this.#slots
    return inFlight === 0 ? what : `${what} with ${inFlight} ${inFlight === 1 ? 'request' : 'requests'} in flight`
  }
}
