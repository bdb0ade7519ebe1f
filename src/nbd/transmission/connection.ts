/**
 * One client in its transmission phase: its buffers, its negotiated forms, and the batch that is going on.
 *
 *   enter ─▶ reads at once, writes begun ─▶ settle: writes ended, answered ─▶ complete: one flush, answered ─▶ leave ─▶ send
 *
 * Guarantees: nothing waits for the client between `enter` and `leave`, since that would keep the device from being
 * suspended. Replies are sent in the order they were written.
 */
import type { ConnectionEnd, ConnectionTask, NegotiatedContext } from '../connection-task.js'
import { nbdError } from '../protocol.js'
import type { BatchSeat } from './batch-seat.js'
import { receiveBytes, sectorScratchBytes, sendBytes, zeroBytes } from './buffer-layout.js'
import type { ByteStream } from './byte-stream.js'
import { errorOfStatus } from './errors.js'
import { HeldAnswers } from './held-answers.js'
import { Inbox } from './inbox.js'
import { type Addressee, Replies, replyBytesMax } from './replies.js'
import { Request } from './request.js'

/**
 * Requests in a batch. Deeper queues are rare, and the first answer of a batch waits for the last; half of the seat's tags.
 */
export const batchRequestsMax = 512

/** The tag of the write at a place: 0 is the seat's own. */
export const tagOf = (place: number): number => place + 1

export class Connection {
  readonly seat: BatchSeat
  readonly device: number
  readonly isReadOnly: boolean
  readonly contexts: readonly NegotiatedContext[]
  readonly request: Request
  readonly inbox: Inbox
  readonly replies: Replies
  readonly view: DataView
  /** Places in the arena: of zeroes, and of two sectors to patch. */
  readonly zeroOffset: number
  readonly scratchOffset: number
  /** Begun writes; their places tell their tags. */
  readonly begun = new HeldAnswers(batchRequestsMax)
  /** What has been carried out and waits for the batch's flush. */
  readonly unflushed = new HeldAnswers(batchRequestsMax)
  /** The device cannot be entered any more. */
  isGone = false
  /** Set once, by whatever made going on impossible. */
  end: ConnectionEnd | undefined
  readonly #stream: ByteStream
  #isInside = false

  constructor(task: Omit<ConnectionTask, 'fd' | 'token'>, seat: BatchSeat, stream: ByteStream) {
    this.seat = seat
    this.device = task.device
    this.isReadOnly = task.readOnly
    this.contexts = task.contexts
    this.request = new Request(task.extendedHeaders)
    this.view = new DataView(seat.arena.buffer, seat.arena.byteOffset, seat.arena.byteLength)
    this.zeroOffset = seat.bufferOffset
    // Whoever had the seat before may have used its memory otherwise.
    seat.arena.fill(0, this.zeroOffset, this.zeroOffset + zeroBytes)
    this.scratchOffset = this.zeroOffset + zeroBytes
    const receiveOffset = this.scratchOffset + sectorScratchBytes
    this.inbox = new Inbox(seat.arena, receiveOffset, receiveBytes)
    const { extendedHeaders, structuredReplies } = task
    this.replies = new Replies(seat.arena, receiveOffset + receiveBytes, sendBytes, structuredReplies, extendedHeaders)
    this.#stream = stream
    this.inbox.append(task.leftover)
  }

  /** What is left of the send buffer when every held answer has been written. */
  get room(): number {
    return this.replies.room - replyBytesMax * (this.begun.count + this.unflushed.count)
  }

  enter(): void {
    this.#isInside = this.seat.enter(this.device) === 0
    this.isGone = !this.#isInside
  }

  leave(): void {
    if (!this.#isInside) return
    this.#complete()
    this.#isInside = false
    this.seat.leave()
  }

  /** Carries out every write that was begun. Answers it, unless it is to be durable first. */
  settle(): void {
    const { begun, seat } = this
    if (begun.count === 0) return
    seat.finish()
    for (let place = 0; place < begun.count; place++) {
      begun.pick(place)
      this.conclude(begun, seat.status[tagOf(place)] as number, begun.isForced)
    }
    begun.count = 0
  }

  /** Answers what has been carried out, now or when it is durable. */
  conclude(to: Addressee, status: number, isForced: boolean): void {
    if (status !== 0) this.replies.fail(to, errorOfStatus(status))
    else if (isForced) this.unflushed.add(to, true)
    else this.replies.succeed(to)
  }

  /** One flush for all that ask for one: it covers whatever was finished before it, whoever asked. */
  #complete(): void {
    this.settle()
    const { replies, unflushed } = this
    if (unflushed.count === 0) return
    const error = errorOfStatus(this.seat.flush())
    for (let place = 0; place < unflushed.count; place++) {
      unflushed.pick(place)
      if (error === nbdError.ok) replies.succeed(unflushed)
      else replies.fail(unflushed, error)
    }
    unflushed.count = 0
  }

  /** Ends the batch, sends what it has answered, and begins another: between the pieces of a long request. */
  breathe(): void {
    this.leave()
    this.send()
    this.enter()
  }

  /** Waits for bytes; `wanted` from the inbox's head on are to fit. */
  receive(wanted: number): void {
    if (!this.inbox.receive(this.#stream, wanted)) this.end ??= { reason: 'closed' }
  }

  send(): void {
    const { byteLength, start } = this.replies
    if (byteLength === 0) return
    if (!this.#stream.send(start, byteLength)) this.end ??= { reason: 'closed' }
    this.replies.clear()
  }
}
