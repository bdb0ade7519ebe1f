/** A blocking socket during the handshake: exactly so many bytes at a time, and not later than a deadline. */
import { errno } from '../../io/block-file.js'
import { libc, socketCalls } from '../../io/libc.js'
import { broken } from './broken.js'
import { Readiness } from './readiness.js'

const noSignal = 0x4000
const doNotWait = 0x40

export class HandshakeSocket {
  readonly #fd: number
  readonly #uri: string
  readonly #readiness: Readiness
  readonly #deadlineMs: number
  readonly #timeoutMs: number

  constructor(fd: number, uri: string, timeoutMs: number) {
    this.#fd = fd
    this.#uri = uri
    this.#readiness = new Readiness(fd)
    this.#timeoutMs = timeoutMs
    this.#deadlineMs = performance.now() + timeoutMs
  }

  /** Fails with IO_ERROR; so does `write`. */
  read(byteLength: number): Buffer {
    return this.#move(Buffer.from(new SharedArrayBuffer(byteLength)), false)
  }

  write(bytes: Uint8Array): void {
    const shared = Buffer.from(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    this.#move(shared, true)
  }

  #move(bytes: Buffer, isOut: boolean): Buffer {
    if (bytes.length === 0) return bytes
    const { recv, send } = socketCalls()
    const address = libc().addressOf(bytes)
    for (let moved = 0; moved < bytes.length; ) {
      const left = bytes.length - moved
      const count = isOut
        ? send(this.#fd, address + moved, left, noSignal | doNotWait)
        : recv(this.#fd, address + moved, left, doNotWait)
      if (count > 0) moved += count
      else if (count === 0) throw broken(this.#uri, 'hung up during the handshake')
      else this.#waitAfterFailure(isOut)
    }
    return bytes
  }

  #waitAfterFailure(isOut: boolean): void {
    const number = libc().lastErrno()
    if (number !== errno.EAGAIN && number !== errno.EINTR) throw broken(this.#uri, 'broke off the handshake', number)
    const leftMs = this.#deadlineMs - performance.now()
    if (leftMs <= 0) throw broken(this.#uri, `did not finish the handshake in ${this.#timeoutMs / 1000} s`)
    this.#readiness.sleep(leftMs, isOut)
  }
}
