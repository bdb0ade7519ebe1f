/**
 * BlockFile over columns of other BlockFiles: chunk c lies in column c mod n, at chunk c div n of it.
 *
 * Guarantees: as MapFile; and `onFailure` hears of every column that failed a call.
 * Requires: every column as long as its share. Neither the count of columns nor the chunk need be a power of two.
 */
import { type BlockFile, errno } from './block-file.js'
import { assertPlaces, assertRange } from './transfer-bounds.js'

export interface StripeColumn {
  readonly file: BlockFile
  readonly fileOffset: number
}

export class StripeFile implements BlockFile {
  readonly #columns: readonly StripeColumn[]
  readonly #chunkBytes: number
  readonly #sizeBytes: number
  readonly #onFailure: (column: number) => void
  /** What `#locate` found: a column, the offset in its file, and how far the chunk goes on. */
  #column = 0
  #columnOffset = 0
  #chunkLeft = 0

  constructor(
    columns: readonly StripeColumn[],
    chunkBytes: number,
    sizeBytes: number,
    onFailure: (column: number) => void,
  ) {
    this.#columns = columns
    this.#chunkBytes = chunkBytes
    this.#sizeBytes = sizeBytes
    this.#onFailure = onFailure
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (byteLength > 0 && fileOffset + byteLength > this.#sizeBytes) return errno.EIO
    for (let done = 0; done < byteLength; ) {
      const file = this.#locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.#chunkLeft)
      const column = this.#column
      const failure = file.read(arenaOffset + done, step, this.#columnOffset)
      if (failure !== 0) return this.#failed(column, failure)
      done += step
    }
    return 0
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (byteLength > 0 && fileOffset + byteLength > this.#sizeBytes) return errno.ENOSPC
    for (let done = 0; done < byteLength; ) {
      const file = this.#locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.#chunkLeft)
      const column = this.#column
      const failure = file.write(arenaOffset + done, step, this.#columnOffset)
      if (failure !== 0) return this.#failed(column, failure)
      done += step
    }
    return 0
  }

  zero(byteLength: number, fileOffset: number): number {
    return this.#clear('zero', byteLength, fileOffset)
  }

  discard(byteLength: number, fileOffset: number): number {
    return this.#clear('discard', byteLength, fileOffset)
  }

  barrier(): number {
    let failure = 0
    for (let column = 0; column < this.#columns.length; column++) {
      const answer = (this.#columns[column] as StripeColumn).file.barrier()
      if (answer !== 0 && failure === 0) failure = this.#failed(column, answer)
    }
    return failure
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }

  #clear(how: 'zero' | 'discard', byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    if (byteLength > 0 && fileOffset + byteLength > this.#sizeBytes) return errno.ENOSPC
    for (let done = 0; done < byteLength; ) {
      const file = this.#locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.#chunkLeft)
      const column = this.#column
      const failure = file[how](step, this.#columnOffset)
      // A column that cannot discard has not failed.
      if (failure === errno.EOPNOTSUPP) return failure
      if (failure !== 0) return this.#failed(column, failure)
      done += step
    }
    return 0
  }

  #locate(fileOffset: number): BlockFile {
    const chunk = Math.floor(fileOffset / this.#chunkBytes)
    const inChunk = fileOffset - chunk * this.#chunkBytes
    this.#column = chunk % this.#columns.length
    this.#chunkLeft = this.#chunkBytes - inChunk
    const column = this.#columns[this.#column] as StripeColumn
    this.#columnOffset = column.fileOffset + Math.floor(chunk / this.#columns.length) * this.#chunkBytes + inChunk
    return column.file
  }

  #failed(column: number, failure: number): number {
    this.#onFailure(column)
    return failure
  }
}
