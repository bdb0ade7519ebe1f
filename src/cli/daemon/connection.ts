/**
 * One client: cuts its bytes into requests, carries them out one after the other, answers in that order.
 *
 * Guarantees: whatever arrives, at worst this connection is closed, with one line in the log. A client that goes away ends its
 * `wait` and its volumes are closed.
 */
import type { Socket } from 'node:net'
import { CowringError } from '../../index.js'
import { BadRequest, checkRequest } from './check-request.js'
import { decodeBody, encodeFrame, FrameCutter, FrameError } from './frames.js'
import { type DaemonReply, errorOnWire } from './protocol.js'
import type { Session } from './session.js'

/** Requests that wait for the one before them. More mean that a client does not read its answers. */
const requestsMax = 16

export class Connection {
  readonly #socket: Socket
  readonly #session: Session
  readonly #log: (line: string) => void
  readonly #cutter = new FrameCutter()
  readonly #ends = new AbortController()
  readonly #waiting: Buffer[] = []
  readonly #closed: Promise<void>
  #working: Promise<void> | undefined
  #isDraining = false
  #isRefused = false

  constructor(socket: Socket, session: Session, log: (line: string) => void) {
    this.#socket = socket
    this.#session = session
    this.#log = log
    socket.on('data', (piece: Buffer) => this.#receive(piece))
    // A reset is a way of going away; 'close' follows.
    socket.on('error', () => {})
    this.#closed = new Promise<void>((resolve) => socket.once('close', () => resolve())).then(() => this.#wentAway())
  }

  /** Resolves when the socket and all it had opened are closed. */
  get closed(): Promise<void> {
    return this.#closed
  }

  /** Takes no more requests, ends a `wait`, lets the running request finish and answers it. */
  async drain(): Promise<void> {
    this.#isDraining = true
    this.#waiting.length = 0
    this.#ends.abort(new CowringError('ENGINE_CLOSED', 'the daemon is stopping; start another one'))
    await this.#working
    this.#socket.destroySoon()
    await this.#closed
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(piece: Buffer): void {
    if (this.#isDraining || this.#socket.destroyed) return
    try {
      this.#waiting.push(...this.#cutter.push(piece))
      if (this.#waiting.length > requestsMax) {
        throw new FrameError(`more than ${requestsMax} requests wait for their answers`)
      }
    } catch (error) {
      this.#refuse(error)
      return
    }
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  async #work(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) {
      let reply: DaemonReply
      try {
        reply = await this.#answer(body)
      } catch (error) {
        return this.#refuse(error)
      }
      if (this.#socket.destroyed) return
      if (!this.#socket.write(replyFrame(reply))) await this.#hasRoom()
    }
  }

  async #answer(body: Buffer): Promise<DaemonReply> {
    const request = checkRequest(decodeBody(body))
    const { id } = request
    try {
      return { id, value: await this.#session.perform(request, this.#ends.signal) }
    } catch (error) {
      if (!(error instanceof CowringError)) this.#log(`'${request.verb}' failed: ${stackOf(error)}`)
      return { id, error: errorOnWire(error) }
    }
  }

  /** Until the client has read some, or is gone. */
  #hasRoom(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done).off('close', done)
        resolve()
      }
      this.#socket.on('drain', done).on('close', done)
    })
  }

  #refuse(error: unknown): void {
    this.#waiting.length = 0
    if (this.#socket.destroyed) return
    this.#isRefused = true
    const isTheirs = error instanceof FrameError || error instanceof BadRequest
    this.#log(`a connection is closed: ${isTheirs ? error.message : stackOf(error)}`)
    this.#socket.destroy()
  }

  async #wentAway(): Promise<void> {
    if (this.#cutter.pendingBytes > 0 && !this.#isDraining && !this.#isRefused) {
      this.#log(`a connection ended in the middle of a frame, after ${this.#cutter.pendingBytes} bytes of it`)
    }
    this.#waiting.length = 0
    this.#ends.abort(new CowringError('DEVICE_CLOSED', 'the client went away'))
    await this.#working
    await this.#session.close()
  }
}

/** An answer that does not fit is answered by saying so. */
function replyFrame(reply: DaemonReply): Buffer {
  try {
    return encodeFrame(reply)
  } catch (error) {
    return encodeFrame({ id: reply.id, error: { message: error instanceof Error ? error.message : String(error) } })
  }
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
