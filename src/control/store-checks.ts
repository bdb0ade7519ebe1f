/**
 * The checks of a persistent store, one place for all who read one: the loader stops at the first problem, the inspection
 * names as many as it can, a repair drops what does not pass.
 *
 * The kernel checks next to nothing here; a list that contradicts itself is refused, with the entry named, because a snapshot
 * that shows wrong bytes is worse than none.
 */
import { dataIndexOf, type Geometry, validateChunkSectors } from '../format/geometry.js'
import { diskVersion, type StoreHeader } from '../format/header.js'
import { SparseBits } from './sparse-bits.js'

export interface HeaderProblem {
  readonly kind: 'corrupt' | 'version'
  readonly text: string
}

/** What is wrong with a header, for devices of these block sizes. */
export function headerProblem(header: StoreHeader, blockSectors: readonly number[]): HeaderProblem | undefined {
  const refused = validateChunkSectors(header.chunkSectors, blockSectors)
  if (refused !== undefined) {
    return { kind: 'corrupt', text: `its header names a chunk of ${header.chunkSectors} sectors: ${refused}` }
  }
  if (header.version !== diskVersion) {
    return {
      kind: 'version',
      text: `it is a store of disk version ${header.version}; only version ${diskVersion} is known`,
    }
  }
  return undefined
}

/** The area in which the list would have to end lies past the end of the COW. */
export const endlessList = 'its list has no end: the last area that fits is full'

export interface EntryLimits {
  readonly geometry: Geometry
  /** Whole chunks of the COW. */
  readonly cowChunks: number
  /** Chunks of the origin, the last one perhaps in part; `undefined` where it is not known. */
  readonly originChunks: number | undefined
}

/** Limit: offsets are numbers, so an origin ends at 2^53 bytes. */
export const originChunksMax = ({ chunkBytes }: Geometry): number => 2 ** 53 / chunkBytes

/** What is wrong with an entry by itself, whatever others say. */
export function entryProblem(
  { geometry, cowChunks, originChunks }: EntryLimits,
  entry: number,
  oldChunk: number,
  newChunk: number,
): string | undefined {
  // A number on disk that is no safe integer comes out larger than every limit.
  if (!(oldChunk < (originChunks ?? originChunksMax(geometry)))) {
    const end = originChunks === undefined ? 'any origin' : `the origin's ${originChunks} chunks`
    return `entry ${entry} is for chunk ${oldChunk}, past ${end}`
  }
  if (!(newChunk < cowChunks)) return `entry ${entry} points at chunk ${newChunk}, past the COW's ${cowChunks} chunks`
  if (dataIndexOf(geometry, newChunk) === undefined) {
    return `entry ${entry} points at chunk ${newChunk}, which holds metadata`
  }
  return undefined
}

/** Checks the entries of one list, in order. */
export class EntryChecks {
  readonly #limits: EntryLimits
  readonly #hasOld: (oldChunk: number) => boolean
  readonly #taken = new SparseBits()

  /** `hasOld`: whether an entry for this chunk of the origin was taken before. */
  constructor(limits: EntryLimits, hasOld: (oldChunk: number) => boolean) {
    this.#limits = limits
    this.#hasOld = hasOld
  }

  /** What is wrong with an entry; `undefined` takes its place on the COW, and the caller notes its chunk of the origin. */
  take(entry: number, oldChunk: number, newChunk: number): string | undefined {
    const problem = entryProblem(this.#limits, entry, oldChunk, newChunk)
    if (problem !== undefined) return problem
    if (this.#taken.has(newChunk)) return `entry ${entry} points at chunk ${newChunk}, which another has`
    if (this.#hasOld(oldChunk)) return `entry ${entry} is a second one for chunk ${oldChunk}`
    this.#taken.add(newChunk)
    return undefined
  }

  /** Whether a good entry points at this chunk of the COW. */
  isTaken(newChunk: number): boolean {
    return this.#taken.has(newChunk)
  }
}
