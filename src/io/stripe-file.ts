/**
 * BlockFile over columns of other BlockFiles: chunk c lies in column c mod n, at chunk c div n of it.
 *
 * Guarantees: `onFailure` hears of every column that failed a call.
 * Requires: every column as long as its share. Neither the count of columns nor the chunk need be a power of two.
 */
import type { BlockFile } from './block-file.js'
import { PartwiseFile } from './partwise-file.js'

export interface StripeColumn {
  readonly file: BlockFile
  readonly fileOffset: number
}

export class StripeFile extends PartwiseFile {
  readonly #columns: readonly StripeColumn[]
  readonly #chunkBytes: number
  readonly #onFailure: (column: number) => void

  constructor(
    columns: readonly StripeColumn[],
    chunkBytes: number,
    sizeBytes: number,
    onFailure: (column: number) => void,
  ) {
    super(sizeBytes)
    this.#columns = columns
    this.#chunkBytes = chunkBytes
    this.#onFailure = onFailure
  }

  barrier(): number {
    let failure = 0
    for (let column = 0; column < this.#columns.length; column++) {
      const answer = (this.#columns[column] as StripeColumn).file.barrier()
      if (answer === 0) continue
      this.#onFailure(column)
      if (failure === 0) failure = answer
    }
    return failure
  }

  protected locate(fileOffset: number): BlockFile {
    const chunk = Math.floor(fileOffset / this.#chunkBytes)
    const inChunk = fileOffset - chunk * this.#chunkBytes
    const column = this.#columns[chunk % this.#columns.length] as StripeColumn
    this.partOffset = column.fileOffset + Math.floor(chunk / this.#columns.length) * this.#chunkBytes + inChunk
    this.partLeft = this.#chunkBytes - inChunk
    return column.file
  }

  protected override failed(fileOffset: number, failure: number): number {
    this.#onFailure(Math.floor(fileOffset / this.#chunkBytes) % this.#columns.length)
    return failure
  }
}
