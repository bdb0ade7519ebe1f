/**
 * One connection to an NBD server, for one thread: requests in flight by slots, sent in batches, answered in any order.
 *
 *   submit(0, command.read, 0, 4096)        into the outbox
 *   submit(1, command.write, 8192, 4096)    into the outbox
 *   wait(-1) → 1                            both are sent; the thread sleeps until something is answered
 *   completed[0] → 1, errno[0] → 0
 *
 * Guarantees: no object per request. While the server takes nothing because it wants its answers taken, they are taken, so two
 * full sockets never wait for each other. Whatever the server does wrong is one IO_ERROR; then the queue is of no more use, and
 * every later call fails with the same.
 * Requires: the slots' buffers lie in memory that does not move (a SharedArrayBuffer, a WebAssembly.Memory) and are nobody else's
 * between `submit` and completion. Offsets and lengths are multiples of `facts.minimumBytes`.
 * Leaves out on purpose: requests that the server's facts rule out are sent all the same, but for those that would end the
 * connection; the server's answer is what its client is measured with.
 */
import { assert } from '../../base/assert.js'
import { CowringError } from '../../base/errors.js'
import { libc, socketCalls } from '../../io/libc.js'
import type { ExportAddress } from '../parse-uri.js'
import { command, requestBytes, requestMagic } from '../protocol.js'
import { uriOf } from '../uri.js'
import { broken } from './broken.js'
import { connectSocket } from './connect-socket.js'
import type { ExportFacts } from './export-facts.js'
import { shakeHands } from './handshake.js'
import { HandshakeSocket } from './handshake-socket.js'
import { Inbox } from './inbox.js'
import { Outbox, sendResult } from './outbox.js'
import { Readiness } from './readiness.js'
import { Slots } from './slots.js'

/** The commands that a queue sends, by the protocol's numbers. */
export type QueueCommand = typeof command.read | typeof command.write | typeof command.flush | typeof command.trim

export interface NbdQueueOptions {
  /** One buffer for each request in flight; a read or write is at most as long as its slot's. */
  readonly slots: readonly Uint8Array[]
  /** For connecting, and again for the handshake. 10 seconds by default. */
  readonly handshakeMs?: number
}

const handshakeMsDefault = 10_000
const noSignal = 0x4000
const doNotWait = 0x40

export class NbdQueue {
  readonly uri: string
  readonly facts: ExportFacts
  /** The first so many of these that `wait` answered: which slots are done, and each one's error, 0 if it has none. */
  readonly completed: Int32Array
  readonly errno: Int32Array
  readonly #fd: number
  readonly #slots: Slots
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  readonly #readiness: Readiness
  #failure: CowringError | undefined
  #isClosed = false

  private constructor(fd: number, uri: string, facts: ExportFacts, buffers: readonly Uint8Array[]) {
    this.uri = uri
    this.facts = facts
    this.#fd = fd
    this.#slots = new Slots(buffers)
    this.completed = this.#slots.completed
    this.errno = this.#slots.errno
    this.#outbox = new Outbox(fd, this.#slots)
    this.#inbox = new Inbox(fd, this.#slots, uri)
    this.#readiness = new Readiness(fd)
  }

  /**
   * Connects, and blocks until the export is agreed on. Fails with DEVICE_MISSING (no server, no such host or export),
   * NOT_SUPPORTED (the server wants TLS, or does not speak the handshake), IO_ERROR.
   */
  static connect({ exportName, server }: ExportAddress, options: NbdQueueOptions): NbdQueue {
    const { handshakeMs = handshakeMsDefault, slots } = options
    const uri = uriOf(server, exportName, false)
    const fd = connectSocket(server, handshakeMs)
    try {
      const facts = shakeHands(new HandshakeSocket(fd, uri, handshakeMs), exportName, uri)
      return new NbdQueue(fd, uri, facts, slots)
    } catch (error) {
      socketCalls().close(fd)
      throw error
    }
  }

  /** Requests that were submitted and are not completed. */
  get inFlight(): number {
    return this.#slots.inFlight
  }

  /**
   * Queues a request; offset and length in bytes, both 0 for a flush. It is sent by the next `wait`.
   * Fails with INVALID_ARGUMENT (longer than the server takes), IO_ERROR (of an earlier call).
   */
  submit(slot: number, type: QueueCommand, offset: number, byteLength: number): void {
    this.#check()
    const hasBytes = type === command.read || type === command.write
    if (hasBytes) {
      assert(byteLength > 0 && byteLength <= this.#slots.capacityOf(slot), 'a request fits its slot')
      if (byteLength > this.facts.maximumBytes) throw this.#tooLong(byteLength)
    }
    this.#slots.begin(slot, type === command.write ? byteLength : 0, type === command.read ? byteLength : 0)
    this.#outbox.append(slot, type, offset, byteLength)
  }

  /**
   * Sends what is queued, and blocks until at least one request is answered or `timeoutMs` is over (0: does not block; -1: for
   * ever; may have a fraction). Answers how many slots are done. With nothing in flight it sleeps for its time. Fails with IO_ERROR.
   */
  wait(timeoutMs: number): number {
    this.#check()
    assert(timeoutMs >= 0 || this.#slots.inFlight > 0, 'who waits for ever waits for something')
    this.#slots.completedCount = 0
    try {
      return this.#waitUntil(timeoutMs > 0 ? performance.now() + timeoutMs : timeoutMs)
    } catch (error) {
      if (error instanceof CowringError) this.#failure = error
      throw error
    }
  }

  /** Says goodbye if that can be done at once, and closes the socket. What is in flight is never completed. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#failure === undefined && this.#outbox.isEmpty) this.#disconnect()
    socketCalls().close(this.#fd)
  }

  /**
   * `endMs` 0: no waiting, negative: for ever. It sleeps at once, without looking and yielding as the server's threads do: that
   * won at depth 1 on an idle machine, and lost most of the requests where both sides yielded to strangers.
   */
  #waitUntil(endMs: number): number {
    const slots = this.#slots
    for (;;) {
      const sent = this.#outbox.send()
      while (this.#inbox.receive() && slots.completedCount === 0);
      if (slots.completedCount > 0 || endMs === 0) return slots.completedCount
      if (sent === sendResult.gone) throw broken(this.uri, 'takes no more requests')
      const leftMs = endMs < 0 ? -1 : endMs - performance.now()
      if (endMs > 0 && leftMs <= 0) return 0
      this.#readiness.sleep(leftMs, sent === sendResult.full)
    }
  }

  #check(): void {
    assert(!this.#isClosed, 'a queue that is closed is not used')
    if (this.#failure !== undefined) throw this.#failure
  }

  #tooLong(byteLength: number): CowringError {
    const { maximumBytes } = this.facts
    const text = `a request of ${byteLength} bytes is longer than ${this.uri} takes; ask for at most ${maximumBytes}`
    return new CowringError('INVALID_ARGUMENT', text, { device: this.uri, byteLength })
  }

  #disconnect(): void {
    const bytes = Buffer.from(new SharedArrayBuffer(requestBytes))
    bytes.writeUInt32BE(requestMagic)
    bytes.writeUInt16BE(command.disc, 6)
    socketCalls().send(this.#fd, libc().addressOf(bytes), requestBytes, noSignal | doNotWait)
  }
}
