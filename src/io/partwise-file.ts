/**
 * BlockFile over parts of other BlockFiles. Where the parts are, a subclass says.
 *
 * Guarantees: a call is passed on in as many calls as it touches parts, in order, and stops at the first that fails; beyond
 * the end it answers like any file of a fixed size. No object is made per call. A discard that stops at a part which takes
 * none has been done in the parts before it.
 */
import { type BlockFile, errno } from './block-file.js'
import { assertPlaces, assertRange } from './transfer-bounds.js'

export abstract class PartwiseFile implements BlockFile {
  readonly #sizeBytes: number
  /** What `locate` found: where in the part's file an offset is, and how far the part goes on. */
  protected partOffset = 0
  protected partLeft = 0

  protected constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (this.#endsBefore(byteLength, fileOffset)) return errno.EIO
    for (let done = 0; done < byteLength; ) {
      const file = this.locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.partLeft)
      const failure = file.read(arenaOffset + done, step, this.partOffset)
      if (failure !== 0) return this.failed(fileOffset + done, failure)
      done += step
    }
    return 0
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (this.#endsBefore(byteLength, fileOffset)) return errno.ENOSPC
    for (let done = 0; done < byteLength; ) {
      const file = this.locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.partLeft)
      const failure = file.write(arenaOffset + done, step, this.partOffset)
      if (failure !== 0) return this.failed(fileOffset + done, failure)
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

  /** Of the first part that is touched. */
  extent(fileOffset: number, byteLength: number): number {
    assertRange(byteLength, fileOffset)
    if (byteLength === 0) return 0
    const file = this.locate(fileOffset)
    return file.extent(this.partOffset, Math.min(byteLength, this.partLeft))
  }

  abstract barrier(): number

  sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The file that has the byte at `fileOffset`; sets `partOffset` and `partLeft`. */
  protected abstract locate(fileOffset: number): BlockFile

  /** Hears of a call that failed at `fileOffset`; answers with the failure. */
  protected failed(_fileOffset: number, failure: number): number {
    return failure
  }

  #clear(how: 'zero' | 'discard', byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    if (this.#endsBefore(byteLength, fileOffset)) return errno.ENOSPC
    for (let done = 0; done < byteLength; ) {
      const file = this.locate(fileOffset + done)
      const step = Math.min(byteLength - done, this.partLeft)
      const failure = file[how](step, this.partOffset)
      // What cannot discard has not failed.
      if (failure === errno.EOPNOTSUPP) return failure
      if (failure !== 0) return this.failed(fileOffset + done, failure)
      done += step
    }
    return 0
  }

  #endsBefore(byteLength: number, fileOffset: number): boolean {
    return byteLength > 0 && fileOffset + byteLength > this.#sizeBytes
  }
}
