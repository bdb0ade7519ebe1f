/**
 * A volume: what a caller reads and writes, an origin or a snapshot. Checks a request once, here at the top, and hands it
 * on; everything below may assert what this file guarantees: whole sectors, inside the volume, volume open, writable.
 */
import { present } from '../base/assert.js'
import { CowringError, type ErrorCode, errorCodeOf } from '../base/errors.js'
import { operation } from '../wire/operation.js'
import type { Route } from '../wire/route.js'
import type { Client } from './client.js'
import { Gate } from './gate.js'
import type { InPlace, PlaceFacts } from './in-place.js'
import { failureOf, rangeRefusal } from './request-checks.js'
import type { Transfer, TransferTarget } from './transfer.js'
import { zeroInPieces } from './zero-in-pieces.js'

/** What a volume's device is now. One record for all that are open on it, changed while it is drained. */
export interface VolumeState {
  route: Route
  sizeBytes: number
  readOnly: boolean
  /** What a buffer in the arena must be aligned to so that it can be read and written without a copy. */
  bufferAlignment: number
}

export interface VolumeFacts {
  readonly state: VolumeState
  readonly name: string
  readonly path: string | undefined
  /** Opened read-only, whatever the device is. */
  readonly readOnly: boolean
  /** Where its requests in place go; a volume without one has none. */
  readonly place?: PlaceFacts
}

let takenResolve: (value: Uint8Array) => void
let takenReject: (error: Error) => void
/** One executor for all promises, so that a request does not make a closure. */
const takeResolvers = (resolve: (value: Uint8Array) => void, reject: (error: Error) => void): void => {
  takenResolve = resolve
  takenReject = reject
}

const noBytes = new Uint8Array(0)

/** Found out only when the request could go on: it had waited while its device was suspended. */
const foundLate: Partial<Record<ErrorCode, string>> = {
  DEVICE_CLOSED: 'while it waited its volume was closed, or its device removed; open it again to use it',
  OUT_OF_RANGE: 'while it waited its device got a table that ends before it',
  READ_ONLY: 'while it waited its device got a read-only table',
}

/** What this thread cannot do without waiting for itself; in words that follow a volume's name. */
const whyNotInPlace: Partial<Record<ErrorCode, string>> = {
  DEVICE_BUSY:
    'is suspended, or one of its snapshots is being merged, and this thread cannot wait for itself: use the asynchronous request',
  NOT_SUPPORTED: 'writes to copy-on-write volumes below it, which workers do: use the asynchronous request',
  WORKER_DIED:
    'kept a request waiting for ten seconds: the worker that it waits for has died or hangs. Whether it is carried out is not known; ' +
    'asynchronous requests go on when the worker has been replaced',
}

export abstract class Volume implements TransferTarget {
  readonly #client: Client
  readonly #arena: ArrayBufferLike
  readonly #facts: VolumeFacts
  readonly #state: VolumeState
  readonly gate: Gate<Transfer>
  #closed = false
  /** What does its requests in place, and by which number, once one was asked for. */
  #requests: InPlace | undefined
  #deviceNumber = -1

  protected constructor(client: Client, arena: ArrayBufferLike, facts: VolumeFacts, gate?: Gate<Transfer>) {
    this.#client = client
    this.#arena = arena
    this.#facts = facts
    this.#state = facts.state
    this.gate = gate ?? new Gate<Transfer>((transfer) => client.begin(transfer))
  }

  /** The name it was opened under: given, or the file's. */
  get name(): string {
    return this.#facts.name
  }

  /** Size in bytes, a multiple of 512. */
  get sizeBytes(): number {
    return this.#state.sizeBytes
  }

  get readOnly(): boolean {
    return this.#facts.readOnly || this.#state.readOnly
  }

  get route(): Route {
    return this.#state.route
  }

  /**
   * Reads from `offset` (bytes, a multiple of 512).
   *
   * With a length (bytes, a multiple of 512) it resolves with a new Uint8Array; with a Uint8Array it fills that and resolves
   * with it. A buffer from `engine.alloc` is filled without a copy. Sees every write that resolved before the call; where a
   * write is in flight, it may see any mix of its bytes and the old ones. Fails with INVALID_ARGUMENT, OUT_OF_RANGE, DEVICE_CLOSED, IO_ERROR,
   * WORKER_DIED; on a snapshot also SNAPSHOT_INVALID.
   */
  read(offset: number, lengthOrInto: number | Uint8Array): Promise<Uint8Array> {
    const byteLength = typeof lengthOrInto === 'number' ? lengthOrInto : lengthOrInto.byteLength
    const refused = this.#refuse(offset, byteLength, false)
    if (refused !== undefined) return Promise.reject(refused)
    const into = typeof lengthOrInto === 'number' ? new Uint8Array(byteLength) : lengthOrInto
    return this.#submit(operation.read, offset, byteLength, into)
  }

  /**
   * Writes `bytes` at `offset` (both whole sectors of 512 bytes).
   *
   * Resolves when every later read sees them; `flush()` makes them durable. The buffer must not change until it resolves.
   * Pieces that must copy a chunk are applied one at a time. Of writes in flight that overlap, either may win in each sector
   * (in memory volumes, each byte). A write over several chunks may land in part if it rejects, and a crash may leave any
   * sector of an unfinished write old or new. Fails with INVALID_ARGUMENT, OUT_OF_RANGE, READ_ONLY, DEVICE_CLOSED,
   * IO_ERROR, WORKER_DIED; on a snapshot also SNAPSHOT_INVALID, SNAPSHOT_OVERFLOW.
   */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    const refused = this.#refuse(offset, bytes.byteLength, true)
    if (refused !== undefined) return Promise.reject(refused)
    return this.#submit(operation.write, offset, bytes.byteLength, bytes) as Promise<unknown> as Promise<void>
  }

  /**
   * Writes `byteLength` zeroes at `offset` (both bytes, multiples of 512), without a buffer of them.
   *
   * Visibility, durability and atomicity are those of `write`. Where nothing has to be copied first, the range becomes a
   * hole of the origin's file, if its file system has holes; elsewhere zeroes are written, with bounded memory, and take as
   * long as writing takes. A snapshot that is taken meanwhile has some of them. Fails with what `write` fails with.
   */
  async writeZeroes(offset: number, byteLength: number): Promise<void> {
    const refused = this.#refuse(offset, byteLength, true)
    if (refused !== undefined) throw refused
    await zeroInPieces(
      offset,
      offset + byteLength,
      (at, length) => this.#zeroInPlace(at, length),
      (at, bytes) => this.write(at, bytes),
    )
  }

  /**
   * Tells the system that nothing needs the `byteLength` bytes at `offset` any more (both bytes, multiples of 512).
   *
   * The range of an origin reads as zeroes afterwards, and its file gets smaller on its disk. An origin with snapshots takes
   * no discards, and a snapshot takes them only if it was made to. Where one is refused use `writeZeroes`. A discard may be
   * done in part if it rejects. `flush()` makes it durable. Fails with NOT_SUPPORTED, INVALID_ARGUMENT, OUT_OF_RANGE,
   * READ_ONLY, DEVICE_CLOSED, IO_ERROR, WORKER_DIED; on a snapshot also SNAPSHOT_INVALID, SNAPSHOT_OVERFLOW. Source: the
   * `snapshot` target's features `discard_zeroes_cow` and `discard_passdown_origin`.
   */
  async discard(offset: number, byteLength: number): Promise<void> {
    const refused = this.#refuse(offset, byteLength, true)
    if (refused !== undefined) throw refused
    await this.#submit(operation.discard, offset, byteLength, noBytes)
  }

  /**
   * Makes every write that has resolved durable: of an origin in its file, of a snapshot in its store. Once it has failed, an
   * origin's goes on failing until the origin is closed and opened again, since what was written before may be lost and the
   * system says so once; a persistent snapshot of durability `power-loss` is invalid then.
   * Fails with DEVICE_CLOSED, IO_ERROR, WORKER_DIED; on a snapshot also SNAPSHOT_INVALID.
   */
  async flush(): Promise<void> {
    const refused = this.#refuse(0, 0, false)
    if (refused !== undefined) throw refused
    await this.#submit(operation.flush, 0, 0, noBytes)
  }

  // ── in place ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * As `read`, on this thread: it runs the path itself and blocks until that is done, without a hop to a worker. Bytes and
   * guarantees are those of `read`; requests of other threads go on beside it. A Uint8Array from `engine.alloc` is filled without a
   * copy, and then nothing is allocated.
   *
   * This thread cannot wait for itself: while the device is suspended (also for the moment in which a snapshot is taken), or
   * lies in a stack in which one copy-on-write volume writes to another, use `read`.
   * Throws what `read` rejects with, DEVICE_BUSY and NOT_SUPPORTED.
   */
  readSync(offset: number, lengthOrInto: number | Uint8Array): Uint8Array {
    const byteLength = typeof lengthOrInto === 'number' ? lengthOrInto : lengthOrInto.byteLength
    const refused = this.#refuse(offset, byteLength, false)
    if (refused !== undefined) throw refused
    const into = typeof lengthOrInto === 'number' ? new Uint8Array(byteLength) : lengthOrInto
    const status = this.#inPlace().read(this.#number(), offset, into)
    if (status !== 0) throw this.#placeFailure(operation.read, offset, byteLength, status)
    return into
  }

  /**
   * As `write`, on this thread: when it returns, every later read sees the bytes. Atomicity and durability are those of
   * `write`. Where `readSync` throws, it throws; also while a snapshot of the same origin is being merged, since the steps of a
   * merge are taken by this thread: use `write`. After WORKER_DIED a buffer from `engine.alloc` must stay as it is until the volume is
   * closed. Throws what `write` rejects with, DEVICE_BUSY and NOT_SUPPORTED.
   */
  writeSync(offset: number, bytes: Uint8Array): void {
    const refused = this.#refuse(offset, bytes.byteLength, true)
    if (refused !== undefined) throw refused
    const status = this.#inPlace().write(this.#number(), offset, bytes)
    if (status !== 0) throw this.#placeFailure(operation.write, offset, bytes.byteLength, status)
  }

  /** As `flush`, on this thread: when it returns, what was answered before is durable. Throws what `flush` rejects with, DEVICE_BUSY and NOT_SUPPORTED. */
  flushSync(): void {
    const status = this.#inPlace().flush(this.#number())
    if (status !== 0) throw this.#placeFailure(operation.flush, 0, 0, status)
  }

  /** The number by which threads that do requests in place know its device. Fails with DEVICE_CLOSED, LIMIT_EXCEEDED. */
  deviceNumber(): number {
    this.mustBeOpen()
    return present(this.#facts.place, 'a volume of a device').numbered()
  }

  #inPlace(): InPlace {
    this.#requests ??= present(this.#facts.place, 'a volume of a device').inPlace()
    return this.#requests
  }

  /** It has that number for as long as it is open. */
  #number(): number {
    if (this.#deviceNumber < 0 || this.#closed) this.#deviceNumber = this.deviceNumber()
    return this.#deviceNumber
  }

  #placeFailure(asked: number, offset: number, byteLength: number, status: number): Error {
    const code: ErrorCode = errorCodeOf(status) ?? 'IO_ERROR'
    const errno = this.#inPlace().lastErrno
    const why = whyNotInPlace[code]
    if (why === undefined || errno !== 0) return this.#failed(asked, offset, byteLength, status, errno)
    return new CowringError(code, `${this.name} ${why}`, { device: this.name, byteOffset: offset, byteLength })
  }

  /** Refuses requests from now on; what has been submitted goes on. */
  shut(): void {
    this.#closed = true
  }

  /** Takes `shut` back: closing failed before anything was undone. */
  reopen(): void {
    this.#closed = false
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Fails with DEVICE_CLOSED. */
  mustBeOpen(): void {
    if (this.#closed) throw this.#isClosed()
  }

  failure({ end, errno, operation: asked, start, status }: Transfer): Error {
    return this.#failed(asked, start, end - start, status, errno)
  }

  #failed(asked: number, byteOffset: number, byteLength: number, status: number, errno: number): Error {
    const failed = { operation: asked, byteOffset, byteLength, status, errno }
    return failureOf(this.name, failed, (code) => foundLate[code] ?? this.explain(code, errno))
  }

  protected whyClosed(): string {
    return 'is closed; open it again to use it'
  }

  /** Why it refuses writes and what to do about it, in words that follow its name. */
  protected whyReadOnly(): string {
    return 'was opened read-only; open it writable to write'
  }

  /** What a code means for this volume and what to do about it. */
  protected abstract explain(code: ErrorCode, errno: number): string

  #isClosed(): CowringError {
    return new CowringError('DEVICE_CLOSED', `${this.name} ${this.whyClosed()}`, { device: this.name })
  }

  /** False where zeroes have to be written like other bytes. */
  async #zeroInPlace(offset: number, byteLength: number): Promise<boolean> {
    // Again for every piece: it may have been closed meanwhile.
    const refused = this.#refuse(offset, byteLength, true)
    if (refused !== undefined) throw refused
    try {
      await this.#submit(operation.zero, offset, byteLength, noBytes)
      return true
    } catch (error) {
      if (error instanceof CowringError && error.code === 'NOT_SUPPORTED') return false
      throw error
    }
  }

  #submit(asked: number, offset: number, byteLength: number, bytes: Uint8Array): Promise<Uint8Array> {
    const promise = new Promise<Uint8Array>(takeResolvers)
    if (byteLength === 0 && asked !== operation.flush) {
      takenResolve(bytes)
      return promise
    }
    const transfer = this.#client.transfer()
    transfer.target = this
    transfer.operation = asked
    transfer.start = offset
    transfer.next = offset
    transfer.end = offset + byteLength
    transfer.bytes = bytes
    const inArena = bytes.buffer === this.#arena && bytes.byteOffset % this.#state.bufferAlignment === 0
    transfer.arenaOffset = inArena ? bytes.byteOffset : -1
    transfer.resolve = takenResolve
    transfer.reject = takenReject
    this.gate.pass(transfer)
    return promise
  }

  #refuse(offset: number, byteLength: number, writes: boolean): CowringError | undefined {
    if (this.#closed) return this.#isClosed()
    const refused = rangeRefusal(this.name, this.sizeBytes, offset, byteLength)
    if (refused !== undefined) return refused
    if (writes && this.readOnly) {
      const facts = { device: this.name, byteOffset: offset, byteLength }
      return new CowringError('READ_ONLY', `${this.name} ${this.whyReadOnly()}`, facts)
    }
    return undefined
  }
}
