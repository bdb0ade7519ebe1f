/**
 * W1 to W5 and P1, looked at whenever a worker is about to write: what must be on the medium already is.
 *
 * Requires: disks that tell the truth. A store that was lied about is left out.
 */
import { decode } from '../../../src/control/remembered-snapshots.js'
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../../../src/format/exception.js'
import { areaChunk, type Geometry, geometryOf, isMetadataChunk } from '../../../src/format/geometry.js'
import { decodeHeader } from '../../../src/format/header.js'
import { storeState } from '../../../src/shm/commit-cursor.js'
import { ExceptionMap } from '../../../src/shm/exception-map.js'
import { Violation } from '../oracle.js'
import type { SimulatedFile, Witness } from '../system/simulated-files.js'
import { originName, type SimSnapshot, type World } from '../world.js'
import { StoreBook } from './store-book.js'

export class DiskRules implements Witness {
  readonly #world: World
  readonly #books = new Map<SimulatedFile, StoreBook>()
  readonly #maps = new WeakMap<object, ExceptionMap>()

  constructor(world: World) {
    this.#world = world
  }

  beforeWrite(file: SimulatedFile, offset: number, bytes: Uint8Array): void {
    this.#look(() => {
      if (file.name === originName) this.#originWrite(offset, offset + bytes.length)
      else this.#storeWrite(file, offset, bytes)
    })
    this.#books.get(file)?.changes()
  }

  beforeZero(file: SimulatedFile, offset: number, byteLength: number): void {
    this.#look(() => {
      if (file.name === originName) this.#originWrite(offset, offset + byteLength)
    })
  }

  afterBarrier(file: SimulatedFile): void {
    this.#books.get(file)?.barrier()
  }

  /** Checks what workers do; the control path's writes make stores, and clear what is left behind their lists. */
  #look(check: () => void): void {
    const { isOriginSuspect, schedule } = this.#world
    if (schedule.sleepers.running === undefined || isOriginSuspect) return
    this.#world.look(check)
  }

  /** The process has ended, and perhaps power was cut. */
  clear(): void {
    this.#books.clear()
  }

  // ── the origin ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #originWrite(start: number, end: number): void {
    for (const snapshot of this.#world.snapshots) {
      const { fate, handle, isSuspect, isUncovered } = snapshot
      if (handle === undefined || isSuspect || isUncovered || fate === 'merging') continue
      const store = this.#storeOf(snapshot)
      if (store === undefined) continue
      const state = store.cursor.state()
      const { chunkBytes } = store.geometry
      const map = this.#mapOf(store.mapMemory)
      if (state >= storeState.invalidating) {
        // A write to chunks that it has relies on nothing of it.
        for (let chunk = Math.floor(start / chunkBytes); chunk * chunkBytes < end; chunk++) {
          if (map.lookUp(chunk) < 0) this.#mustBeGivenUp(snapshot, state)
        }
        continue
      }
      const book = snapshot.store === 'N' ? undefined : this.#bookOf(snapshot, store.geometry)
      const isPowerSafe = snapshot.durability === 'power-loss'
      for (let chunk = Math.floor(start / chunkBytes); chunk * chunkBytes < end; chunk++) {
        if (map.lookUp(chunk) < 0)
          throw new Violation(`P1: the origin's chunk ${chunk} is written before ${snapshot.name} shows its exception`)
        if (book === undefined) continue
        if (!book.entries.has(chunk))
          throw new Violation(`W3: the origin's chunk ${chunk} is written before ${snapshot.name} lists it`)
        if (isPowerSafe && !book.durable.has(chunk)) {
          throw new Violation(
            `W3: the origin's chunk ${chunk} is written before its entry in ${snapshot.name} is durable`,
          )
        }
      }
    }
  }

  #mustBeGivenUp(snapshot: SimSnapshot, state: number): void {
    if (state === storeState.invalidating)
      throw new Violation(`W5: the origin is written while ${snapshot.name} is being invalidated`)
    if (snapshot.store === 'N') return
    const { disk } = this.#world.file(snapshot.cow)
    const reading = decodeHeader(snapshot.durability === 'power-loss' ? disk.durable : disk.bytes, 0)
    if (reading.kind === 'store' && !reading.header.valid) return
    const memory = this.#world.files.named(`${originName}.cowring`)?.disk.durable ?? new Uint8Array(0)
    const remembered = decode(Buffer.from(memory).toString('utf8')).find(({ name }) => name === snapshot.name)
    // One that is being removed is forgotten before it goes.
    const isForgotten = remembered === undefined && snapshot.fate !== 'there'
    if (remembered?.invalid !== true && !isForgotten) {
      throw new Violation(
        `W5: the origin is written, and neither the header of ${snapshot.cow} nor the origin's memory says that ${snapshot.name} is invalid`,
      )
    }
  }

  // ── stores ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #storeWrite(file: SimulatedFile, offset: number, bytes: Uint8Array): void {
    const snapshot = this.#world.snapshots.find(({ cow }) => cow === file.name)
    const store = snapshot === undefined ? undefined : this.#storeOf(snapshot)
    if (snapshot === undefined || store === undefined || snapshot.isSuspect || snapshot.store === 'N') return
    const { geometry } = store
    const chunk = Math.floor(offset / geometry.chunkBytes)
    const book = this.#bookOf(snapshot, geometry)
    if (chunk === 0) this.#headerWrite(snapshot, bytes)
    else if (isMetadataChunk(geometry, chunk))
      this.#entriesWrite(snapshot, book, this.#mapOf(store.mapMemory), offset, bytes)
  }

  #headerWrite(snapshot: SimSnapshot, bytes: Uint8Array): void {
    const reading = decodeHeader(bytes, 0)
    if (reading.kind === 'store' && !reading.header.valid) return
    throw new Violation(`a worker writes a header to ${snapshot.cow} that does not say invalid`)
  }

  #entriesWrite(snapshot: SimSnapshot, book: StoreBook, map: ExceptionMap, offset: number, bytes: Uint8Array): void {
    const { file, geometry } = book
    const { chunkBytes, entriesPerArea } = geometry
    const isPowerSafe = snapshot.durability === 'power-loss'
    const chunk = Math.floor(offset / chunkBytes)
    const area = (chunk - 1) / (entriesPerArea + 1)
    const firstEntry = (offset - chunk * chunkBytes) / entryBytes
    const next = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const before = viewOf(file.disk.bytes)
    for (let index = 0; index < bytes.length / entryBytes; index++) {
      const entry = firstEntry + index
      const newChunk = decodeNewChunk(next, index * entryBytes)
      const oldChunk = decodeOldChunk(next, index * entryBytes)
      const lastNew = decodeNewChunk(before, offset + index * entryBytes)
      const lastOld = decodeOldChunk(before, offset + index * entryBytes)
      if (newChunk === lastNew && (newChunk === 0 || oldChunk === lastOld)) continue
      const position = area * entriesPerArea + entry
      if (newChunk === 0) {
        this.#entryCleared(snapshot, book, map, position, lastOld, lastNew)
        continue
      }
      const where = `entry ${position} of ${snapshot.name}`
      // The last chunk may reach past the origin's end.
      const dataBytes = Math.min(chunkBytes, this.#world.byteLength - oldChunk * chunkBytes)
      if (isPowerSafe && file.disk.isPending(newChunk * chunkBytes, dataBytes)) {
        throw new Violation(`W1: ${where} is written before the bytes it points at are durable`)
      }
      if (book.entries.has(oldChunk)) throw new Violation(`L1: ${where} is a second one for chunk ${oldChunk}`)
      if (index > 0 && decodeNewChunk(next, (index - 1) * entryBytes) === 0)
        throw new Violation(`${where} is written behind a gap`)
      if (entry === entriesPerArea - 1) this.#nextAreaMustBeZero(snapshot, book, area + 1, isPowerSafe)
    }
  }

  #nextAreaMustBeZero(snapshot: SimSnapshot, { file, geometry }: StoreBook, area: number, isPowerSafe: boolean): void {
    const start = areaChunk(geometry, area) * geometry.chunkBytes
    const bytes = (isPowerSafe ? file.disk.durable : file.disk.bytes).subarray(start, start + geometry.chunkBytes)
    if (bytes.length < geometry.chunkBytes)
      throw new Violation(`W2: ${snapshot.name} fills an area, and there is no room for the next`)
    if (bytes.some((byte) => byte !== 0) || (isPowerSafe && file.disk.isPending(start, geometry.chunkBytes))) {
      throw new Violation(
        `W2: area ${area} of ${snapshot.name} is not zero when the entry that fills the one before is written`,
      )
    }
  }

  #entryCleared(
    snapshot: SimSnapshot,
    book: StoreBook,
    map: ExceptionMap,
    position: number,
    oldChunk: number,
    newChunk: number,
  ): void {
    // Behind the list's end there may be remains, which mean nothing.
    if (position >= book.entries.size || book.entries.get(oldChunk) !== newChunk) return
    // A worker that died had written it, and nobody relied on it: its successor writes the whole group again.
    if (map.lookUp(oldChunk) < 0) return
    if (snapshot.fate !== 'merging')
      throw new Violation(`entry ${position} of ${snapshot.name} is cleared, and it is not merged`)
    const { chunkBytes } = book.geometry
    const origin = this.#world.file(originName).disk
    const start = oldChunk * chunkBytes
    const byteLength = Math.min(chunkBytes, origin.size - start)
    if (byteLength <= 0) return
    if (snapshot.durability === 'power-loss' && origin.isPending(start, byteLength)) {
      throw new Violation(
        `W4: entry ${position} of ${snapshot.name} is cleared before the origin's chunk ${oldChunk} is durable`,
      )
    }
    const merged = origin.bytes.subarray(start, start + byteLength)
    const stored = book.file.disk.bytes.subarray(newChunk * chunkBytes, newChunk * chunkBytes + byteLength)
    if (Buffer.compare(merged, stored) !== 0) {
      throw new Violation(
        `W4: entry ${position} of ${snapshot.name} is cleared, and the origin's chunk ${oldChunk} is another`,
      )
    }
  }

  // ── what there is ───────────────────────────────────────────────────────────────────────────────────────────────────

  #storeOf({ handle }: SimSnapshot) {
    return handle === undefined || handle.closed ? undefined : handle.instance.store
  }

  #mapOf(memory: readonly SharedArrayBuffer[]): ExceptionMap {
    let map = this.#maps.get(memory)
    if (map === undefined) {
      map = new ExceptionMap(memory)
      this.#maps.set(memory, map)
    }
    return map
  }

  #bookOf({ cow }: SimSnapshot, { chunkSectors }: Geometry): StoreBook {
    const file = this.#world.file(cow)
    let book = this.#books.get(file)
    if (book === undefined || book.geometry.chunkSectors !== chunkSectors) {
      book = new StoreBook(file, geometryOf(chunkSectors))
      this.#books.set(file, book)
    }
    return book
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
