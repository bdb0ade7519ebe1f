/**
 * How finely O_DIRECT can address a regular file: statx with STATX_DIOALIGN (Linux 6.1), or the block size of the disk
 * below, where either can be told.
 */
import { fstatSync } from 'node:fs'
import { sectorBytes } from '../base/units.js'
import { logicalBlockBytes } from './block-device.js'
import { libc, libcLoads } from './libc.js'

const atEmptyPath = 0x1000
const statxDioAlign = 0x2000
/** Offsets in `struct statx`, which is 256 bytes. */
const maskAt = 0
const memoryAlignAt = 152
const offsetAlignAt = 156

/** Bytes that offset, length and memory must be multiples of; 0 if the file cannot be opened with O_DIRECT at all. */
export function directAlignmentBytes(fd: number): number {
  const answered = statxAlignment(fd)
  if (answered !== undefined) return answered === 0 ? 0 : Math.max(answered, sectorBytes)
  return logicalBlockBytes(fstatSync(fd, { bigint: true }).dev) ?? sectorBytes
}

function statxAlignment(fd: number): number | undefined {
  if (!libcLoads()) return undefined
  const answer = new DataView(new ArrayBuffer(256))
  const failed = libc().statx?.(fd, '', atEmptyPath, statxDioAlign, new Uint8Array(answer.buffer)) !== 0
  const word = (at: number) => answer.getUint32(at, littleEndian)
  if (failed || (word(maskAt) & statxDioAlign) === 0) return undefined
  if (word(offsetAlignAt) === 0) return 0
  return Math.max(word(offsetAlignAt), word(memoryAlignAt))
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
