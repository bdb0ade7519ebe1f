/** An engine as a thread that has a seat in it sees it. */
import { CowringError, type ErrorCode } from '../base/errors.js'
import { AttachedVolume } from './attached-volume.js'
import { Seat } from './seat.js'
import { SeatRequests } from './seat-requests.js'
import {
  type CallAnswer,
  isAnswer,
  type OpenedDevice,
  type SeatCall,
  type SeatMail,
  type SeatToken,
} from './seat-token.js'

/** A call without the number that this file gives it. */
type Numbered<Call> = Call extends { readonly id: number } ? Omit<Call, 'id'> : never

export class AttachedEngine implements AsyncDisposable {
  readonly #token: SeatToken
  readonly #seat: Seat
  readonly #requests: SeatRequests
  readonly #volumes = new Set<AttachedVolume>()
  readonly #calls = new Map<number, (answer: CallAnswer) => void>()
  #nextCall = 1
  /** How many keep the thread going. */
  #holders = 0
  #closed = false
  #closing: Promise<void> | undefined

  /** Made by `Engine.attach()`. */
  constructor(token: SeatToken) {
    this.#token = token
    this.#seat = Seat.take(token)
    this.#requests = new SeatRequests(this.#seat, (device) =>
      this.#requests.waits ? this.#seat.enter(device) : this.#seat.tryEnter(device),
    )
    this.#seat.onAnswer = (answer) => this.#take(answer)
    // Between requests the thread hears at once, so that what it has forgotten can go.
    token.port.on('message', (mail: SeatMail) => {
      if (isAnswer(mail)) this.#take(mail)
      else this.#seat.listen(mail)
    })
    token.port.on('close', () => this.#end())
    token.port.unref()
  }

  /**
   * Memory of the arena that is this thread's alone: what is read into it or written from it is not copied, but by asynchronous
   * requests. The same bytes at every call.
   */
  get buffer(): Uint8Array {
    const { arena, bufferBytes, bufferOffset } = this.#seat
    return arena.subarray(bufferOffset, bufferOffset + bufferBytes)
  }

  /**
   * Opens a device of the engine by its name there: an origin's or a snapshot's `deviceName`, or one of `engine.mapper`. It is open,
   * and cannot be removed, until the volume is closed or this thread ends.
   * Fails with DEVICE_MISSING, DEVICE_CLOSED.
   */
  async open(name: string, options: { readonly readOnly?: boolean } = {}): Promise<AttachedVolume> {
    const readOnly = options.readOnly ?? false
    const { id, opened } = await this.#call({ kind: 'open', name, readOnly })
    const volume = new AttachedVolume({
      seat: this.#seat,
      requests: this.#requests,
      opened: opened as OpenedDevice,
      keepAlive: () => this.#keepAlive(),
      onClose: async (closed) => {
        this.#volumes.delete(closed)
        if (!this.#closed) await this.#call({ kind: 'close', opened: id })
      },
    })
    this.#volumes.add(volume)
    return volume
  }

  /** Closes its volumes and gives the seat back. Closing again does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#closed) return
    await Promise.all([...this.#volumes].map((volume) => volume.close()))
    this.#closed = true
    this.#seat.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #call(call: Numbered<SeatCall>): Promise<CallAnswer> {
    if (this.#closed) throw closed()
    const id = this.#nextCall++
    const release = this.#keepAlive()
    try {
      const answer = await new Promise<CallAnswer>((resolve) => {
        this.#calls.set(id, resolve)
        this.#token.port.postMessage({ ...call, id })
      })
      if (answer.error === undefined) return answer
      const { code, facts, message } = answer.error
      throw new CowringError(code as ErrorCode, message, facts)
    } finally {
      release()
    }
  }

  /** A thread that waits for the engine does not end meanwhile. */
  #keepAlive(): () => void {
    const { port } = this.#token
    this.#holders++
    port.ref()
    return () => {
      this.#holders--
      if (this.#holders === 0) port.unref()
    }
  }

  #take(answer: CallAnswer): void {
    const resolve = this.#calls.get(answer.id)
    this.#calls.delete(answer.id)
    resolve?.(answer)
  }

  /** The engine's thread has ended, or the seat was given back. */
  #end(): void {
    this.#closed = true
    for (const volume of this.#volumes) volume.end()
    const error = { code: 'ENGINE_CLOSED', message: closed().message, facts: {} }
    for (const id of [...this.#calls.keys()]) this.#take({ kind: 'answer', id, error })
  }
}

const closed = (): CowringError =>
  new CowringError('ENGINE_CLOSED', 'the engine, or this thread’s seat in it, is closed; attach with another token')
