/**
 * The floor of an activation: the header and every area that has an entry or ends the list, each read with one `pread` and looked at
 * by nobody.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { areaChunk, type Geometry } from '../../../src/format/geometry.js'

export interface AreaReads {
  readonly seconds: number
  readonly byteCount: number
}

export function readAreas(path: string, geometry: Geometry, exceptions: number): AreaReads {
  const { chunkBytes, entriesPerArea } = geometry
  const bytes = new Uint8Array(chunkBytes).fill(1)
  let byteCount = 0
  const startedMs = performance.now()
  const fd = openSync(path, 'r')
  try {
    byteCount += readSync(fd, bytes, 0, chunkBytes, 0)
    for (let area = 0; area <= Math.floor(exceptions / entriesPerArea); area++) {
      byteCount += readSync(fd, bytes, 0, chunkBytes, areaChunk(geometry, area) * chunkBytes)
    }
  } finally {
    closeSync(fd)
  }
  return { seconds: (performance.now() - startedMs) / 1000, byteCount }
}
