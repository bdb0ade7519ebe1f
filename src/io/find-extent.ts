/**
 * Where a file has data and where holes, asked of the file system by lseek's SEEK_DATA and SEEK_HOLE.
 *
 * Guarantees: whole sectors; what is doubtful is data: a file system or device without holes, a call that fails, a sector
 * that is a hole in part.
 * Requires: whole sectors inside the file, and that nobody uses the descriptor's file position.
 *
 * Where data ends can be dear: tmpfs looks at each page up to the next hole, 10 ms for each GiB. So the answer is remembered
 * for a multiple of what it took. If a hole is punched meanwhile, it is told as data for that long, which is never wrong.
 */
import { sectorBytes } from '../base/units.js'
import { errno } from './block-file.js'
import { type Libc, seekData, seekHole } from './libc.js'

/** Asking takes up to a twentieth of the time. */
const rememberedPerAsked = 20

export class ExtentFinder {
  readonly #libc: Libc
  readonly #fd: number
  /** A stretch that was data when it was looked at. */
  #dataStart = 0
  #dataEnd = 0
  #validUntilMs = 0

  constructor(libc: Libc, fd: number) {
    this.#libc = libc
    this.#fd = fd
  }

  /** Positive: bytes of data. Negative: bytes of hole. At most `byteLength` of either. */
  find(fileOffset: number, byteLength: number): number {
    if (byteLength === 0) return 0
    const startMs = performance.now()
    if (fileOffset >= this.#dataStart && fileOffset < this.#dataEnd && startMs < this.#validUntilMs) {
      return Math.min(byteLength, this.#dataEnd - fileOffset)
    }
    const data = this.#libc.lseek64(this.#fd, fileOffset, seekData)
    // No data from there to the end.
    if (data < 0) return this.#libc.lastErrno() === errno.ENXIO ? -byteLength : byteLength
    const holeBytes = Math.floor((data - fileOffset) / sectorBytes) * sectorBytes
    if (holeBytes > 0) return -Math.min(byteLength, holeBytes)
    const hole = this.#libc.lseek64(this.#fd, data, seekHole)
    if (hole < 0) return byteLength
    this.#dataStart = fileOffset
    this.#dataEnd = Math.ceil(hole / sectorBytes) * sectorBytes
    const endMs = performance.now()
    this.#validUntilMs = endMs + rememberedPerAsked * (endMs - startMs)
    return Math.min(byteLength, this.#dataEnd - fileOffset)
  }

  /** The file has a new hole. */
  forget(): void {
    this.#validUntilMs = 0
  }
}
