/**
 * Where things lie in a persistent store, as functions of the chunk size. Chunks below are chunks of the COW.
 *
 *   chunk 0   1        2 … epa+1        epa+2    epa+3 … 2·epa+2
 *   header    area 0   data of area 0   area 1   data of area 1     …
 *
 * Two counts run side by side: the *data index* numbers the data chunks in the order they lie on the COW, the *position*
 * numbers the entries in the order they lie in the areas. In a store that never lost an allocation they are equal; an old
 * kernel's crash can leave the data index ahead. It is never behind.
 *
 * Requires: a legal chunk size (`validateChunkSectors`). Leaves out on purpose: transient stores, whose data chunk i is
 * chunk i, with nothing between.
 */
import { assert } from '../base/assert.js'
import { isPowerOfTwo, sectorBytes } from '../base/units.js'
import { entryBytes } from './exception.js'

export interface Geometry {
  readonly chunkSectors: number
  readonly chunkBytes: number
  /** Also written epa. */
  readonly entriesPerArea: number
}

/** The largest power of two that is not above INT_MAX >> 9 sectors: 1 GiB. */
export const chunkSectorsMax = 2 ** 21

const geometries = new Map<number, Geometry>()

export function geometryOf(chunkSectors: number): Geometry {
  const known = geometries.get(chunkSectors)
  if (known !== undefined) return known
  assert(isPowerOfTwo(chunkSectors) && chunkSectors <= chunkSectorsMax, `${chunkSectors} sectors are no legal chunk`)
  const chunkBytes = chunkSectors * sectorBytes
  const geometry = { chunkSectors, chunkBytes, entriesPerArea: chunkBytes / entryBytes }
  geometries.set(chunkSectors, geometry)
  return geometry
}

/** What is wrong with a chunk size, in the kernel's words; `undefined` when it is legal. */
export function validateChunkSectors(chunkSectors: number, blockSectors: readonly number[]): string | undefined {
  if (!isPowerOfTwo(chunkSectors)) return 'Chunk size is not a power of 2'
  if (blockSectors.some((sectors) => chunkSectors % sectors !== 0)) {
    return 'Chunk size is not a multiple of device blocksize'
  }
  return chunkSectors > chunkSectorsMax ? 'Chunk size is too high' : undefined
}

/** The chunk that holds metadata area `area`. */
export const areaChunk = (g: Geometry, area: number): number => 1 + (g.entriesPerArea + 1) * area

/** The chunk of data index `dataIndex`. */
export const dataChunk = (g: Geometry, dataIndex: number): number =>
  2 + dataIndex + Math.floor(dataIndex / g.entriesPerArea)

export const isMetadataChunk = (g: Geometry, chunk: number): boolean =>
  chunk >= 1 && chunk % (g.entriesPerArea + 1) === 1

/** The inverse of `dataChunk`; `undefined` for the header, an area, and anything that is no chunk number. */
export function dataIndexOf(g: Geometry, chunk: number): number | undefined {
  if (!Number.isSafeInteger(chunk) || chunk < 2 || isMetadataChunk(g, chunk)) return undefined
  const area = Math.floor((chunk - 1) / (g.entriesPerArea + 1))
  return chunk - 2 - area
}

/**
 * The data index that is handed out next, given the largest new_chunk of a loaded store; `undefined` when it has no entry.
 * Stepping over an area here is what keeps data off it (CVE-2013-4299).
 */
export function nextDataIndex(g: Geometry, highestNewChunk: number | undefined): number {
  const free = Math.max(2, (highestNewChunk ?? 0) + 1)
  const dataIndex = dataIndexOf(g, isMetadataChunk(g, free) ? free + 1 : free)
  assert(dataIndex !== undefined, 'the highest new_chunk is a chunk number')
  return dataIndex
}

/** The metadata area of an entry. */
export const areaOfPosition = (g: Geometry, position: number): number => Math.floor(position / g.entriesPerArea)

/** Where an entry lies, in bytes from the start of the COW. */
export const byteOffsetOfPosition = (g: Geometry, position: number): number =>
  areaChunk(g, areaOfPosition(g, position)) * g.chunkBytes + (position % g.entriesPerArea) * entryBytes

/**
 * Whether the entry at `position` can be committed: the area in which the list ends afterwards lies wholly on the COW. For
 * the entry that fills an area that is the next one, which must be there to be zeroed (W2) and to end the list for a reader.
 */
export const canCommit = (g: Geometry, cowSectors: number, position: number): boolean =>
  (areaChunk(g, areaOfPosition(g, position + 1)) + 1) * g.chunkSectors <= cowSectors

/**
 * How many data indexes may ever be handed out on a COW of `cowSectors`, where positions equal data indexes: the data
 * chunk must fit and its entry must be one that can be committed. The kernel tests only the former, and invalidates the snapshot
 * when the latter fails; here such a store is full one chunk earlier.
 */
export const capacityOf = (g: Geometry, cowSectors: number): number => endPositionOf(g, cowSectors, 0)

/**
 * The first position that does not fit, in a store whose data indexes are `dataIndexOffset` ahead of positions. Only offset
 * 0 can meet a missing area: with any other, the data chunk of the entry that fills an area lies beyond the next area.
 */
export function endPositionOf(g: Geometry, cowSectors: number, dataIndexOffset: number): number {
  const end = Math.max(0, dataIndexesOn(g, cowSectors) - dataIndexOffset)
  return end > 0 && !canCommit(g, cowSectors, end - 1) ? end - 1 : end
}

/** How many data chunks lie wholly on the COW. */
function dataIndexesOn(g: Geometry, cowSectors: number): number {
  const afterHeader = Math.max(0, Math.floor(cowSectors / g.chunkSectors) - 1)
  return afterHeader - Math.ceil(afterHeader / (g.entriesPerArea + 1))
}
