/** The list of one store as its bytes say it, read anew whenever they have changed. */
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../../../src/format/exception.js'
import { areaChunk, type Geometry } from '../../../src/format/geometry.js'
import type { SimulatedFile } from '../system/simulated-files.js'

export class StoreBook {
  readonly file: SimulatedFile
  readonly geometry: Geometry
  #isStale = true
  #isDurableStale = true
  #newOf = new Map<number, number>()
  #durableOld = new Set<number>()

  constructor(file: SimulatedFile, geometry: Geometry) {
    this.file = file
    this.geometry = geometry
  }

  /** Its metadata is about to change. */
  changes(): void {
    this.#isStale = true
    this.#isDurableStale = true
  }

  /** Old chunks to new ones, as programs see the list now. */
  get entries(): ReadonlyMap<number, number> {
    if (this.#isStale) this.#newOf = new Map(this.#listOf(this.file.disk.bytes))
    this.#isStale = false
    return this.#newOf
  }

  /** Old chunks that a power cut leaves in the list. */
  get durable(): ReadonlySet<number> {
    if (this.#isDurableStale) this.#durableOld = new Set([...this.#listOf(this.file.disk.durable)].map(([old]) => old))
    this.#isDurableStale = false
    return this.#durableOld
  }

  barrier(): void {
    this.#isDurableStale = true
  }

  *#listOf(bytes: Uint8Array): Generator<[number, number]> {
    const { chunkBytes, entriesPerArea } = this.geometry
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let area = 0; ; area++) {
      const start = areaChunk(this.geometry, area) * chunkBytes
      if (start + chunkBytes > bytes.length) return
      for (let entry = 0; entry < entriesPerArea; entry++) {
        const at = start + entry * entryBytes
        const newChunk = decodeNewChunk(view, at)
        if (newChunk === 0) return
        yield [decodeOldChunk(view, at), newChunk]
      }
    }
  }
}
