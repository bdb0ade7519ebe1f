/**
 * A volume: what a caller reads and writes, an origin or a snapshot. Checks a request once, here at the top, and hands it
 * on; everything below may assert what this file guarantees: whole sectors, inside the volume, volume open, writable.
 */
import { CowringError, type ErrorCode, errorCodeOf } from '../base/errors.js'
import { sectorBytes } from '../base/units.js'
import { operation } from '../wire/operation.js'
import type { Client } from './client.js'
import { Gate } from './gate.js'
import type { Route } from './route.js'
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
}

let takenResolve: (value: Uint8Array) => void
let takenReject: (error: Error) => void
/** One executor for all promises, so that a request does not make a closure. */
const takeResolvers = (resolve: (value: Uint8Array) => void, reject: (error: Error) => void): void => {
  takenResolve = resolve
  takenReject = reject
}

const noBytes = new Uint8Array(0)

const verbs: Record<number, string> = {
  [operation.read]: 'read',
  [operation.write]: 'write',
  [operation.flush]: 'flush',
  [operation.discard]: 'discard',
  [operation.zero]: 'zeroing',
}

/** Found out only when the request could go on: it had waited while its device was suspended. */
const foundLate: Partial<Record<ErrorCode, string>> = {
  DEVICE_CLOSED: 'while it waited its volume was closed, or its device removed; open it again to use it',
  OUT_OF_RANGE: 'while it waited its device got a table that ends before it',
  READ_ONLY: 'while it waited its device got a read-only table',
}

/** A system says once that it could not write something back, and takes it for written from then on. */
const whatAFlushLoses =
  'what was written before may not be durable, and no later flush can tell until it is opened again'

export abstract class Volume implements TransferTarget {
  readonly #client: Client
  readonly #arena: ArrayBufferLike
  readonly #facts: VolumeFacts
  readonly #state: VolumeState
  readonly gate: Gate<Transfer>
  #closed = false

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

  failure(transfer: Transfer): Error {
    const code: ErrorCode = errorCodeOf(transfer.status) ?? 'IO_ERROR'
    const verb = verbs[transfer.operation] ?? 'request'
    const where = verb === 'flush' ? '' : ` of ${transfer.end - transfer.start} bytes at offset ${transfer.start}`
    const errno = transfer.errno === 0 ? {} : { errno: transfer.errno }
    const lost = verb === 'flush' && code === 'IO_ERROR' ? `${whatAFlushLoses}; ` : ''
    const why = foundLate[code] ?? `${lost}${this.explain(code, transfer.errno)}`
    const facts = { device: this.name, byteOffset: transfer.start, byteLength: transfer.end - transfer.start, ...errno }
    return new CowringError(code, `${this.name}: ${verb}${where} failed: ${why}`, facts)
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
    const whole = Number.isSafeInteger(offset) && offset % sectorBytes === 0 && byteLength % sectorBytes === 0
    const facts = { device: this.name, byteOffset: offset, byteLength }
    if (!whole || offset < 0 || !(byteLength >= 0)) {
      const text = `${this.name}: offset ${offset} and length ${byteLength} must be multiples of ${sectorBytes} bytes`
      return new CowringError('INVALID_ARGUMENT', text, facts)
    }
    if (offset + byteLength > this.sizeBytes) {
      const text = `${this.name}: ${byteLength} bytes at offset ${offset} reach past its end at ${this.sizeBytes}`
      return new CowringError('OUT_OF_RANGE', text, facts)
    }
    if (writes && this.readOnly) {
      return new CowringError('READ_ONLY', `${this.name} ${this.whyReadOnly()}`, facts)
    }
    return undefined
  }
}
