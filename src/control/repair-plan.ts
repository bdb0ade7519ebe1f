/**
 * What a repair takes over from a damaged list: reads it twice, and names what has to be left out and why.
 *
 * Guarantees: nothing is written. Memory: a bit or two for each number in the list, and what is said about the entries that are
 * left out.
 */
import { CowringError } from '../base/errors.js'
import { type DroppedEntry, droppedAmong, type Suspect } from './entry-conflicts.js'
import { SparseBits } from './sparse-bits.js'
import type { StoreBytes } from './store-bytes.js'
import { type EntryLimits, entryProblem, originChunksMax } from './store-checks.js'
import { type ListEnd, StoreList, type UnreadableEntries } from './store-list.js'

export interface RepairPlan {
  readonly limits: EntryLimits
  /** Entries that could be read, up to the list's end. */
  readonly entries: number
  readonly dropped: readonly DroppedEntry[]
  readonly unreadable: readonly UnreadableEntries[]
  readonly end: ListEnd
}

/** Limit: what contradicts itself more often than this is no damaged list, but read with a wrong chunk size. */
const suspectsMax = 2 ** 18

/** Fails with LIMIT_EXCEEDED, IO_ERROR. */
export async function planRepair(bytes: StoreBytes, limits: EntryLimits): Promise<RepairPlan> {
  const first = await lookForDoubles(bytes, limits)
  const second = await suspectsOf(bytes, limits, first.isSuspect)
  requireSame(bytes, first.unreadable, second.unreadable)
  const { originChunks = originChunksMax(limits.geometry) } = limits
  return {
    limits,
    entries: first.entries,
    dropped: await droppedAmong(bytes, limits.geometry, second.suspects, originChunks),
    unreadable: first.unreadable,
    end: first.end,
  }
}

/** A sector that can be read one time and not the next: what was decided was decided about another list. */
export function requireSame(
  { name }: StoreBytes,
  before: readonly UnreadableEntries[],
  now: readonly UnreadableEntries[],
): void {
  const text = (ranges: readonly UnreadableEntries[]) => ranges.map(({ first, last }) => `${first}-${last}`).join()
  if (text(before) === text(now)) return
  const what = `${name} gives other entries each time it is read; copy it to a file first, and repair that`
  throw new CowringError('IO_ERROR', what, { path: name })
}

async function lookForDoubles(bytes: StoreBytes, limits: EntryLimits) {
  const unreadable: UnreadableEntries[] = []
  const list = new StoreList(bytes, limits.geometry, unreadable)
  const old = new Doubles()
  const used = new Doubles()
  let entries = 0
  while (await list.next()) {
    for (let index = 0; index < list.count; index++) {
      old.add(list.oldChunk(index))
      used.add(list.newChunk(index))
    }
    entries += list.count
  }
  const isSuspect = (oldChunk: number, newChunk: number) => old.has(oldChunk) || used.has(newChunk)
  return { entries, unreadable, end: list.end ?? 'mark', isSuspect }
}

async function suspectsOf(
  bytes: StoreBytes,
  limits: EntryLimits,
  isDouble: (oldChunk: number, newChunk: number) => boolean,
) {
  const unreadable: UnreadableEntries[] = []
  const list = new StoreList(bytes, limits.geometry, unreadable)
  const suspects: Suspect[] = []
  while (await list.next()) {
    for (let index = 0; index < list.count; index++) {
      const oldChunk = list.oldChunk(index)
      const newChunk = list.newChunk(index)
      const entry = list.first + index
      const problem = entryProblem(limits, entry, oldChunk, newChunk)
      if (problem === undefined && !isDouble(oldChunk, newChunk)) continue
      if (suspects.length === suspectsMax) throw tooMany(bytes)
      suspects.push({ entry, oldChunk, newChunk, problem })
    }
  }
  return { suspects, unreadable }
}

function tooMany({ name }: StoreBytes): CowringError {
  const text = `more than ${suspectsMax} entries of ${name} are wrong or contradict each other`
  const advice = 'its chunk size is not what it was read with, or this is no store'
  return new CowringError('LIMIT_EXCEEDED', `${text}: ${advice}`, { path: name })
}

/** Which numbers came more than once. */
class Doubles {
  readonly #once = new SparseBits()
  readonly #twice = new SparseBits()

  add(number: number): void {
    // Larger ones are wrong by themselves.
    if (!Number.isSafeInteger(number)) return
    if (this.#once.has(number)) this.#twice.add(number)
    else this.#once.add(number)
  }

  has(number: number): boolean {
    return Number.isSafeInteger(number) && this.#twice.has(number)
  }
}
