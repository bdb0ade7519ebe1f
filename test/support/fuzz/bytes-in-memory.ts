/** A COW in memory, as those read it who look at a store without an engine. Counts its reads; can have sectors that fail. */
import { CowringError } from '../../../src/base/errors.js'
import type { WritableBytes } from '../../../src/control/store-bytes.js'

export class BytesInMemory implements WritableBytes {
  readonly name: string
  readonly bytes: Uint8Array
  readonly blockSectors = 1
  readonly isFresh: boolean
  readonly #unreadable: ReadonlySet<number>
  readonly #readsMax: number
  reads = 0

  constructor(
    bytes: Uint8Array,
    options: { name?: string; isFresh?: boolean; unreadable?: Iterable<number>; readsMax?: number } = {},
  ) {
    this.bytes = bytes
    this.name = options.name ?? 'memory'
    this.isFresh = options.isFresh ?? false
    this.#unreadable = new Set(options.unreadable ?? [])
    this.#readsMax = options.readsMax ?? Number.POSITIVE_INFINITY
  }

  get sizeBytes(): number {
    return this.bytes.byteLength - (this.bytes.byteLength % 512)
  }

  async read(into: Uint8Array, byteOffset: number): Promise<void> {
    this.reads++
    if (this.reads > this.#readsMax) throw new Error(`more than ${this.#readsMax} reads of ${this.sizeBytes} bytes`)
    if (!(byteOffset >= 0 && byteOffset + into.byteLength <= this.sizeBytes)) {
      throw new Error(`${into.byteLength} bytes read at ${byteOffset}, where there are ${this.sizeBytes}`)
    }
    if (this.#unreadable.size > 0) {
      for (let sector = Math.floor(byteOffset / 512); sector * 512 < byteOffset + into.byteLength; sector++) {
        if (this.#unreadable.has(sector)) throw new CowringError('IO_ERROR', `sector ${sector} is bad`)
      }
    }
    into.set(this.bytes.subarray(byteOffset, byteOffset + into.byteLength))
  }

  async write(bytes: Uint8Array, byteOffset: number): Promise<void> {
    if (!(byteOffset + bytes.byteLength <= this.sizeBytes)) throw new Error(`a write past the end, at ${byteOffset}`)
    this.bytes.set(bytes, byteOffset)
  }

  async barrier(): Promise<void> {}
}
