/** What lies behind the end of a store's list: nothing, or the next entries would join it to the list (W2). */
import { decodeNewChunk, entryBytes } from '../../src/format/exception.js'
import { areaChunk, geometryOf } from '../../src/format/geometry.js'
import { decodeHeader } from '../../src/format/header.js'
import { Violation } from './oracle.js'

/** Throws unless the area in which the list of a good store ends is zero behind its last entry. The store is at rest. */
export function mustEnd(bytes: Uint8Array, name: string): void {
  const reading = decodeHeader(bytes, 0)
  if (reading.kind !== 'store' || !reading.header.valid) return
  const geometry = geometryOf(reading.header.chunkSectors)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let area = 0; ; area++) {
    const start = areaChunk(geometry, area) * geometry.chunkBytes
    const end = start + geometry.chunkBytes
    if (end > bytes.length) throw new Violation(`${name}: its list has no end`)
    let at = start
    while (at < end && decodeNewChunk(view, at) !== 0) at += entryBytes
    if (at === end) continue
    const stale = bytes.subarray(at, end).findIndex((byte) => byte !== 0)
    if (stale < 0) return
    const entry = (at - start) / entryBytes + area * geometry.entriesPerArea
    throw new Violation(
      `${name}: its list ends before entry ${entry}, and ${stale} bytes behind that something is left`,
    )
  }
}
