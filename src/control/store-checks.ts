/**
 * The checks of a persistent store, one place for all who read one: the loader stops at the first problem, the inspection
 * names as many as it can.
 *
 * The kernel checks next to nothing here; a list that contradicts itself is refused, with the entry named, because a snapshot
 * that shows wrong bytes is worse than none.
 */
import { dataIndexOf, type Geometry, validateChunkSectors } from '../format/geometry.js'
import { diskVersion, type StoreHeader } from '../format/header.js'

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
  /** Whether an entry for this chunk of the origin was taken before. */
  readonly hasOld: (oldChunk: number) => boolean
}

/** Checks the entries of one list, in order. */
export class EntryChecks {
  readonly #limits: EntryLimits
  readonly #taken: Uint8Array

  constructor(limits: EntryLimits) {
    this.#limits = limits
    this.#taken = new Uint8Array(Math.ceil(limits.cowChunks / 8))
  }

  /** What is wrong with an entry; `undefined` takes its place on the COW, and the caller notes its chunk of the origin. */
  take(entry: number, oldChunk: number, newChunk: number): string | undefined {
    const { geometry, cowChunks, originChunks, hasOld } = this.#limits
    // A number on disk that is no safe integer comes out larger than every limit.
    if (!(oldChunk < (originChunks ?? Number.MAX_SAFE_INTEGER))) {
      const end = originChunks === undefined ? 'any origin' : `the origin's ${originChunks} chunks`
      return `entry ${entry} is for chunk ${oldChunk}, past ${end}`
    }
    if (!(newChunk < cowChunks)) {
      return `entry ${entry} points at chunk ${newChunk}, past the COW's ${cowChunks} chunks`
    }
    if (dataIndexOf(geometry, newChunk) === undefined) {
      return `entry ${entry} points at chunk ${newChunk}, which holds metadata`
    }
    const bit = 1 << (newChunk & 7)
    const byte = this.#taken[newChunk >>> 3] as number
    if ((byte & bit) !== 0) return `entry ${entry} points at chunk ${newChunk}, which another has`
    if (hasOld(oldChunk)) return `entry ${entry} is a second one for chunk ${oldChunk}`
    this.#taken[newChunk >>> 3] = byte | bit
    return undefined
  }
}
