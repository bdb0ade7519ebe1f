/**
 * How full a store is: the three numbers of the kernel's status line, its text, and the percentage LVM2 makes of it.
 *
 * Guarantees: the same numbers as the kernel for the same counts, its accidents included. Allocation runs ahead of commits, so
 * `allocatedSectors` counts copies in flight and `metadataSectors` does not count their entries; and once an area is full,
 * `allocatedSectors` includes the next area's chunk.
 * Leaves out on purpose: the states Invalid, Overflow and Merge failed, which print their names instead.
 */
import { dataChunk, type Geometry } from './geometry.js'

export type StoreCounts =
  | {
      readonly kind: 'persistent'
      readonly geometry: Geometry
      /** The data index that is handed out next. */
      readonly nextDataIndex: number
      /** Entries in the areas. */
      readonly committedEntries: number
      readonly cowSectors: number
    }
  | {
      readonly kind: 'transient'
      readonly chunkSectors: number
      /** Chunks handed out. */
      readonly allocated: number
      readonly cowSectors: number
    }

export interface Usage {
  readonly allocatedSectors: number
  readonly totalSectors: number
  readonly metadataSectors: number
}

export function usageOf(counts: StoreCounts): Usage {
  const totalSectors = counts.cowSectors
  if (counts.kind === 'transient') {
    return { allocatedSectors: counts.allocated * counts.chunkSectors, totalSectors, metadataSectors: 0 }
  }
  const { geometry, nextDataIndex, committedEntries } = counts
  const metadataChunks = Math.floor(committedEntries / geometry.entriesPerArea) + 2
  return {
    allocatedSectors: dataChunk(geometry, nextDataIndex) * geometry.chunkSectors,
    totalSectors,
    metadataSectors: metadataChunks * geometry.chunkSectors,
  }
}

/** `<allocated>/<total> <metadata>`, as the kernel prints it. */
export const statusText = (usage: Usage): string =>
  `${usage.allocatedSectors}/${usage.totalSectors} ${usage.metadataSectors}`

/** LVM2 counts percentages in millionths of one percent. */
const unitsPerPercent = 1e6
const fullUnits = 100 * unitsPerPercent

/**
 * Data% as `lvs` prints it: two decimals, 0 only for a store without data, 100 only for a full one.
 *
 * Metadata counts as used, so one exception in a store of three chunks is 100 %.
 */
export function percentOf(usage: Usage): number {
  const { allocatedSectors, totalSectors, metadataSectors } = usage
  if (allocatedSectors === metadataSectors) return 0
  // More than total: the last area is full and the chunk counted after it lies past the end.
  if (allocatedSectors >= totalSectors) return 100
  const units = Math.trunc((allocatedSectors / totalSectors) * fullUnits)
  const shown = roundedHundredths(units)
  return Math.min(Math.max(shown, 1), 9999) / 100
}

/**
 * Rounds as LVM2 and C do, in single precision and half to even; otherwise 5 of 32 chunks, 15.625 %, would not show as
 * 15.62. The product is exact: 24 bits times 7.
 */
function roundedHundredths(units: number): number {
  const hundredths = Math.fround(Math.fround(units) / unitsPerPercent) * 100
  const below = Math.floor(hundredths)
  const rest = hundredths - below
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1)
  return up ? below + 1 : below
}
