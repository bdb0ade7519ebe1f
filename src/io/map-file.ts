/**
 * BlockFile over parts of other BlockFiles, laid end to end: what a table of several lines resolves to.
 *
 * Guarantees: a transfer is passed on in as many calls as it touches parts, in order, and stops at the first that fails;
 * beyond the last part it answers like any file of a fixed size. No object is made per call. A discard that stops at a part
 * which takes none has been done in the parts before it.
 * Requires: parts that adjoin, starting at 0.
 */
import { type BlockFile, errno } from './block-file.js'
import { assertPlaces, assertRange } from './transfer-bounds.js'

export interface FilePart {
  readonly start: number
  readonly byteLength: number
  readonly file: BlockFile
  readonly fileOffset: number
}

export class MapFile implements BlockFile {
  readonly #parts: readonly FilePart[]
  readonly #sizeBytes: number
  /** Each file once, however many parts it has. */
  readonly #files: readonly BlockFile[]

  constructor(parts: readonly FilePart[]) {
    this.#parts = parts
    const last = parts.at(-1)
    this.#sizeBytes = last === undefined ? 0 : last.start + last.byteLength
    this.#files = [...new Set(parts.map(({ file }) => file))]
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (byteLength > 0 && fileOffset + byteLength > this.#sizeBytes) return errno.EIO
    for (let done = 0; done < byteLength; ) {
      const part = this.#partAt(fileOffset + done)
      const at = fileOffset + done - part.start
      const step = Math.min(byteLength - done, part.byteLength - at)
      const failure = part.file.read(arenaOffset + done, step, part.fileOffset + at)
      if (failure !== 0) return failure
      done += step
    }
    return 0
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (byteLength > 0 && fileOffset + byteLength > this.#sizeBytes) return errno.ENOSPC
    for (let done = 0; done < byteLength; ) {
      const part = this.#partAt(fileOffset + done)
      const at = fileOffset + done - part.start
      const step = Math.min(byteLength - done, part.byteLength - at)
      const failure = part.file.write(arenaOffset + done, step, part.fileOffset + at)
      if (failure !== 0) return failure
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

  /** Every file's, also when one fails: the first failure is the answer. */
  barrier(): number {
    let failure = 0
    for (const file of this.#files) {
      const answer = file.barrier()
      if (failure === 0) failure = answer
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
      const part = this.#partAt(fileOffset + done)
      const at = fileOffset + done - part.start
      const step = Math.min(byteLength - done, part.byteLength - at)
      const failure = part.file[how](step, part.fileOffset + at)
      if (failure !== 0) return failure
      done += step
    }
    return 0
  }

  /** The part that `fileOffset` falls into, by halving. */
  #partAt(fileOffset: number): FilePart {
    let low = 0
    let high = this.#parts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#parts[middle] as FilePart).start <= fileOffset) low = middle
      else high = middle - 1
    }
    return this.#parts[low] as FilePart
  }
}
