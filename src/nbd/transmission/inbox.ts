/**
 * What the client has sent and nobody has taken yet: one stretch of the receive buffer, from `head` to `tail`.
 *
 * Guarantees: what has been taken stays where it is until the next `receive`.
 */
import { assert } from '../../base/assert.js'
import type { ByteStream } from './byte-stream.js'

/** A rest up to this long is moved to the front, where the cache is warm, although there would be room behind it. */
const cheapMoveBytes = 8192

export class Inbox {
  head: number
  tail: number
  readonly byteLength: number
  readonly #arena: Uint8Array
  readonly #start: number
  readonly #end: number

  constructor(arena: Uint8Array, start: number, byteLength: number) {
    this.#arena = arena
    this.#start = start
    this.#end = start + byteLength
    this.byteLength = byteLength
    this.head = start
    this.tail = start
  }

  get available(): number {
    return this.tail - this.head
  }

  /** Bytes that came before there was a stream. */
  append(bytes: Uint8Array): void {
    assert(this.tail + bytes.length <= this.#end, 'what came with the last option fits in the receive buffer')
    this.#arena.set(bytes, this.tail)
    this.tail += bytes.length
  }

  take(byteLength: number): void {
    this.head += byteLength
  }

  /** Waits for more, and makes room for `wanted` bytes from `head` on. False when the client is gone. */
  receive(stream: ByteStream, wanted: number): boolean {
    const { available } = this
    if (this.head > this.#start && (available <= cheapMoveBytes || this.head + wanted > this.#end)) {
      if (available > 0) this.#arena.copyWithin(this.#start, this.head, this.tail)
      this.head = this.#start
      this.tail = this.#start + available
    }
    const count = stream.receive(this.tail, this.#end - this.tail)
    this.tail += count
    return count > 0
  }
}
