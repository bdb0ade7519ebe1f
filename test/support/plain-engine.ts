/**
 * The same semantics in the plainest way: one thread, one request at a time, no durability, no locks, nothing shared.
 *
 * It is the oracle beside the real engine: the replays prove it against the kernel's recordings, so that a replay the
 * engine fails is the engine's fault and not the replay's. It keeps the format's bytes, the status texts and what each
 * request comes to. Leaves out on purpose: discards that are not refused, remembering snapshots, checks of loaded entries,
 * and every error but those that the recordings know.
 */

import { closeSync, fstatSync, openSync, readSync, realpathSync, writeSync } from 'node:fs'
import type {
  CreateSnapshot,
  EngineUnderTest,
  OriginUnderTest,
  SnapshotUnderTest,
  VolumeUnderTest,
} from './engine-under-test.js'
import { decodeStore, entriesPerArea, entryOffset, newChunkOf } from './store-image.js'

export class PlainError extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export class PlainEngine implements EngineUnderTest {
  async open(path: string): Promise<PlainOrigin> {
    return new PlainOrigin(path)
  }
  async close(): Promise<void> {}
}

class PlainVolume implements VolumeUnderTest {
  readonly path: string
  protected readonly fd: number

  constructor(path: string) {
    this.path = realpathSync(path)
    this.fd = openSync(path, 'r+')
  }
  get sizeBytes(): number {
    return fstatSync(this.fd).size
  }
  readNow(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    if (readSync(this.fd, bytes, 0, length, offset) !== length) throw new PlainError('IO_ERROR')
    return bytes
  }
  writeNow(offset: number, bytes: Uint8Array): void {
    writeSync(this.fd, bytes, 0, bytes.length, offset)
  }
  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.readNow(offset, length)
  }
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.writeNow(offset, bytes)
  }
  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.write(offset, new Uint8Array(length))
  }
  async discard(): Promise<void> {
    throw new PlainError('NOT_SUPPORTED')
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {
    closeSync(this.fd)
  }
}

class PlainOrigin extends PlainVolume implements OriginUnderTest {
  readonly snapshots: PlainSnapshot[] = []

  async snapshot(options: CreateSnapshot): Promise<PlainSnapshot> {
    if (realpathSync(options.cow) === this.path) throw new PlainError('COW_IS_ORIGIN')
    if (this.snapshots.some((snapshot) => snapshot.cow.path === realpathSync(options.cow))) {
      throw new PlainError('DEVICE_BUSY')
    }
    const snapshot = new PlainSnapshot(this, new PlainVolume(options.cow), options)
    this.snapshots.push(snapshot)
    return snapshot
  }

  override async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (const snapshot of this.snapshots) snapshot.preserve(offset, bytes.length)
    this.writeNow(offset, bytes)
  }

  override async close(): Promise<void> {
    for (const snapshot of [...this.snapshots]) await snapshot.remove({ keepStore: true })
    await super.close()
  }
}

class PlainSnapshot implements SnapshotUnderTest {
  readonly name: string
  readonly cow: PlainVolume
  private readonly origin: PlainOrigin
  private readonly store: 'P' | 'PO' | 'N'
  private readonly chunkBytes: number
  private readonly newChunks = new Map<number, number>()
  private state: 'active' | 'overflow' | 'invalid' = 'active'

  constructor(origin: PlainOrigin, cow: PlainVolume, { store = 'P', chunkSectors = 32, name = '' }: CreateSnapshot) {
    this.origin = origin
    this.cow = cow
    this.store = store
    this.name = name
    const image = store === 'N' ? undefined : decodeStore(cow.readNow(0, cow.sizeBytes))
    this.chunkBytes = (image?.chunkSectors ?? chunkSectors) * 512
    if (!Number.isInteger(Math.log2(this.chunkBytes)) || this.chunkBytes < 512 || this.chunkBytes > 2 ** 30) {
      throw new PlainError('INVALID_ARGUMENT')
    }
    if (image === undefined) this.initialise()
    else if (!image.valid) this.state = 'invalid'
    else for (const { oldChunk, newChunk } of image.exceptions) this.newChunks.set(oldChunk, newChunk)
  }

  status(): string {
    if (this.state !== 'active') return this.state === 'invalid' ? 'Invalid' : 'Overflow'
    const chunkSectors = this.chunkBytes / 512
    const areas = Math.floor(this.newChunks.size / entriesPerArea(chunkSectors))
    const metadata = this.store === 'N' ? 0 : 2 + areas
    const allocated = (metadata + this.newChunks.size) * chunkSectors
    return `${allocated}/${Math.floor(this.cow.sizeBytes / 512)} ${metadata * chunkSectors}`
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.state === 'invalid') throw new PlainError('SNAPSHOT_INVALID')
    const bytes = new Uint8Array(length)
    for (const piece of this.pieces(offset, length)) {
      const at = this.placeOf(piece)
      const found =
        at === undefined ? this.origin.readNow(piece.offset, piece.length) : this.cow.readNow(at, piece.length)
      bytes.set(found, piece.offset - offset)
    }
    return bytes
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (const piece of this.pieces(offset, bytes.length)) {
      this.refuseUnlessActive()
      const whole = piece.length === this.chunkBytes
      if (this.placeOf(piece) === undefined && !this.allocate(piece.chunk, { copy: !whole })) {
        if (this.store === 'PO') this.state = 'overflow'
        else this.invalidate()
        this.refuseUnlessActive()
      }
      this.cow.writeNow(this.placeOf(piece) ?? 0, bytes.subarray(piece.offset - offset).subarray(0, piece.length))
    }
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.write(offset, new Uint8Array(length))
  }

  async discard(): Promise<void> {
    throw new PlainError('NOT_SUPPORTED')
  }

  async flush(): Promise<void> {
    if (this.state === 'invalid') throw new PlainError('SNAPSHOT_INVALID')
  }

  async remove({ keepStore = false } = {}): Promise<void> {
    if (!keepStore && this.store !== 'N') this.cow.writeNow(0, new Uint8Array(4))
    this.origin.snapshots.splice(this.origin.snapshots.indexOf(this), 1)
    await this.cow.close()
  }

  /** Saves what the origin is about to overwrite. */
  preserve(offset: number, length: number): void {
    for (const piece of this.pieces(offset, length)) {
      if (this.state === 'invalid') return
      if (this.placeOf(piece) === undefined && !this.allocate(piece.chunk, { copy: true })) this.invalidate()
    }
  }

  private allocate(chunk: number, { copy }: { copy: boolean }): boolean {
    const index = this.newChunks.size
    const newChunk = this.store === 'N' ? index : newChunkOf(index, this.chunkBytes / 512)
    const fillsArea = this.store !== 'N' && (index + 1) % entriesPerArea(this.chunkBytes / 512) === 0
    // The last chunk of an area also needs room for the area after it, which ends the list.
    if (this.cow.sizeBytes < (newChunk + (fillsArea ? 2 : 1)) * this.chunkBytes) return false
    const start = chunk * this.chunkBytes
    const length = Math.min(this.chunkBytes, this.origin.sizeBytes - start)
    if (copy) this.cow.writeNow(newChunk * this.chunkBytes, this.origin.readNow(start, length))
    this.newChunks.set(chunk, newChunk)
    if (this.store === 'N') return true
    if (fillsArea) this.cow.writeNow((newChunk + 1) * this.chunkBytes, new Uint8Array(this.chunkBytes))
    const entry = new DataView(new ArrayBuffer(16))
    entry.setBigUint64(0, BigInt(chunk), true)
    entry.setBigUint64(8, BigInt(newChunk), true)
    this.cow.writeNow(entryOffset(index, this.chunkBytes / 512), new Uint8Array(entry.buffer))
    return true
  }

  private initialise(): void {
    if (this.cow.readNow(0, 4).some((byte) => byte !== 0)) throw new PlainError('COW_NOT_A_STORE')
    if (this.store === 'N') return
    if (this.cow.sizeBytes < 2 * this.chunkBytes) throw new PlainError('COW_TOO_SMALL')
    this.cow.writeNow(this.chunkBytes, new Uint8Array(this.chunkBytes))
    this.writeHeader(1)
  }

  private invalidate(): void {
    this.state = 'invalid'
    if (this.store !== 'N') this.writeHeader(0)
  }

  private writeHeader(valid: number): void {
    const header = new Uint8Array(this.chunkBytes)
    new Uint32Array(header.buffer, 0, 4).set([0x70416e53, valid, 1, this.chunkBytes / 512])
    this.cow.writeNow(0, header)
  }

  private refuseUnlessActive(): void {
    if (this.state !== 'active')
      throw new PlainError(this.state === 'invalid' ? 'SNAPSHOT_INVALID' : 'SNAPSHOT_OVERFLOW')
  }

  private placeOf({ chunk, offset }: { chunk: number; offset: number }): number | undefined {
    const newChunk = this.newChunks.get(chunk)
    return newChunk === undefined ? undefined : newChunk * this.chunkBytes + (offset % this.chunkBytes)
  }

  private *pieces(offset: number, length: number): Generator<{ chunk: number; offset: number; length: number }> {
    for (let at = offset; at < offset + length; ) {
      const end = Math.min(offset + length, at - (at % this.chunkBytes) + this.chunkBytes)
      yield { chunk: Math.floor(at / this.chunkBytes), offset: at, length: end - at }
      at = end
    }
  }
}
