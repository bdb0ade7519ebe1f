/**
 * Where a file has data and where holes, asked of the file system by lseek's SEEK_DATA and SEEK_HOLE.
 *
 * Guarantees: whole sectors; what is doubtful is data: a file system or device without holes, a call that fails, a sector
 * that is a hole in part.
 * Requires: whole sectors inside the file, and that nobody uses the descriptor's file position.
 */
import { sectorBytes } from '../base/units.js'
import { errno } from './block-file.js'
import { type Libc, seekData, seekHole } from './libc.js'

/** Positive: bytes of data. Negative: bytes of hole. At most `byteLength` of either. */
export function findExtent(libc: Libc, fd: number, fileOffset: number, byteLength: number): number {
  if (byteLength === 0) return 0
  const data = libc.lseek64(fd, fileOffset, seekData)
  // No data from there to the end.
  if (data < 0) return libc.lastErrno() === errno.ENXIO ? -byteLength : byteLength
  const holeBytes = Math.floor((data - fileOffset) / sectorBytes) * sectorBytes
  if (holeBytes > 0) return -Math.min(byteLength, holeBytes)
  const hole = libc.lseek64(fd, data, seekHole)
  if (hole < 0) return byteLength
  return Math.min(byteLength, Math.ceil((hole - fileOffset) / sectorBytes) * sectorBytes)
}
