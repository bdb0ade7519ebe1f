/**
 * BlockFile over parts of other BlockFiles, laid end to end: what a table of several lines resolves to.
 *
 * Requires: parts that adjoin, starting at 0.
 */
import type { BlockFile } from './block-file.js'
import { PartwiseFile } from './partwise-file.js'

export interface FilePart {
  readonly start: number
  readonly byteLength: number
  readonly file: BlockFile
  readonly fileOffset: number
}

export class MapFile extends PartwiseFile {
  readonly #parts: readonly FilePart[]
  /** Each file once, however many parts it has. */
  readonly #files: readonly BlockFile[]

  constructor(parts: readonly FilePart[]) {
    const last = parts.at(-1)
    super(last === undefined ? 0 : last.start + last.byteLength)
    this.#parts = parts
    this.#files = [...new Set(parts.map(({ file }) => file))]
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

  /** By halving. */
  protected locate(fileOffset: number): BlockFile {
    let low = 0
    let high = this.#parts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#parts[middle] as FilePart).start <= fileOffset) low = middle
      else high = middle - 1
    }
    const part = this.#parts[low] as FilePart
    this.partOffset = part.fileOffset + fileOffset - part.start
    this.partLeft = part.start + part.byteLength - fileOffset
    return part.file
  }
}
