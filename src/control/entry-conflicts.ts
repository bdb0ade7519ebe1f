/**
 * Which entries of a damaged list can be trusted: those that nothing in the list contradicts.
 *
 * - An entry that is wrong by itself (past an end, at metadata) is dropped.
 * - Entries of different chunks of the origin that point at one chunk of the COW are all dropped: it holds the data of one of
 *   them, and nothing says of which.
 * - Of entries for one chunk of the origin the first is kept if all of them point at the same chunk, or at the same data.
 *   Otherwise all are dropped.
 *
 * An entry that is wrong by itself still contradicts others: which of its two numbers is the damaged one cannot be told. A
 * wrong entry that is trusted shows wrong bytes and says nothing; a right one that is dropped is in the report.
 */
import { CowringError } from '../base/errors.js'
import type { Geometry } from '../format/geometry.js'
import type { StoreBytes } from './store-bytes.js'

/** An entry that is wrong by itself, or shares a number with another. */
export interface Suspect {
  readonly entry: number
  readonly oldChunk: number
  readonly newChunk: number
  /** What is wrong with it by itself. */
  readonly problem: string | undefined
}

/** An entry that a repair leaves out. */
export interface DroppedEntry {
  readonly entry: number
  readonly oldChunk: number
  readonly newChunk: number
  readonly reason: string
  /** The snapshot shows the origin at `oldChunk` now. False where another entry says the same, or there is no such chunk. */
  readonly isLost: boolean
}

/** `suspects` in the order of the list, complete: whoever shares a number with one of them is among them. */
export async function droppedAmong(
  bytes: StoreBytes,
  geometry: Geometry,
  suspects: readonly Suspect[],
  originChunks: number,
): Promise<DroppedEntry[]> {
  const claims = claimsOf(suspects)
  const verdicts = new Map<number, GroupVerdict>()
  for (const [oldChunk, group] of groupedByOld(suspects)) {
    verdicts.set(oldChunk, await judge(bytes, geometry, group, claims))
  }
  const dropped: DroppedEntry[] = []
  for (const suspect of suspects) {
    const verdict = verdicts.get(suspect.oldChunk)
    const reason = suspect.problem ?? contest(suspect, claims) ?? verdict?.reasonFor(suspect)
    if (reason === undefined) continue
    const isLost = verdict?.isKept !== true && suspect.oldChunk < originChunks
    const { entry, oldChunk, newChunk } = suspect
    dropped.push({ entry, oldChunk, newChunk, reason, isLost })
  }
  return dropped
}

/** About all entries for one chunk of the origin. */
interface GroupVerdict {
  /** Whether the first one is kept. */
  readonly isKept: boolean
  readonly reasonFor: (suspect: Suspect) => string | undefined
}

async function judge(
  bytes: StoreBytes,
  geometry: Geometry,
  group: readonly Suspect[],
  claims: Claims,
): Promise<GroupVerdict> {
  const [first, ...others] = group
  if (first === undefined) return { isKept: false, reasonFor: () => undefined }
  const isDoubtful = group.some((suspect) => suspect.problem !== undefined || contest(suspect, claims) !== undefined)
  const isKept = !isDoubtful && (await agree(bytes, geometry, first, others))
  return {
    isKept,
    reasonFor(suspect) {
      if (isKept && suspect === first) return undefined
      const other = suspect === first ? others[0] : first
      if (isKept) return `entry ${suspect.entry} repeats entry ${first.entry}`
      return `entry ${suspect.entry} is for chunk ${suspect.oldChunk}, and so is entry ${other?.entry}`
    },
  }
}

/** The reason to drop an entry whose chunk of the COW is claimed for another chunk of the origin. */
function contest({ entry, oldChunk, newChunk }: Suspect, claims: Claims): string | undefined {
  const claim = claims.get(newChunk)
  if (claim?.rival === undefined) return undefined
  const rival = claim.first.oldChunk === oldChunk ? claim.rival : claim.first
  return `entry ${entry} points at chunk ${newChunk}, and so does entry ${rival.entry}`
}

async function agree(
  bytes: StoreBytes,
  geometry: Geometry,
  first: Suspect,
  others: readonly Suspect[],
): Promise<boolean> {
  for (const other of others) {
    if (other.newChunk !== first.newChunk && !(await sameData(bytes, geometry, first.newChunk, other.newChunk))) {
      return false
    }
  }
  return true
}

const blockBytes = 2 ** 18

async function sameData(bytes: StoreBytes, { chunkBytes }: Geometry, chunk: number, other: number): Promise<boolean> {
  const one = Buffer.alloc(Math.min(blockBytes, chunkBytes))
  const two = Buffer.alloc(one.byteLength)
  try {
    for (let done = 0; done < chunkBytes; done += one.byteLength) {
      await bytes.read(one, chunk * chunkBytes + done)
      await bytes.read(two, other * chunkBytes + done)
      if (!one.equals(two)) return false
    }
    return true
  } catch (error) {
    if (error instanceof CowringError) return false
    throw error
  }
}

/** Of each chunk of the COW: who claims it first, and the first who claims it for another chunk of the origin. */
type Claims = ReadonlyMap<number, { readonly first: Suspect; readonly rival: Suspect | undefined }>

function claimsOf(suspects: readonly Suspect[]): Claims {
  const claims = new Map<number, { first: Suspect; rival: Suspect | undefined }>()
  for (const suspect of suspects) {
    const claim = claims.get(suspect.newChunk)
    if (claim === undefined) claims.set(suspect.newChunk, { first: suspect, rival: undefined })
    else if (claim.first.oldChunk !== suspect.oldChunk) claim.rival ??= suspect
  }
  return claims
}

function groupedByOld(suspects: readonly Suspect[]): ReadonlyMap<number, readonly Suspect[]> {
  const groups = new Map<number, Suspect[]>()
  for (const suspect of suspects) {
    const group = groups.get(suspect.oldChunk)
    if (group === undefined) groups.set(suspect.oldChunk, [suspect])
    else group.push(suspect)
  }
  return groups
}
