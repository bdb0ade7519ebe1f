/**
 * Makes an origin and a store with very many exceptions, without copying anything: both files are sparse, only the header
 * and the areas are written.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { sectorBytes } from '../../../src/base/units.js'
import { encodeEntry, entryBytes } from '../../../src/format/exception.js'
import { areaChunk, dataChunk, type Geometry, geometryOf } from '../../../src/format/geometry.js'
import { diskVersion, encodeHeader } from '../../../src/format/header.js'
import type { Workplace } from '../workplace.js'

export const tebibyte = 2 ** 40
export const chunkSectors = 8
export const chunkBytes = chunkSectors * sectorBytes

export function makeSparse(path: string, bytes: number): string {
  const fd = openSync(path, 'w')
  ftruncateSync(fd, bytes)
  closeSync(fd)
  return path
}

/** A store of `count` exceptions; `oldChunkOf` says which chunk the exception at a position is for. */
export function makeStore(
  place: Workplace,
  name: string,
  count: number,
  oldChunkOf: (position: number) => number,
): string {
  const geometry = geometryOf(chunkSectors)
  const path = place.path(name)
  const fd = openSync(path, 'w')
  writeList(fd, geometry, count, oldChunkOf)
  ftruncateSync(fd, (dataChunk(geometry, count) + 2 * geometry.entriesPerArea) * chunkBytes)
  closeSync(fd)
  return path
}

/** Writes the header and the areas of a store, and none of its data. */
export function writeList(
  fd: number,
  geometry: Geometry,
  count: number,
  oldChunkOf: (position: number) => number,
): void {
  const { chunkBytes, chunkSectors, entriesPerArea } = geometry
  const block = new Uint8Array(chunkBytes)
  encodeHeader({ valid: true, version: diskVersion, chunkSectors }, block, 0)
  writeSync(fd, block, 0, chunkBytes, 0)
  const view = new DataView(block.buffer)
  for (let first = 0; first <= count; first += entriesPerArea) {
    block.fill(0)
    for (let position = first; position < Math.min(count, first + entriesPerArea); position++) {
      const at = (position - first) * entryBytes
      encodeEntry(view, at, oldChunkOf(position), dataChunk(geometry, position))
    }
    writeSync(fd, block, 0, chunkBytes, areaChunk(geometry, first / entriesPerArea) * chunkBytes)
  }
}
