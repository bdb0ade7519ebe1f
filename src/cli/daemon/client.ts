/** A connection to the daemon, from the side of a command. */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { CowringError } from '../../index.js'
import { decodeBody, encodeFrame, FrameCutter } from './frames.js'
import { type DaemonReply, type DaemonVerb, errorFromWire } from './protocol.js'

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class DaemonClient {
  readonly #socket: Socket
  readonly #cutter = new FrameCutter()
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  /** Why there is no connection any more. */
  #ended: Error | undefined

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    socket.on('data', (piece: Buffer) => this.#receive(piece))
    socket.on('error', () => {})
    socket.on('close', () => {
      const text = `the daemon on ${path} closed the connection before it answered; its log says why`
      this.#fail(new CowringError('ENGINE_CLOSED', text, { path }))
    })
  }

  /** Fails with DEVICE_MISSING if nobody listens there. */
  static async connect(path: string): Promise<DaemonClient> {
    const socket = createConnection(path)
    try {
      await once(socket, 'connect')
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      const isAbsent = reason === 'ENOENT' || reason === 'ECONNREFUSED'
      const text = isAbsent
        ? `no daemon listens on ${path}; start one with 'cowring daemon --socket ${path}'`
        : `cannot reach the daemon on ${path} (${reason})`
      throw new CowringError('DEVICE_MISSING', text, { path, reason })
    }
    return new DaemonClient(socket, path)
  }

  /** Fails as the verb does, and with ENGINE_CLOSED if the connection ends first. */
  call(verb: DaemonVerb, words: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      try {
        this.#socket.write(encodeFrame({ id, verb, words }))
      } catch (error) {
        this.#pending.delete(id)
        reject(error)
      }
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(piece: Buffer): void {
    try {
      for (const body of this.#cutter.push(piece)) this.#settle(decodeBody(body) as DaemonReply)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
      this.#socket.destroy()
    }
  }

  #settle(reply: DaemonReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(errorFromWire(reply.error))
    else pending?.resolve(reply.value)
  }

  #fail(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
