/**
 * The list of a store, block by block in its order, for those who look at it without an engine: one reader for check, repair
 * and delta.
 *
 * Guarantees: one block of memory; no byte is read twice, unless it could not be read; it ends at the end of the COW at the latest.
 *
 * What cannot be read ends the list with IO_ERROR; or, for a repair, is noted and stepped over, a sector at a time. Beyond an
 * area whose last sector cannot be read nothing is taken for the list: only an area that is full says that the next one was
 * zeroed before it was used (W2).
 */
import { CowringError } from '../base/errors.js'
import { sectorsToBytes } from '../base/units.js'
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../format/exception.js'
import { areaChunk, type Geometry } from '../format/geometry.js'
import type { StoreBytes } from './store-bytes.js'

/** Entries, the last one included, that could not be read, and why. */
export interface UnreadableEntries {
  readonly first: number
  readonly last: number
  readonly reason: string
}

/** An end mark; the end of the COW; an area whose end cannot be read. */
export type ListEnd = 'mark' | 'none' | 'unreadable'

const blockBytes = 2 ** 16

export class StoreList {
  /** The entries of the block in hand: `count` of them, the first is entry `first` of the list. */
  first = 0
  count = 0
  end: ListEnd | undefined
  readonly #bytes: StoreBytes
  readonly #geometry: Geometry
  readonly #cowChunks: number
  readonly #unreadable: UnreadableEntries[] | undefined
  readonly #block: Uint8Array
  readonly #view: DataView
  readonly #leastBytes: number
  #position = 0
  /** Up to here, blocks are as small as they can be. */
  #fineUntil = 0

  /** With `unreadable` what cannot be read is added to it, instead of failing. */
  constructor(bytes: StoreBytes, geometry: Geometry, unreadable?: UnreadableEntries[]) {
    this.#bytes = bytes
    this.#geometry = geometry
    this.#cowChunks = Math.floor(bytes.sizeBytes / geometry.chunkBytes)
    this.#unreadable = unreadable
    this.#leastBytes = Math.min(sectorsToBytes(bytes.blockSectors), geometry.chunkBytes)
    this.#block = new Uint8Array(Math.max(this.#leastBytes, Math.min(blockBytes, geometry.chunkBytes)))
    this.#view = new DataView(this.#block.buffer)
  }

  oldChunk(index: number): number {
    return decodeOldChunk(this.#view, index * entryBytes)
  }

  newChunk(index: number): number {
    return decodeNewChunk(this.#view, index * entryBytes)
  }

  /** Reads the next block; false when the list has ended. Fails with IO_ERROR. */
  async next(): Promise<boolean> {
    const { chunkBytes, entriesPerArea } = this.#geometry
    while (this.end === undefined) {
      const chunk = areaChunk(this.#geometry, Math.floor(this.#position / entriesPerArea))
      if (chunk >= this.#cowChunks) {
        this.end = 'none'
        break
      }
      const inArea = (this.#position % entriesPerArea) * entryBytes
      const wanted = this.#position < this.#fineUntil ? this.#leastBytes : this.#block.byteLength
      const byteLength = Math.min(wanted, chunkBytes - inArea)
      if (await this.#fill(chunk * chunkBytes + inArea, byteLength)) return true
    }
    return false
  }

  async #fill(byteOffset: number, byteLength: number): Promise<boolean> {
    const entries = byteLength / entryBytes
    try {
      await this.#bytes.read(this.#block.subarray(0, byteLength), byteOffset)
    } catch (error) {
      if (this.#unreadable === undefined || !(error instanceof CowringError)) throw error
      if (byteLength > this.#leastBytes) this.#fineUntil = this.#position + entries
      else this.#stepOver(entries, error.message)
      return false
    }
    this.first = this.#position
    this.count = 0
    while (this.count < entries && this.newChunk(this.count) !== 0) this.count++
    this.#position += entries
    if (this.count < entries) this.end = 'mark'
    return true
  }

  #stepOver(entries: number, reason: string): void {
    const first = this.#position
    this.#position += entries
    const before = this.#unreadable?.at(-1)
    if (before?.last === first - 1) this.#unreadable?.pop()
    const from = before?.last === first - 1 ? before.first : first
    this.#unreadable?.push({ first: from, last: this.#position - 1, reason })
    if (this.#position % this.#geometry.entriesPerArea === 0) this.end = 'unreadable'
  }
}
