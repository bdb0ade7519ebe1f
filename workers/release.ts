/**
 * RELEASE: pieces whose exceptions are committed do what they came for, and free their keys.
 *
 * P1: an origin piece is released only when every snapshot that is still good shows all of its chunks in the map. Pieces of
 * one extent that adjoin go to the origin with one call. Pieces that cannot go yet are parked among the commit waiters.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import { isSave, liesInStore, writeMergingPiece } from './merging-io.js'
import { isPending, lacks, lastChunkWithin, mustSave } from './origin-write.js'
import { finishPiece } from './pieces.js'
import type { OriginView, SnapshotView } from './views.js'
import type { PieceList } from './work.js'

/** Releases what can go of the commit waiters, then of this turn's pieces; the rest are commit waiters afterwards. */
export function releasePieces(ctx: WorkerContext): void {
  const waiters = ctx.commitWaiters
  const waited = waiters.count
  waiters.count = 0
  let wanted = releaseList(ctx, waiters, waited)
  const planned = ctx.active.count
  ctx.active.count = 0
  const parkedBefore = waiters.count
  if (releaseList(ctx, ctx.active, planned)) wanted = true
  if (waiters.count > parkedBefore) ctx.statistics.count(counter.commitWaits, waiters.count - parkedBefore)
  if (wanted) ctx.signals.ringParked()
}

/** Walks `count` pieces of a list; it may be the list that parked pieces are added to, which never overtakes the walk. */
function releaseList(ctx: WorkerContext, list: PieceList, count: number): boolean {
  let wanted = false
  let runStart = 0
  let runLength = 0
  for (let index = 0; index < count; index++) {
    const piece = list.pieces[index] as number
    const volume = ctx.volume(ctx.extents.volume[ctx.pieces.extent[piece] as number] as number)
    if (volume.kind === 'snapshot') {
      if (releaseSnapshotPiece(ctx, piece, volume)) wanted = true
      continue
    }
    if (!originPieceMayGo(ctx, piece, volume)) {
      ctx.commitWaiters.add(piece)
      continue
    }
    if (isSave(ctx, piece)) {
      if (finishPiece(ctx, piece, statusNumbers.OK, 0)) wanted = true
      continue
    }
    if (volume.merging !== undefined) {
      if (writeMergingPiece(ctx, piece, volume, volume.merging)) wanted = true
      continue
    }
    if (runLength > 0 && !continuesRun(ctx, ctx.released.pieces[runStart + runLength - 1] as number, piece)) {
      if (writeRun(ctx, runStart, runLength)) wanted = true
      runStart += runLength
      runLength = 0
    }
    ctx.released.pieces[runStart + runLength] = piece
    runLength++
  }
  if (runLength > 0 && writeRun(ctx, runStart, runLength)) wanted = true
  return wanted
}

function originPieceMayGo(ctx: WorkerContext, piece: number, origin: OriginView): boolean {
  if (ctx.pieces.incomplete[piece] === 1) return false
  if (liesInStore(ctx, piece, origin)) return true
  return !mustSave(origin, ctx.pieces.start[piece] as number, ctx.pieces.end[piece] as number)
}

function continuesRun(ctx: WorkerContext, last: number, piece: number): boolean {
  return ctx.pieces.extent[last] === ctx.pieces.extent[piece] && ctx.pieces.end[last] === ctx.pieces.start[piece]
}

/** Writes adjoining pieces of one extent to the origin, and frees their keys. True if any is wanted. */
function writeRun(ctx: WorkerContext, from: number, count: number): boolean {
  const first = ctx.released.pieces[from] as number
  const last = ctx.released.pieces[from + count - 1] as number
  const extent = ctx.pieces.extent[first] as number
  const origin = ctx.volume(ctx.extents.volume[extent] as number) as OriginView
  const start = ctx.pieces.start[first] as number
  const source = (ctx.extents.arenaOffset[extent] as number) + (start - (ctx.extents.byteOffset[extent] as number))
  const errno = origin.file.write(source, (ctx.pieces.end[last] as number) - start, start)
  const status = errno === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR
  let wanted = false
  for (let index = from; index < from + count; index++) {
    if (finishPiece(ctx, ctx.released.pieces[index] as number, status, errno)) wanted = true
  }
  return wanted
}

/** Ends a snapshot piece if nothing of it is still on its way into the list; parks it otherwise. True if its key is wanted. */
function releaseSnapshotPiece(ctx: WorkerContext, piece: number, snapshot: SnapshotView): boolean {
  const state = snapshot.cursor.state()
  if (state >= storeState.invalidating) return finishPiece(ctx, piece, statusNumbers.SNAPSHOT_INVALID, 0)
  const status = ctx.pieces.status[piece] as number
  const start = ctx.pieces.start[piece] as number
  const end = ctx.pieces.end[piece] as number
  const waits =
    status !== statusNumbers.OK
      ? hasPending(snapshot, start, end)
      : ctx.pieces.incomplete[piece] === 1 || lacks(snapshot, start, end)
  if (!waits) return finishPiece(ctx, piece, status, ctx.pieces.errno[piece] as number)
  ctx.commitWaiters.add(piece)
  return false
}

/** A piece that failed half-way keeps its key until what it did claim is committed: L3. */
function hasPending(snapshot: SnapshotView, start: number, end: number): boolean {
  const lastChunk = lastChunkWithin(snapshot, end)
  for (let chunk = chunkOf(start, snapshot.chunkBytes); chunk <= lastChunk; chunk++) {
    if (snapshot.map.lookUp(chunk) < 0 && isPending(snapshot, chunk)) return true
  }
  return false
}
