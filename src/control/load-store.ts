/**
 * Loading a persistent store: header, then the list of exceptions, every entry checked (store-checks.ts). Nothing is
 * written before the whole list has been accepted.
 */
import { CowringError } from '../base/errors.js'
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../format/exception.js'
import { areaChunk, type Geometry, geometryOf, nextDataIndex } from '../format/geometry.js'
import { decodeHeader, type StoreHeader } from '../format/header.js'
import { CommitCursor, commitCursorBytes, entriesKept } from '../shm/commit-cursor.js'
import { createExceptionMapMemory, ExceptionMap, newChunkMax } from '../shm/exception-map.js'
import { EntryChecks, endlessList, headerProblem } from './store-checks.js'
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
  const problem = headerProblem(header, [io.device.blockSectors, origin.blockSectors])
  if (problem === undefined) return header
  if (problem.kind === 'corrupt') throw corrupt(io, problem.text)
  throw new CowringError('STORE_VERSION', `${path} cannot be loaded: ${problem.text}`, { path })
}

/** An empty store's shared state. */
export function emptyStore(chunkSectors: number, origin: OriginShape, cowBytes: number): LoadedStore {
  const geometry = geometryOf(chunkSectors)
  const cursorMemory = new SharedArrayBuffer(commitCursorBytes)
  const cursor = new CommitCursor(cursorMemory)
  cursor.initialize(0, cowBytes)
  const mapMemory = mapFor(Math.ceil(origin.sizeBytes / geometry.chunkBytes))
  return { geometry, cursorMemory, cursor, mapMemory, dataIndexOffset: 0 }
}

function mapFor(chunks: number): SharedArrayBuffer[] {
  try {
    return createExceptionMapMemory(chunks)
  } catch (error) {
    const text = `there is no memory for the map of an origin of ${chunks} chunks; give its snapshot larger chunks`
    throw new CowringError('LIMIT_EXCEEDED', text, {}, error)
  }
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

/**
 * Zeroes what a crash may have left behind the end of the list, to the end of the area, so that no later entry can join it
 * to the list. A commit of ours leaves 128 KiB at most; a kernel that stopped between header and area 0 leaves all of it.
 */
export async function clearBehindList(io: StoreIo, store: LoadedStore): Promise<void> {
  const { chunkBytes, entriesPerArea } = store.geometry
  const committed = store.cursor.committed()
  const area = areaChunk(store.geometry, Math.floor(committed / entriesPerArea)) * chunkBytes
  const listEnd = (committed % entriesPerArea) * entryBytes
  let isClear = true
  for (let start = Math.floor(listEnd / 4096) * 4096; start < chunkBytes; start += blockBytes) {
    const byteLength = Math.min(chunkBytes - start, blockBytes)
    await io.read(area + start, byteLength)
    const tail = io.bytes.subarray(Math.max(0, listEnd - start), byteLength)
    if (isZero(tail)) continue
    tail.fill(0)
    await io.write(area + start, byteLength)
    isClear = false
  }
  if (!isClear) await io.barrier()
}

const zeroes = Buffer.alloc(blockBytes)
const isZero = (bytes: Uint8Array): boolean => zeroes.subarray(0, bytes.byteLength).equals(bytes)

class ListReader {
  readonly #io: StoreIo
  readonly #store: LoadedStore
  readonly #map: ExceptionMap
  readonly #cowChunks: number
  readonly #checks: EntryChecks
  #count = 0
  #highest = -1
  /** The last entries: those that share a block with the next one are needed to write it. */
  readonly #keptOld = new Float64Array(entriesKept)
  readonly #keptNew = new Float64Array(entriesKept)

  constructor(io: StoreIo, store: LoadedStore, origin: OriginShape) {
    this.#io = io
    this.#store = store
    this.#map = new ExceptionMap(store.mapMemory)
    const { geometry } = store
    this.#cowChunks = Math.floor(io.device.sizeBytes / geometry.chunkBytes)
    const originChunks = Math.ceil(origin.sizeBytes / geometry.chunkBytes)
    const limits = { geometry, cowChunks: this.#cowChunks, originChunks }
    this.#checks = new EntryChecks(limits, (oldChunk) => this.#map.lookUp(oldChunk) >= 0)
  }

  async read(): Promise<void> {
    const { chunkBytes } = this.#store.geometry
    for (let area = 0; ; area++) {
      const chunk = areaChunk(this.#store.geometry, area)
      if (chunk >= this.#cowChunks) throw corrupt(this.#io, endlessList)
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
    const problem = this.#checks.take(entry, oldChunk, newChunk)
    if (problem !== undefined) throw corrupt(this.#io, problem, entry)
    if (newChunk > newChunkMax) {
      const text = `${nameOf(this.#io)} uses chunk ${newChunk}; cowring addresses ${newChunkMax} chunks of a COW`
      throw new CowringError('LIMIT_EXCEEDED', text, { path: nameOf(this.#io), entry })
    }
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
}

function corrupt(io: StoreIo, what: string, entry?: number): CowringError {
  const path = nameOf(io)
  const text = `${path} is a damaged snapshot store: ${what}. It was left as it is; restore it from a backup or give it up`
  return new CowringError('STORE_CORRUPT', text, { path, reason: what, ...(entry === undefined ? {} : { entry }) })
}

const nameOf = (io: StoreIo): string => io.device.name
