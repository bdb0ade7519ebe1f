/**
 * Loading a persistent store: header, then the list of exceptions, every entry checked.
 *
 * The kernel checks next to nothing here; a list that contradicts itself is refused, with the entry named, because a
 * snapshot that shows wrong bytes is worse than none. Nothing is written before the whole list has been accepted.
 */
import { CowringError } from '../base/errors.js'
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../format/exception.js'
import {
  areaChunk,
  dataIndexOf,
  type Geometry,
  geometryOf,
  nextDataIndex,
  validateChunkSectors,
} from '../format/geometry.js'
import { decodeHeader, diskVersion, type StoreHeader } from '../format/header.js'
import { CommitCursor, commitCursorBytes, entriesKept, recordCapacity } from '../shm/commit-cursor.js'
import { createExceptionMapMemory, ExceptionMap, newChunkMax } from '../shm/exception-map.js'
import { blockBytes, type StoreIo } from './store-io.js'

/** A store ready to be attached: what the workers share, and what the coordinator reports. */
export interface LoadedStore {
  readonly geometry: Geometry
  readonly cursorMemory: SharedArrayBuffer
  readonly cursor: CommitCursor
  readonly mapMemory: SharedArrayBuffer[]
  readonly dataIndexOffset: number
}

export interface OriginShape {
  readonly sizeBytes: number
  readonly blockSectors: number
}

/** What the first bytes of a COW say it is. Fails with COW_NOT_A_STORE, STORE_CORRUPT, STORE_VERSION, IO_ERROR. */
export async function readHeader(io: StoreIo, origin: OriginShape): Promise<StoreHeader | 'fresh'> {
  await io.read(0, Math.min(4096, io.device.sizeBytes))
  const reading = decodeHeader(io.bytes, 0)
  const path = nameOf(io)
  if (reading.kind === 'fresh') return 'fresh'
  if (reading.kind === 'foreign') {
    const text = `${path} is neither blank nor a snapshot store (it begins with 0x${reading.magic.toString(16)})`
    throw new CowringError('COW_NOT_A_STORE', `${text}; give another COW, or zero its first 4 KiB to use it`, { path })
  }
  const { header } = reading
  const refused = validateChunkSectors(header.chunkSectors, [io.device.blockSectors, origin.blockSectors])
  if (refused !== undefined) throw corrupt(io, `its header names a chunk of ${header.chunkSectors} sectors: ${refused}`)
  if (header.version !== diskVersion) {
    const text = `${path} is a store of disk version ${header.version}; only version ${diskVersion} is known`
    throw new CowringError('STORE_VERSION', text, { path })
  }
  return header
}

/** An empty store's shared state. */
export function emptyStore(chunkSectors: number, origin: OriginShape, cowBytes: number): LoadedStore {
  const geometry = geometryOf(chunkSectors)
  const cursorMemory = new SharedArrayBuffer(commitCursorBytes)
  const cursor = new CommitCursor(cursorMemory)
  cursor.initialize(0, cowBytes)
  const mapMemory = createExceptionMapMemory(Math.ceil(origin.sizeBytes / geometry.chunkBytes))
  return { geometry, cursorMemory, cursor, mapMemory, dataIndexOffset: 0 }
}

/** Reads the list of a valid store. Fails with STORE_CORRUPT, LIMIT_EXCEEDED, IO_ERROR. */
export async function loadStore(io: StoreIo, header: StoreHeader, origin: OriginShape): Promise<LoadedStore> {
  const store = emptyStore(header.chunkSectors, origin, io.device.sizeBytes)
  if (!header.valid) {
    store.cursor.startInvalid()
    return store
  }
  const list = new ListReader(io, store, origin)
  await list.read()
  return { ...store, dataIndexOffset: list.dataIndexOffset() }
}

/** Zeroes what a crash may have left behind the end of the list, so that no later entry can join it to the list. */
export async function clearBehindList(io: StoreIo, store: LoadedStore): Promise<void> {
  const { chunkBytes, entriesPerArea } = store.geometry
  const committed = store.cursor.committed()
  const area = areaChunk(store.geometry, Math.floor(committed / entriesPerArea)) * chunkBytes
  const listEnd = (committed % entriesPerArea) * entryBytes
  // A group writes at most this much at once, from the block that the list's end was in.
  const end = Math.min(chunkBytes, Math.ceil(listEnd / 4096) * 4096 + recordCapacity * entryBytes)
  const start = Math.floor(listEnd / 4096) * 4096
  await io.read(area + start, Math.min(chunkBytes, end) - start)
  const tail = io.bytes.subarray(listEnd - start, end - start)
  if (tail.every((byte) => byte === 0)) return
  tail.fill(0)
  await io.write(area + start, end - start)
  await io.barrier()
}

class ListReader {
  readonly #io: StoreIo
  readonly #store: LoadedStore
  readonly #map: ExceptionMap
  readonly #originChunks: number
  readonly #cowChunks: number
  readonly #taken: Uint8Array
  #count = 0
  #highest = -1
  /** The last entries: those that share a block with the next one are needed to write it. */
  readonly #keptOld = new Float64Array(entriesKept)
  readonly #keptNew = new Float64Array(entriesKept)

  constructor(io: StoreIo, store: LoadedStore, origin: OriginShape) {
    this.#io = io
    this.#store = store
    this.#map = new ExceptionMap(store.mapMemory)
    this.#originChunks = Math.ceil(origin.sizeBytes / store.geometry.chunkBytes)
    this.#cowChunks = Math.floor(io.device.sizeBytes / store.geometry.chunkBytes)
    this.#taken = new Uint8Array(Math.ceil(this.#cowChunks / 8))
  }

  async read(): Promise<void> {
    const { chunkBytes } = this.#store.geometry
    for (let area = 0; ; area++) {
      const chunk = areaChunk(this.#store.geometry, area)
      if (chunk >= this.#cowChunks) throw this.#corrupt('its list has no end: the last area that fits is full')
      for (let done = 0; done < chunkBytes; done += blockBytes) {
        const byteLength = Math.min(blockBytes, chunkBytes - done)
        await this.#io.read(chunk * chunkBytes + done, byteLength)
        if (this.#takeEntries(byteLength)) {
          this.#finish()
          return
        }
      }
    }
  }

  dataIndexOffset(): number {
    const highest = this.#highest < 0 ? undefined : this.#highest
    return nextDataIndex(this.#store.geometry, highest) - this.#count
  }

  /** Takes the entries of one block; true if the list ends in it. */
  #takeEntries(byteLength: number): boolean {
    const { view } = this.#io
    for (let at = 0; at < byteLength; at += entryBytes) {
      const newChunk = decodeNewChunk(view, at)
      if (newChunk === 0) return true
      this.#take(decodeOldChunk(view, at), newChunk)
    }
    return false
  }

  #take(oldChunk: number, newChunk: number): void {
    const entry = this.#count
    if (!(oldChunk < this.#originChunks)) {
      throw this.#corrupt(
        `entry ${entry} is for chunk ${oldChunk}, past the origin's ${this.#originChunks} chunks`,
        entry,
      )
    }
    if (!(newChunk < this.#cowChunks)) {
      throw this.#corrupt(`entry ${entry} points at chunk ${newChunk}, past the COW's ${this.#cowChunks} chunks`, entry)
    }
    if (newChunk > newChunkMax) {
      const text = `${nameOf(this.#io)} uses chunk ${newChunk}; cowring addresses ${newChunkMax} chunks of a COW`
      throw new CowringError('LIMIT_EXCEEDED', text, { path: nameOf(this.#io), entry })
    }
    if (dataIndexOf(this.#store.geometry, newChunk) === undefined) {
      throw this.#corrupt(`entry ${entry} points at chunk ${newChunk}, which holds metadata`, entry)
    }
    const bit = 1 << (newChunk & 7)
    const byte = this.#taken[newChunk >>> 3] as number
    if ((byte & bit) !== 0) throw this.#corrupt(`entry ${entry} points at chunk ${newChunk}, which another has`, entry)
    this.#taken[newChunk >>> 3] = byte | bit
    if (this.#map.lookUp(oldChunk) >= 0)
      throw this.#corrupt(`entry ${entry} is a second one for chunk ${oldChunk}`, entry)
    this.#map.publish(oldChunk, newChunk)
    this.#keptOld[entry % entriesKept] = oldChunk
    this.#keptNew[entry % entriesKept] = newChunk
    this.#highest = Math.max(this.#highest, newChunk)
    this.#count++
  }

  #finish(): void {
    const { cursor } = this.#store
    cursor.initialize(this.#count, this.#io.device.sizeBytes)
    for (let position = this.#count - (this.#count % entriesKept); position < this.#count; position++) {
      const at = position % entriesKept
      cursor.keepCommitted(position, this.#keptOld[at] as number, this.#keptNew[at] as number)
    }
  }

  #corrupt(what: string, entry?: number): CowringError {
    return corrupt(this.#io, what, entry)
  }
}

function corrupt(io: StoreIo, what: string, entry?: number): CowringError {
  const path = nameOf(io)
  const text = `${path} is a damaged snapshot store: ${what}. It was left as it is; restore it from a backup or give it up`
  return new CowringError('STORE_CORRUPT', text, { path, reason: what, ...(entry === undefined ? {} : { entry }) })
}

const nameOf = (io: StoreIo): string => io.device.name
