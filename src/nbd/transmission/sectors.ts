/**
 * Bytes that are not whole sectors. Most files take them as they are; one that was opened with O_DIRECT knows only sectors.
 *
 * Guarantees: a read leaves its bytes where it was told to. A write changes its own bytes only; with O_DIRECT only against
 * other such writes of the process: there the first and the last sector are read, patched and written under one lock.
 * Leaves out on purpose: whole-sector writes take no lock. With O_DIRECT one from another connection that overlaps such a write
 * in flight may lose what it wrote beside it in the shared sector.
 */
import { sectorBytes } from '../../base/units.js'
import type { Connection } from './connection.js'

/** How much more memory than its length a read may use, behind its place. */
export const readSlackBytes = 2 * sectorBytes

export const inSector = (offset: number): number => offset - Math.floor(offset / sectorBytes) * sectorBytes

/** Answers the seat's status. */
export function readBytes(connection: Connection, arenaOffset: number, byteLength: number, offset: number): number {
  const { seat } = connection
  const before = inSector(offset)
  if ((before === 0 && (byteLength & (sectorBytes - 1)) === 0) || seat.takesBytes()) {
    return seat.read(arenaOffset, byteLength, offset)
  }
  const wholeBytes = Math.ceil((before + byteLength) / sectorBytes) * sectorBytes
  const status = seat.read(arenaOffset, wholeBytes, offset - before)
  if (before > 0) seat.arena.copyWithin(arenaOffset, arenaOffset + before, arenaOffset + before + byteLength)
  return status
}

/** Requires that nothing is begun. `byteLength` > 0. Answers the seat's status. */
export function writeBytes(connection: Connection, arenaOffset: number, byteLength: number, offset: number): number {
  const { seat } = connection
  if (seat.takesBytes()) return seat.write(arenaOffset, byteLength, offset)
  const firstBytes = Math.min(byteLength, (sectorBytes - inSector(offset)) % sectorBytes)
  const wholeBytes = Math.floor((byteLength - firstBytes) / sectorBytes) * sectorBytes
  const lastBytes = byteLength - firstBytes - wholeBytes
  let status = 0
  if (wholeBytes > 0) {
    status = seat.write(arenaOffset + firstBytes, wholeBytes, offset + firstBytes)
  }
  if (status === 0 && firstBytes > 0) status = patchSector(connection, arenaOffset, firstBytes, offset)
  if (status === 0 && lastBytes > 0) {
    const done = firstBytes + wholeBytes
    status = patchSector(connection, arenaOffset + done, lastBytes, offset + done)
  }
  return status
}

/** Bytes within one sector. */
function patchSector(connection: Connection, arenaOffset: number, byteLength: number, offset: number): number {
  const { scratchOffset, seat } = connection
  const before = inSector(offset)
  seat.holdSectors()
  try {
    const status = seat.read(scratchOffset, sectorBytes, offset - before)
    if (status !== 0) return status
    seat.arena.copyWithin(scratchOffset + before, arenaOffset, arenaOffset + byteLength)
    return seat.write(scratchOffset, sectorBytes, offset - before)
  } finally {
    seat.freeSectors()
  }
}
