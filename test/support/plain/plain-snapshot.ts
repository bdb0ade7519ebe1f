/**
 * A snapshot in the plainest way: one thread, one request at a time, no durability, no locks. It keeps the format's bytes,
 * the status texts, and what each request comes to when something fails below it.
 */
import { CowringError } from 'cowring'
import { decodeStore, entriesPerArea, entryOffset, newChunkOf } from '../store-image.js'
import { ioError, notSupported, TargetRefusal } from './plain-error.js'
import type { PlainStorage } from './plain-storage.js'
import type { Place, PlainTarget } from './plain-target.js'

export interface SnapshotOptions {
  readonly store: 'P' | 'PO' | 'N'
  readonly chunkSectors: number
  readonly zeroes: boolean
  readonly passdown: boolean
}

interface Piece {
  readonly chunk: number
  readonly offset: number
  readonly length: number
}

export class PlainSnapshot implements PlainTarget {
  readonly name: string = 'snapshot'
  readonly start: number
  readonly sectors: number
  readonly origin: PlainStorage
  readonly cow: PlainStorage
  readonly uses: readonly PlainStorage[]
  /** Resumed at some time: collects copies from then on. */
  active = false
  /** Where its content comes from when it is resumed; `undefined` once it has its own. */
  source: PlainSnapshot | undefined
  onInvalid: () => void = () => {}
  #options: SnapshotOptions
  #newChunks = new Map<number, number>()
  #state: 'active' | 'overflow' | 'invalid' = 'active'

  constructor({ start, sectors }: Place, origin: PlainStorage, cow: PlainStorage, options: SnapshotOptions) {
    this.start = start
    this.sectors = sectors
    this.origin = origin
    this.cow = cow
    this.uses = [origin, cow]
    this.#options = options
  }

  /** Reads the store, or makes one. */
  load(): void {
    const { store } = this.#options
    if (store === 'N') return
    try {
      const head = this.cow.read(0, 512)
      if (head.subarray(0, 4).every((byte) => byte === 0)) {
        this.#makeStore()
        return
      }
      const image = decodeStore(this.#metadata(new DataView(head.buffer, head.byteOffset).getUint32(12, true)))
      if (image === undefined) throw new TargetRefusal('EINVAL', 'Failed to read snapshot metadata')
      this.#options = { ...this.#options, chunkSectors: image.chunkSectors }
      if (!image.valid) this.#state = 'invalid'
      for (const { oldChunk, newChunk } of image.valid ? image.exceptions : []) this.#newChunks.set(oldChunk, newChunk)
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
      throw new TargetRefusal('EIO', 'Failed to read snapshot metadata')
    }
  }

  /** Waits for another one's content, to be taken over at resume. */
  waitFor(source: PlainSnapshot): void {
    this.source = source
    this.#options = { ...this.#options, chunkSectors: 0 }
  }

  takeOver(): void {
    const { source } = this
    if (source === undefined) return
    this.source = undefined
    this.#newChunks = source.#newChunks
    this.#state = source.#state
    this.#options = { ...this.#options, chunkSectors: source.#options.chunkSectors }
    source.#newChunks = new Map()
    source.#state = 'invalid'
    source.#options = { ...source.#options, chunkSectors: 0 }
  }

  parameters(): string {
    const { store, chunkSectors, zeroes, passdown } = this.#options
    const features = [...(zeroes ? ['discard_zeroes_cow'] : []), ...(passdown ? ['discard_passdown_origin'] : [])]
    const words = [this.origin.number, this.cow.number, store, chunkSectors]
    return [...words, ...(features.length === 0 ? [] : [features.length, ...features])].join(' ')
  }

  status(): string {
    if (this.#state !== 'active') return this.#state === 'invalid' ? 'Invalid' : 'Overflow'
    const { store, chunkSectors } = this.#options
    if (chunkSectors === 0) return `0/${this.cow.sectors} 0`
    const count = this.#newChunks.size
    const metadata = store === 'N' ? 0 : 2 + Math.floor(count / entriesPerArea(chunkSectors))
    return `${(metadata + count) * chunkSectors}/${this.cow.sectors} ${metadata * chunkSectors}`
  }

  read(offset: number, length: number): Uint8Array {
    if (this.#state === 'invalid') throw ioError()
    const bytes = new Uint8Array(length)
    for (const piece of this.#pieces(offset, length)) {
      const at = this.#placeOf(piece)
      const from = at === undefined ? this.origin : this.cow
      bytes.set(from.read(at ?? piece.offset, piece.length), piece.offset - offset)
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const piece of this.#pieces(offset, bytes.length)) {
      if (this.#state !== 'active') throw ioError()
      const data = bytes.subarray(piece.offset - offset).subarray(0, piece.length)
      if (this.#placeOf(piece) === undefined) this.#saveForWrite(piece, data)
      const at = this.#placeOf(piece)
      if (at === undefined) throw ioError()
      this.cow.write(at, data)
    }
  }

  discard(offset: number, length: number): void {
    const { zeroes, passdown } = this.#options
    if (!zeroes) throw notSupported()
    for (const piece of this.#pieces(offset, length)) {
      if (this.#state !== 'active') throw ioError()
      const at = this.#placeOf(piece)
      if (at !== undefined) this.cow.write(at, new Uint8Array(piece.length))
      if (passdown) this.origin.write(piece.offset, new Uint8Array(piece.length))
    }
  }

  /** The kernel tests for a flush before it tests whether the snapshot is valid. */
  flush(): void {}

  /** Saves what the origin is about to overwrite. A failure is this snapshot's, never the origin's. */
  preserve(offset: number, length: number): void {
    if (!this.active) return
    for (const piece of this.#pieces(offset, Math.min(length, this.sectors * 512 - offset))) {
      if (this.#state === 'invalid') return
      if (this.#placeOf(piece) !== undefined) continue
      if (!this.#save(piece.chunk, this.#originChunk)) this.#invalidate()
    }
  }

  /** Its runs, the last first, for a merge: where each belongs, what it holds, and how to end its exceptions. */
  protected *runsFromTheEnd(): Generator<{ offset: number; read: () => Uint8Array; clear: () => void }> {
    const entries = [...this.#newChunks]
    for (let end = entries.length; end > 0; ) {
      let from = end - 1
      while (from > 0 && adjoin(entries[from - 1], entries[from])) from--
      const [oldChunk = 0, newChunk = 0] = entries[from] ?? []
      const run = { from, end }
      const offset = oldChunk * this.#chunkBytes
      const length = Math.min((end - from) * this.#chunkBytes, this.origin.sectors * 512 - offset)
      yield {
        offset,
        read: () => this.cow.read(newChunk * this.#chunkBytes, length),
        clear: () => {
          for (let index = run.end - 1; index >= run.from; index--) {
            this.cow.write(entryOffset(index, this.#options.chunkSectors), new Uint8Array(16))
          }
          for (const [chunk] of entries.slice(run.from, run.end)) this.#newChunks.delete(chunk)
        },
      }
      end = from
    }
  }

  protected get isValid(): boolean {
    return this.#state === 'active'
  }

  protected hasException(offset: number): boolean {
    return this.#newChunks.has(Math.floor(offset / this.#chunkBytes))
  }

  /** Cuts a range at chunk boundaries. */
  protected *chunksOf(offset: number, length: number): Generator<{ offset: number; length: number }> {
    yield* this.#pieces(offset, length)
  }

  protected get takesDiscards(): boolean {
    return this.#options.zeroes
  }

  get #chunkBytes(): number {
    return this.#options.chunkSectors * 512
  }

  #saveForWrite(piece: Piece, data: Uint8Array): void {
    const whole = piece.length === this.#chunkBytes
    if (this.#save(piece.chunk, whole ? () => data : this.#originChunk)) return
    if (this.#options.store === 'PO' && !this.#hasRoom()) this.#state = 'overflow'
    else this.#invalidate()
    throw ioError()
  }

  readonly #originChunk = (chunk: number): Uint8Array => {
    const start = chunk * this.#chunkBytes
    return this.origin.read(start, Math.min(this.#chunkBytes, this.origin.sectors * 512 - start))
  }

  /** Whether the chunk now has an exception; not so when the store is full, or something fails. */
  #save(chunk: number, content: (chunk: number) => Uint8Array): boolean {
    if (!this.#hasRoom()) return false
    const { store, chunkSectors } = this.#options
    const index = this.#newChunks.size
    const newChunk = this.#nextChunk()
    try {
      this.cow.write(newChunk * this.#chunkBytes, content(chunk))
      if (store !== 'N') {
        if (this.#fillsArea(index)) this.cow.write((newChunk + 1) * this.#chunkBytes, new Uint8Array(this.#chunkBytes))
        const entry = new DataView(new ArrayBuffer(16))
        entry.setBigUint64(0, BigInt(chunk), true)
        entry.setBigUint64(8, BigInt(newChunk), true)
        this.cow.write(entryOffset(index, chunkSectors), new Uint8Array(entry.buffer))
      }
    } catch (error) {
      if (error instanceof CowringError) return false
      throw error
    }
    this.#newChunks.set(chunk, newChunk)
    return true
  }

  /** The last chunk of an area also needs room for the area after it, which ends the list. */
  #hasRoom(): boolean {
    const needed = this.#options.store !== 'N' && this.#fillsArea(this.#newChunks.size) ? 2 : 1
    return this.cow.sectors * 512 >= (this.#nextChunk() + needed) * this.#chunkBytes
  }

  #nextChunk(): number {
    const index = this.#newChunks.size
    return this.#options.store === 'N' ? index : newChunkOf(index, this.#options.chunkSectors)
  }

  #fillsArea(index: number): boolean {
    return (index + 1) % entriesPerArea(this.#options.chunkSectors) === 0
  }

  /** The COW with zeroes where no metadata is: unreadable data is nobody's business yet. */
  #metadata(chunkSectors: number): Uint8Array {
    const bytes = new Uint8Array(this.cow.sectors * 512)
    const isMetadata = (chunk: number) => chunk === 0 || (chunk - 1) % (entriesPerArea(chunkSectors) + 1) === 0
    for (let chunk = 0; (chunk + 1) * chunkSectors <= this.cow.sectors; chunk++) {
      const at = chunk * chunkSectors * 512
      if (isMetadata(chunk)) bytes.set(this.cow.read(at, chunkSectors * 512), at)
    }
    return bytes
  }

  #makeStore(): void {
    const chunkSectors = this.#options.chunkSectors === 0 ? 32 : this.#options.chunkSectors
    this.#options = { ...this.#options, chunkSectors }
    if (this.cow.sectors < 2 * chunkSectors) throw ioError()
    this.cow.write(this.#chunkBytes, new Uint8Array(this.#chunkBytes))
    this.#writeHeader(1)
  }

  #invalidate(): void {
    this.#state = 'invalid'
    this.onInvalid()
    if (this.#options.store === 'N') return
    try {
      this.#writeHeader(0)
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
    }
  }

  #writeHeader(valid: number): void {
    const header = new Uint8Array(this.#chunkBytes)
    new Uint32Array(header.buffer, 0, 4).set([0x70416e53, valid, 1, this.#options.chunkSectors])
    this.cow.write(0, header)
  }

  #placeOf({ chunk, offset }: Piece): number | undefined {
    const newChunk = this.#newChunks.get(chunk)
    return newChunk === undefined ? undefined : newChunk * this.#chunkBytes + (offset % this.#chunkBytes)
  }

  *#pieces(offset: number, length: number): Generator<Piece> {
    for (let at = offset; at < offset + length; ) {
      const end = Math.min(offset + length, at - (at % this.#chunkBytes) + this.#chunkBytes)
      yield { chunk: Math.floor(at / this.#chunkBytes), offset: at, length: end - at }
      at = end
    }
  }
}

function adjoin(one: readonly [number, number] | undefined, next: readonly [number, number] | undefined): boolean {
  return one !== undefined && next !== undefined && one[0] + 1 === next[0] && one[1] + 1 === next[1]
}
