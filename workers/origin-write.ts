/**
 * An origin write: every snapshot that lacks a chunk gets it first.
 *
 *     lacks nothing anywhere          straight to the origin, no lock           (most of real life)
 *     lacks something                 key by key: hold, claim, copy, commit, write, free
 *     is being merged into            see workers/merging-io
 *
 * An origin write never fails, and never waits longer than its invalidation takes, because a snapshot failed.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import { claimFor } from './claim.js'
import type { WorkerContext } from './context.js'
import { becomeReady, CopyPlan, copyThrough, newChunkOf, noRead } from './copy-out.js'
import { liesInStore, waitsForMerge } from './merging-io.js'
import type { OriginView, SnapshotView } from './views.js'

/** What is answered instead of a status where a write has to be cut into pieces, and nothing has been done yet. */
export const needsKeys = -1

/** Writes if nothing needs saving. Answers a status, with its errno in `ctx.failure`, or `needsKeys`. */
export function writeOriginNow(
  ctx: WorkerContext,
  origin: OriginView,
  arenaOffset: number,
  byteLength: number,
  start: number,
): number {
  const end = start + byteLength
  if (mustSave(origin, start, end) || waitsForMerge(origin, start, end)) return needsKeys
  ctx.statistics.count(counter.pathFast, 1)
  ctx.failure = origin.file.write(arenaOffset, byteLength, start)
  return ctx.failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR
}

/** True while a write to [start, end) must wait: a snapshot lacks a chunk, or is on its way to being invalid (W5). */
export function mustSave(origin: OriginView, start: number, end: number): boolean {
  for (const snapshot of origin.snapshots) {
    const state = snapshot.cursor.state()
    if (state === storeState.invalid) continue
    if (state === storeState.invalidating || lacks(snapshot, start, end)) return true
  }
  return false
}

/** True if some chunk of [start, end) has no exception that is committed. */
export function lacks(snapshot: SnapshotView, start: number, end: number): boolean {
  const { chunkBytes, map } = snapshot
  const lastChunk = lastChunkWithin(snapshot, end)
  for (let chunk = chunkOf(start, chunkBytes); chunk <= lastChunk; chunk++) {
    if (map.lookUp(chunk) < 0) return true
  }
  return false
}

/** The last chunk of a snapshot that a write up to `end` touches: a table may make it shorter than its origin. */
export const lastChunkWithin = (snapshot: SnapshotView, end: number): number =>
  chunkOf(Math.min(end, snapshot.sizeBytes) - 1, snapshot.chunkBytes)

/** True if the chunk is claimed and not committed. In a transient store nothing ever waits so. */
export const isPending = (snapshot: SnapshotView, chunk: number): boolean =>
  snapshot.persistent && snapshot.cursor.isPending(chunk)

/** COPY for one piece, whose key is held: claims and plans whatever its snapshots lack. */
export function planOriginPiece(ctx: WorkerContext, piece: number, origin: OriginView): void {
  const start = ctx.pieces.start[piece] as number
  const end = ctx.pieces.end[piece] as number
  const again = ctx.pieces.incomplete[piece] === 1
  ctx.pieces.incomplete[piece] = 0
  if (liesInStore(ctx, piece, origin)) return
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (const snapshot of origin.snapshots) {
    if (snapshot.cursor.state() >= storeState.invalidating) continue
    const { chunkBytes } = snapshot
    const lastChunk = lastChunkWithin(snapshot, end)
    for (let chunk = chunkOf(start, chunkBytes); chunk <= lastChunk; chunk++) {
      if (snapshot.map.lookUp(chunk) >= 0) continue
      from = Math.min(from, chunk * chunkBytes)
      to = Math.max(to, Math.min((chunk + 1) * chunkBytes, origin.sizeBytes))
    }
  }
  if (to === 0) return
  // One read serves all snapshots, if it fits; otherwise each chunk is copied by itself.
  const joint = CopyPlan.fits(to - from)
  const read = joint ? ctx.plan.read(ctx, origin.file, from, to - from) : noRead
  const place = joint ? ctx.plan.readPlace(read) : 0
  for (const snapshot of origin.snapshots) {
    if (snapshot.cursor.state() >= storeState.invalidating) continue
    savePiece(ctx, piece, snapshot, again, read, place - from)
  }
}

function savePiece(
  ctx: WorkerContext,
  piece: number,
  snapshot: SnapshotView,
  again: boolean,
  read: number,
  arenaMinusFile: number,
): void {
  const { chunkBytes, map, origin } = snapshot
  const lastChunk = lastChunkWithin(snapshot, ctx.pieces.end[piece] as number)
  for (let chunk = chunkOf(ctx.pieces.start[piece] as number, chunkBytes); chunk <= lastChunk; chunk++) {
    // In this order: what is committed between the two looks is not pending any more, and the map shows it.
    if ((again && isPending(snapshot, chunk)) || map.lookUp(chunk) >= 0) continue
    const at = chunk * chunkBytes
    if (read !== noRead) {
      const byteLength = Math.min(chunkBytes, origin.sizeBytes - at)
      ctx.plan.copy(ctx, snapshot, piece, chunk, at + arenaMinusFile, byteLength, read)
      continue
    }
    const position = claimFor(ctx, piece, snapshot, chunk)
    if (position < 0 || !copyThrough(ctx, snapshot, chunk, newChunkOf(snapshot, position))) return
    becomeReady(snapshot, position, chunk)
  }
}
