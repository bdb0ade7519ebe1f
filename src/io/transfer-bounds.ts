/**
 * The check that every BlockFile makes before it touches memory: a programmer's mistake must not become a read or write of
 * someone else's bytes. libc would follow a bad address anywhere, and node:fs takes a bad position for "where it is now".
 */
import { assert } from '../base/assert.js'
import { sectorBytes } from '../base/units.js'

export function assertTransfer(arenaBytes: number, arenaOffset: number, byteLength: number, fileOffset: number): void {
  assert(
    arenaOffset >= 0 && byteLength >= 0 && arenaOffset + byteLength <= arenaBytes,
    'a transfer stays inside the arena',
  )
  assert(
    Number.isSafeInteger(arenaOffset) && Number.isSafeInteger(byteLength),
    'arena offset and length are whole numbers of bytes',
  )
  assert(fileOffset >= 0 && Number.isSafeInteger(fileOffset), 'a file offset is a whole number of bytes')
}

/** The same where only files below know the arena, and a sum would hide what is wrong from them. */
export function assertPlaces(arenaOffset: number, byteLength: number, fileOffset: number): void {
  assert(Number.isSafeInteger(arenaOffset) && arenaOffset >= 0, 'an arena offset is a whole number of bytes')
  assert(Number.isSafeInteger(byteLength) && byteLength >= 0, 'a length is a whole number of bytes')
  assert(Number.isSafeInteger(fileOffset) && fileOffset >= 0, 'a file offset is a whole number of bytes')
}

/** The same for a range of a file that is zeroed or discarded: no memory is concerned. */
export function assertRange(byteLength: number, fileOffset: number): void {
  assert(Number.isSafeInteger(byteLength + fileOffset) && byteLength >= 0 && fileOffset >= 0, 'a range is in the file')
  assert(byteLength % sectorBytes === 0 && fileOffset % sectorBytes === 0, 'a range is whole sectors')
}
