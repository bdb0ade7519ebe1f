/**
 * A device of an engine, opened on a thread that has a seat there. Requests run on this thread: the synchronous ones at once, the
 * asynchronous ones one after the other in a microtask, when nothing keeps the device suspended.
 */
import { errnoName } from '../base/errno-name.js'
import { CowringError, type ErrorCode } from '../base/errors.js'
import { failureOf, rangeRefusal } from '../coordinator/request-checks.js'
import { operation } from '../wire/operation.js'
import type { Seat } from './seat.js'
import type { SeatRequests } from './seat-requests.js'
import type { OpenedDevice } from './seat-token.js'

export interface AttachedVolumeParts {
  readonly seat: Seat
  readonly requests: SeatRequests
  readonly opened: OpenedDevice
  /** Keeps the thread's event loop going until the returned function is called. */
  readonly keepAlive: () => () => void
  readonly onClose: (volume: AttachedVolume) => Promise<void>
}

const whys: Partial<Record<ErrorCode, string>> = {
  DEVICE_CLOSED: 'it was closed, or its device removed; open it again to use it',
  OUT_OF_RANGE: 'its device got a table that ends before it',
  READ_ONLY: 'its device got a read-only table',
  WORKER_DIED: 'a worker thread died; the device is unharmed, try again',
  SNAPSHOT_INVALID: 'the snapshot is invalid; remove it',
  SNAPSHOT_OVERFLOW: 'its store is full; it can still be read. Copy what you need, or take a new one with a larger COW',
  NOT_SUPPORTED: 'it takes no discards there; use writeZeroes',
}

export class AttachedVolume implements AsyncDisposable {
  readonly #seat: Seat
  readonly #requests: SeatRequests
  readonly #opened: OpenedDevice
  readonly #keepAlive: () => () => void
  readonly #onClose: (volume: AttachedVolume) => Promise<void>
  /** Asynchronous requests in the order they were made. Each answers false if it could not be let in yet. */
  readonly #waiting: (() => boolean)[] = []
  #closed = false

  /** Made by `attached.open()`. */
  constructor({ keepAlive, onClose, opened, requests, seat }: AttachedVolumeParts) {
    this.#seat = seat
    this.#requests = requests
    this.#opened = opened
    this.#keepAlive = keepAlive
    this.#onClose = onClose
  }

  get name(): string {
    return this.#opened.name
  }

  /** Size in bytes when it was opened, a multiple of 512. */
  get sizeBytes(): number {
    return this.#opened.sizeBytes
  }

  get readOnly(): boolean {
    return this.#opened.readOnly
  }

  /**
   * Reads from `offset` (bytes, a multiple of 512) on this thread, which waits while the device is suspended. With a length it returns a
   * new Uint8Array; with a Uint8Array it fills that. Sees every write that was answered before, on whatever thread.
   * Throws INVALID_ARGUMENT, OUT_OF_RANGE, DEVICE_CLOSED, IO_ERROR, WORKER_DIED; of a snapshot also SNAPSHOT_INVALID.
   */
  readSync(offset: number, lengthOrInto: number | Uint8Array): Uint8Array {
    const byteLength = typeof lengthOrInto === 'number' ? lengthOrInto : lengthOrInto.byteLength
    this.#check(offset, byteLength, false)
    const into = typeof lengthOrInto === 'number' ? new Uint8Array(byteLength) : lengthOrInto
    this.#must(this.#requests.read(this.#opened.device, offset, into), operation.read, offset, byteLength)
    return into
  }

  /**
   * Writes `bytes` at `offset` (both whole sectors) on this thread, which waits while the device is suspended. When it returns, every
   * later read sees them, on whatever thread; atomicity and durability are those of `Volume.write`.
   * Throws what `readSync` throws, READ_ONLY, and of a snapshot SNAPSHOT_OVERFLOW.
   */
  writeSync(offset: number, bytes: Uint8Array): void {
    const { byteLength } = bytes
    this.#check(offset, byteLength, true)
    this.#must(this.#requests.write(this.#opened.device, offset, bytes), operation.write, offset, byteLength)
  }

  /** Makes durable whatever was answered before, on whatever thread. Throws DEVICE_CLOSED, IO_ERROR, SNAPSHOT_INVALID. */
  flushSync(): void {
    this.#check(0, 0, false)
    this.#must(this.#requests.flush(this.#opened.device), operation.flush, 0, 0)
  }

  /** As `Volume.writeZeroes`, on this thread. Throws what `writeSync` throws. */
  writeZeroesSync(offset: number, byteLength: number): void {
    this.#check(offset, byteLength, true)
    this.#must(this.#requests.zero(this.#opened.device, offset, byteLength), operation.zero, offset, byteLength)
  }

  /** As `Volume.discard`, on this thread. Throws what `writeSync` throws, and NOT_SUPPORTED. */
  discardSync(offset: number, byteLength: number): void {
    this.#check(offset, byteLength, true)
    this.#must(this.#requests.discard(this.#opened.device, offset, byteLength), operation.discard, offset, byteLength)
  }

  /**
   * As `readSync`, but a suspended device does not stop the thread: the request waits. It is carried out on this thread, after what it is
   * doing now. Rejects with what `readSync` throws.
   */
  read(offset: number, lengthOrInto: number | Uint8Array): Promise<Uint8Array> {
    return this.#later(() => this.readSync(offset, lengthOrInto))
  }

  /** As `writeSync`, and see `read`. The buffer must not change until it resolves. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#later(() => this.writeSync(offset, bytes))
  }

  /** As `flushSync`, and see `read`. */
  flush(): Promise<void> {
    return this.#later(() => this.flushSync())
  }

  /** As `writeZeroesSync`, and see `read`. */
  writeZeroes(offset: number, byteLength: number): Promise<void> {
    return this.#later(() => this.writeZeroesSync(offset, byteLength))
  }

  /** As `discardSync`, and see `read`. */
  discard(offset: number, byteLength: number): Promise<void> {
    return this.#later(() => this.discardSync(offset, byteLength))
  }

  /** The device can be removed then. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#onClose(this)
  }

  /** The engine's thread has ended, and with it the files that are behind the device. */
  end(): void {
    this.#closed = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #later<Result>(request: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(request())
        } catch (error) {
          if (error instanceof CowringError && error.code === 'DEVICE_BUSY') return false
          reject(error)
        }
        return true
      })
      if (this.#waiting.length === 1) void this.#carryOutSoon()
    })
  }

  /** In the order they were made; none before the device's gate is open. */
  async #carryOutSoon(): Promise<void> {
    const release = this.#keepAlive()
    while (this.#waiting.length > 0) {
      // At least one turn of the microtasks, so that requests made together go together.
      await this.#seat.whenOpen(this.#opened.device)
      this.#carryOut()
    }
    release()
  }

  /** As many as are let in before the device is held again. */
  #carryOut(): void {
    this.#requests.waits = false
    while (this.#waiting[0]?.() === true) this.#waiting.shift()
    this.#requests.waits = true
  }

  #check(offset: number, byteLength: number, writes: boolean): void {
    const { name, readOnly, sizeBytes } = this.#opened
    if (this.#closed)
      throw new CowringError('DEVICE_CLOSED', `${name} is closed; open it again to use it`, { device: name })
    const refused = rangeRefusal(name, sizeBytes, offset, byteLength)
    if (refused !== undefined) throw refused
    if (writes && readOnly) {
      const text = `${name} was opened read-only; open it writable to write`
      throw new CowringError('READ_ONLY', text, { device: name, byteOffset: offset, byteLength })
    }
  }

  #must(status: number, asked: number, byteOffset: number, byteLength: number): void {
    if (status === 0) return
    const failed = { operation: asked, byteOffset, byteLength, status, errno: this.#requests.lastErrno }
    throw failureOf(
      this.name,
      failed,
      (code, errno) => whys[code] ?? `the system answered ${errnoName(errno)} on a device below it`,
    )
  }
}
