/** Memory for the requests of a lane: page-aligned, which O_DIRECT asks for, and shared, which does not move. */
import { pageAlignedMemory } from '../../base/page-aligned-memory.js'
import { stampSectors, wordsOf } from '../verify/sector-stamp.js'

const wasmPageBytes = 65536
const sectorBytes = 512

/** `count` buffers of `bytesEach`, whole pages. */
export function laneMemory(count: number, bytesEach: number): { memory: Uint8Array; buffers: Uint8Array[] } {
  const stride = Math.ceil(bytesEach / 4096) * 4096
  const byteLength = Math.ceil((count * stride) / wasmPageBytes) * wasmPageBytes
  const memory = new Uint8Array(pageAlignedMemory(byteLength))
  const buffers = Array.from({ length: count }, (_, slot) => memory.subarray(slot * stride, slot * stride + bytesEach))
  return { memory, buffers }
}

/**
 * What is written where nothing is checked: bytes that no file system shortens, in sectors that the harness knows as its own, so that it
 * may overwrite them another time.
 */
export function fillWithOwnSectors(buffer: Uint8Array, firstSector = 0): void {
  const stamp = { runLow: 0, runHigh: 0, volume: 0, job: 0, write: 0, atMs: 0 }
  stampSectors(wordsOf(buffer), stamp, firstSector, buffer.byteLength / sectorBytes)
}
