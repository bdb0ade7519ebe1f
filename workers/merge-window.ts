/**
 * A merge's window: the last exceptions of the list, and the keys of their chunks.
 *
 * The keys have an owner of their own, no worker's, so that every step over a window can be taken by any worker, and again by
 * another one when that dies. L2: they are taken ascending, so a window that waits for a stripe holds only lower ones, and
 * whoever holds a higher one never waits for a lower.
 */
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../src/format/exception.js'
import { areaOfPosition, byteOffsetOfPosition } from '../src/format/geometry.js'
import { entriesKept } from '../src/shm/commit-cursor.js'
import { mergeOwner } from '../src/shm/lock-table.js'
import { type MergeWindow, windowMax } from '../src/shm/merge-window.js'
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import type { MergingView, OriginView, SnapshotView } from './views.js'

const uint32Max = 2 ** 32 - 1

/**
 * Reads the last entries of the list into the window, at most `countMax` before `end`: whole runs, unless the last run alone is
 * longer. And those before them that share a block of the list. Answers an errno.
 */
export function gather(ctx: WorkerContext, { snapshot, window }: MergingView, end: number, countMax: number): number {
  const { geometry } = snapshot
  const first = Math.max(0, end - Math.min(countMax, windowMax - 1))
  // One more, to see whether the first one's run begins before it.
  const readFrom = Math.max(0, first - 1)
  window.open(readFrom, end)
  const failure = readEntries(ctx, snapshot, readFrom, end, (position, oldChunk, newChunk) =>
    window.set(position - readFrom, oldChunk, newChunk),
  )
  if (failure !== 0) return failure
  if (first > 0) window.dropBefore(beginningOfRuns(window))
  const { from } = window
  const keptFrom = Math.max(from - (from % entriesKept), areaOfPosition(geometry, from) * geometry.entriesPerArea)
  window.keepFrom(keptFrom)
  return readEntries(ctx, snapshot, keptFrom, from, (position, oldChunk, newChunk) =>
    window.keep(position, oldChunk, newChunk),
  )
}

/** The first position behind the window's first one at which a run begins; its second, if none does. */
function beginningOfRuns(window: MergeWindow): number {
  for (let index = 1; index < window.count; index++) {
    if (!window.continuesRun(index)) return window.from + index
  }
  return window.from + 1
}

type EntrySink = (position: number, oldChunk: number, newChunk: number) => void

function readEntries(ctx: WorkerContext, snapshot: SnapshotView, from: number, end: number, take: EntrySink): number {
  const { entriesPerArea } = snapshot.geometry
  for (let position = from; position < end; ) {
    const areaEnd = Math.min(end, (areaOfPosition(snapshot.geometry, position) + 1) * entriesPerArea)
    const failure = readAreaPart(ctx, snapshot, position, areaEnd, take)
    if (failure !== 0) return failure
    position = areaEnd
  }
  return 0
}

/** Entries [from, end), all of one area, in whole blocks of the COW. */
function readAreaPart(ctx: WorkerContext, snapshot: SnapshotView, from: number, end: number, take: EntrySink): number {
  const { cow, geometry, metadataUnitBytes } = snapshot
  const start = byteOffsetOfPosition(geometry, from)
  const blockStart = Math.floor(start / metadataUnitBytes) * metadataUnitBytes
  const blockEnd = Math.ceil((start + (end - from) * entryBytes) / metadataUnitBytes) * metadataUnitBytes
  const { metadataOffset } = ctx.scratch
  const failure = cow.read(metadataOffset, blockEnd - blockStart, blockStart)
  if (failure !== 0) return failure
  for (let position = from; position < end; position++) {
    const at = metadataOffset + (start - blockStart) + (position - from) * entryBytes
    const oldChunk = decodeOldChunk(ctx.arenaView, at)
    const newChunk = decodeNewChunk(ctx.arenaView, at)
    // What is too large for the window is in no map either, nor is an entry that points at chunk 0.
    const fits = oldChunk <= uint32Max && newChunk <= uint32Max
    take(position, fits ? oldChunk : 0, fits ? newChunk : 0)
  }
  return 0
}

/** The first chunk whose entry was read and is not what the map says, one to be merged or one to be kept; -1 if there is none. */
export function strangeChunk({ snapshot: { map }, window }: MergingView): number {
  for (let index = 0; index < window.count; index++) {
    const oldChunk = window.oldChunk(index)
    if (map.lookUp(oldChunk) !== window.newChunk(index)) return oldChunk
  }
  // These are written again beside the cleared ones.
  for (let position = window.keptFrom; position < window.from; position++) {
    const oldChunk = window.keptOldChunk(position)
    if (map.lookUp(oldChunk) !== window.keptNewChunk(position)) return oldChunk
  }
  return -1
}

/** Begins to take the window's keys. True if it has them all; otherwise `extent` is parked until `takeStripes` says so. */
export function hold(ctx: WorkerContext, extent: number, origin: OriginView, merging: MergingView): boolean {
  const { stripes, window } = merging
  for (let index = 0; index < window.count; index++) stripes[index] = stripeAt(ctx, origin, merging, index)
  const ascending = stripes.subarray(0, window.count).sort()
  let distinct = 0
  for (const stripe of ascending) {
    if (distinct === 0 || stripes[distinct - 1] !== stripe) stripes[distinct++] = stripe
  }
  merging.stripeCount = distinct
  merging.stripesHeld = 0
  if (takeStripes(ctx, origin, merging)) return true
  ctx.holding.add(extent)
  return false
}

/** Takes the keys that the window still lacks, until one is held by somebody else. True if it has them all. */
export function takeStripes(ctx: WorkerContext, origin: OriginView, merging: MergingView): boolean {
  const owner = mergeOwner(origin.volume)
  while (merging.stripesHeld < merging.stripeCount) {
    const stripe = merging.stripes[merging.stripesHeld] as number
    if (!ctx.locks.tryHoldForMerge(stripe, owner)) {
      ctx.statistics.count(counter.lockWaits, 1)
      ctx.announceParked() // R4: the bit first, then the word that is left once more
      if (!ctx.locks.tryHoldForMerge(stripe, owner)) return false
    }
    merging.stripesHeld++
  }
  return true
}

/** Frees the window's keys, whoever took them; those who wait are rung. */
export function letGo(ctx: WorkerContext, origin: OriginView, merging: MergingView): void {
  const owner = mergeOwner(origin.volume)
  let wanted = false
  for (let index = 0; index < merging.window.count; index++) {
    if (ctx.locks.releaseOnce(stripeAt(ctx, origin, merging, index), owner)) wanted = true
  }
  if (wanted) ctx.signals.ringParked()
}

/** A key is never smaller than a chunk, so each chunk lies in one. */
function stripeAt(ctx: WorkerContext, origin: OriginView, { snapshot, window }: MergingView, index: number): number {
  const byteOffset = window.oldChunk(index) * snapshot.chunkBytes
  return ctx.locks.stripeOf(origin.volume, Math.floor(byteOffset / origin.keyBytes))
}
