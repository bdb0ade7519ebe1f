/**
 * What the load wrote where, so that a reader can tell whether every block holds its last write.
 *
 * The content of a block is a function of who wrote it, its place and the number of the write; only the numbers are kept,
 * four bytes a block.
 * Requires: writes of one block follow each other; `record` is called when a write is acknowledged.
 */
import { fillPattern, seedOf } from './pattern.js'

/** 4 KiB, or the whole of a smaller device. */
export const blockBytesOf = (deviceBytes: number): number => Math.min(4096, deviceBytes)

export class WrittenBlocks {
  readonly blockBytes: number
  readonly blocks: number
  readonly #salt: number
  readonly #lastWrite: Uint32Array
  readonly #expected: Uint8Array
  #different = 0

  /** `salt` tells one writer's bytes from another's. */
  constructor(deviceBytes: number, salt: number) {
    this.blockBytes = blockBytesOf(deviceBytes)
    this.blocks = Math.floor(deviceBytes / this.blockBytes)
    this.#salt = salt
    this.#lastWrite = new Uint32Array(this.blocks)
    this.#expected = new Uint8Array(this.blockBytes)
  }

  /** Fills `into` with the next content of `block` and answers the number to record once it is written. */
  next(block: number, into: Uint8Array): number {
    const write = (this.#lastWrite[block] ?? 0) + 1
    fillPattern(into, seedOf(this.#salt, block, write))
    return write
  }

  record(block: number, write: number): void {
    this.#lastWrite[block] = write
  }

  /** How many different blocks were written. */
  get touched(): number {
    return this.#lastWrite.reduce((sum, write) => sum + (write > 0 ? 1 : 0), 0)
  }

  /** How many blocks did not hold their last write when `compare` saw them. */
  get different(): number {
    return this.#different
  }

  /** Zeroes what was written in a piece of the device. */
  blank(byteOffset: number, piece: Uint8Array): void {
    for (let start = 0; start + this.blockBytes <= piece.length; start += this.blockBytes) {
      const isWritten = (this.#lastWrite[(byteOffset + start) / this.blockBytes] ?? 0) > 0
      if (isWritten) piece.fill(0, start, start + this.blockBytes)
    }
  }

  /** Compares a piece of the device; `byteOffset` is where it starts, a multiple of the block. */
  compare(byteOffset: number, piece: Uint8Array): void {
    for (let start = 0; start + this.blockBytes <= piece.length; start += this.blockBytes) {
      const block = (byteOffset + start) / this.blockBytes
      const write = this.#lastWrite[block] ?? 0
      if (write === 0) continue
      fillPattern(this.#expected, seedOf(this.#salt, block, write))
      if (Buffer.compare(this.#expected, piece.subarray(start, start + this.blockBytes)) !== 0) this.#different++
    }
  }
}
