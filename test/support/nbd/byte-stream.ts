/** A connection as a client reads it: so many bytes at a time, in order. It can stall, and it can change to TLS. */
import { connect as connectSocket, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

/** Where a server listens. */
export type Where = { readonly path: string } | { readonly host: string; readonly port: number }

/** The server hung up while something was expected of it. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
}

interface Waiting {
  readonly byteLength: number
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: Error) => void
}

/** How long a test waits for bytes that must come; a server that waits for more than it must is found by it. */
const patienceMsDefault = 15_000

export class ByteStream {
  /** Resolves when nothing more will come, whoever ended it. */
  readonly ended: Promise<void>
  patienceMs = patienceMsDefault
  readonly #socket: Socket | TLSSocket
  readonly #hasResets: boolean
  readonly #pieces: Buffer[] = []
  #byteLength = 0
  #isOver = false
  #waiting: Waiting | undefined

  constructor(socket: Socket | TLSSocket) {
    this.#socket = socket
    this.#hasResets = socket.remoteFamily !== undefined
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true
        this.#serve()
        resolve()
      }
      socket.once('end', end)
      socket.once('close', end)
    })
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.#byteLength += piece.length
      this.#serve()
    })
  }

  static connect(where: Where): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      const socket = 'path' in where ? connectSocket(where) : connectSocket({ ...where, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new ByteStream(socket))
      })
    })
  }

  send(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  /** Resolves when the system has taken everything that was sent. */
  sent(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => resolve())
    })
  }

  /** The next bytes, exactly so many. One call at a time. Fails with HungUp. */
  async take(byteLength: number): Promise<Buffer> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.#waiting = { byteLength, resolve, reject }
        if (Number.isFinite(this.patienceMs)) {
          const late = `of ${byteLength} bytes only ${this.#byteLength} came in ${this.patienceMs} ms`
          timer = setTimeout(() => reject(new Error(late)), this.patienceMs)
        }
        this.#serve()
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** How many bytes have come that nobody took. */
  get unread(): number {
    return this.#byteLength
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Reads nothing more until `resume`: the system's buffers fill, and then the server's sends wait. */
  stall(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Says that nothing more will be sent; reading goes on. */
  finish(): void {
    this.#socket.end()
  }

  /** Goes away without a word. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Goes away with a reset, where the system has them. */
  reset(): void {
    if (this.#hasResets) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  /** Begins TLS on this connection; this stream must not be used afterwards. */
  startTls(options: ConnectionOptions): Promise<ByteStream> {
    this.#socket.removeAllListeners('data')
    return new Promise((resolve, reject) => {
      const socket = connectTls({ ...options, socket: this.#socket })
      socket.once('error', reject)
      socket.once('close', () => reject(new HungUp('the server hung up during the handshake of TLS')))
      socket.once('secureConnect', () => resolve(new ByteStream(socket)))
    })
  }

  #serve(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    if (this.#byteLength >= waiting.byteLength) {
      this.#waiting = undefined
      waiting.resolve(this.#cut(waiting.byteLength))
    } else if (this.#isOver) {
      this.#waiting = undefined
      waiting.reject(new HungUp(`the server hung up after ${this.#byteLength} of ${waiting.byteLength} bytes`))
    }
  }

  #cut(byteLength: number): Buffer {
    const first = this.#pieces[0]
    if (first !== undefined && first.length > byteLength) {
      this.#pieces[0] = first.subarray(byteLength)
      this.#byteLength -= byteLength
      return first.subarray(0, byteLength)
    }
    const taken: Buffer[] = []
    for (let missing = byteLength; missing > 0; ) {
      const piece = this.#pieces.shift() ?? Buffer.alloc(0)
      if (piece.length > missing) this.#pieces.unshift(piece.subarray(missing))
      const part = piece.subarray(0, missing)
      taken.push(part)
      missing -= part.length
    }
    this.#byteLength -= byteLength
    return taken.length === 1 ? (taken[0] ?? Buffer.alloc(0)) : Buffer.concat(taken)
  }
}
