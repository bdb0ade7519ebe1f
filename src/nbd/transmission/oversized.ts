/**
 * A request whose payload does not fit in the receive buffer. A write is carried out piece by piece as it comes; anything
 * else, and a write that has failed, is taken and dropped. The answer follows the last byte: a client that is still sending
 * does not look for it.
 *
 * A request that fits nowhere near any limit would make us take bytes for hours: then the connection ends.
 */
import { statusNumbers } from '../../base/errors.js'
import { command, commandFlag, nbdError, payloadBytesMax } from '../protocol.js'
import type { Connection } from './connection.js'
import { errorOfStatus } from './errors.js'
import { HeldAnswers } from './held-answers.js'
import { rangeRefusal, refusal } from './refusal.js'
import { inSector, writeBytes } from './sectors.js'

/** What is dropped for the sake of an answer: twice what any client may send. */
export const droppedBytesMax = 2 * payloadBytesMax

/** A piece: long enough that the calls do not count, short enough that the next can be received meanwhile. */
const pieceBytes = 1 << 20

export class Oversized {
  /** Of the payload, not yet taken; 0 when there is no such request. */
  left = 0
  readonly #connection: Connection
  readonly #request = new HeldAnswers(1)
  #offset = 0
  #error = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The request whose header has been read. */
  begin(): void {
    const { request } = this.#connection
    this.left = request.payloadBytes
    this.#offset = request.offset
    this.#error = this.#refusal()
    this.#request.count = 0
    this.#request.add(request, (request.flags & commandFlag.fua) !== 0)
    this.#request.pick(0)
  }

  /** How much of the payload must be there before `step`. */
  get wanted(): number {
    return this.#error === nbdError.ok ? Math.min(this.left, pieceBytes) : 1
  }

  /** Takes what is there, within a batch. */
  step(): void {
    const { inbox } = this.#connection
    let taken = Math.min(this.left, inbox.available)
    if (this.#error === nbdError.ok) {
      if (taken < this.left) taken -= inSector(this.#offset + taken)
      this.#error = this.#write(inbox.head, taken)
    }
    inbox.take(taken)
    this.left -= taken
    this.#offset += taken
    if (this.left > 0) return
    if (this.#error === nbdError.ok) this.#connection.conclude(this.#request, 0, this.#request.isForced)
    else this.#connection.replies.fail(this.#request, this.#error)
  }

  #refusal(): number {
    const { request } = this.#connection
    const refused = refusal(this.#connection)
    if (refused !== nbdError.ok) return refused
    return request.type !== command.write || request.length > payloadBytesMax ? nbdError.inval : nbdError.ok
  }

  #write(arenaOffset: number, byteLength: number): number {
    const connection = this.#connection
    if (connection.isGone) return errorOfStatus(statusNumbers.DEVICE_CLOSED)
    const refused = rangeRefusal(connection, this.#offset, byteLength, nbdError.nospc)
    if (refused !== nbdError.ok) return refused
    if (connection.seat.isReadOnly()) return nbdError.perm
    connection.settle()
    return errorOfStatus(writeBytes(connection, arenaOffset, byteLength, this.#offset))
  }
}
