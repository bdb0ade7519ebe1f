/**
 * A snapshot write: into the store, in place where the chunk has an exception; otherwise the chunk gets one first.
 *
 *     all chunks mapped               straight to the store, no lock
 *     whole chunk, not mapped         the caller's bytes are the chunk: the origin is not read
 *     part of a chunk, not mapped     the origin's chunk, the caller's bytes laid over it
 *
 * The key is the origin's: an origin write of the same chunk and this one exclude each other.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { errno as errnos } from '../src/io/block-file.js'
import { invalidationReason, storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import { claimFor } from './claim.js'
import type { WorkerContext } from './context.js'
import { becomeReady, CopyPlan, copyThrough, newChunkOf, noRead } from './copy-out.js'
import { invalidate } from './invalidate.js'
import { isPending, lacks, needsKeys } from './origin-write.js'
import { storeRunEnd } from './snapshot-read.js'
import type { SnapshotView } from './views.js'

/** Writes if the store has all chunks. Answers a status, with its errno in `ctx.failure`, or `needsKeys`. */
export function writeSnapshotNow(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  arenaOffset: number,
  byteLength: number,
  start: number,
): number {
  ctx.failure = 0
  const refused = refusal(snapshot)
  if (refused !== statusNumbers.OK) return refused
  if (lacks(snapshot, start, start + byteLength)) return needsKeys
  ctx.statistics.count(counter.pathFast, 1)
  ctx.failure = writeMapped(snapshot, start, start + byteLength, arenaOffset - start)
  return ctx.failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR
}

/** Overflow refuses every write, also to chunks that are mapped, as the kernel does. */
export function refusal(snapshot: SnapshotView): number {
  const state = snapshot.cursor.state()
  if (state >= storeState.invalidating) return statusNumbers.SNAPSHOT_INVALID
  return state === storeState.overflow ? statusNumbers.SNAPSHOT_OVERFLOW : statusNumbers.OK
}

function writeMapped(snapshot: SnapshotView, from: number, end: number, arenaMinusFile: number): number {
  const { chunkBytes, map } = snapshot
  let start = from
  while (start < end) {
    const chunk = chunkOf(start, chunkBytes)
    const newChunk = map.lookUp(chunk)
    const runEnd = storeRunEnd(snapshot, chunk, newChunk, end)
    const errno = snapshot.cow.write(
      start + arenaMinusFile,
      runEnd - start,
      newChunk * chunkBytes + (start - chunk * chunkBytes),
    )
    if (errno !== 0) return errno
    start = runEnd
  }
  return 0
}

/** COPY for one piece, whose key is held. */
export function planSnapshotPiece(ctx: WorkerContext, piece: number, snapshot: SnapshotView): void {
  const { chunkBytes, map } = snapshot
  const again = ctx.pieces.incomplete[piece] === 1
  ctx.pieces.incomplete[piece] = 0
  const end = ctx.pieces.end[piece] as number
  let at = ctx.pieces.start[piece] as number
  while (at < end) {
    const refused = refusal(snapshot)
    if (refused !== statusNumbers.OK) {
      ctx.pieces.status[piece] = refused
      return
    }
    const chunk = chunkOf(at, chunkBytes)
    const to = Math.min(end, (chunk + 1) * chunkBytes)
    // In this order: what is committed between the two looks is not pending any more, and the map shows it.
    const pending = again && isPending(snapshot, chunk)
    if (!pending && map.lookUp(chunk) >= 0) {
      if (!writeInPlace(ctx, piece, snapshot, at, to)) return
    } else if (!pending && !writeNew(ctx, piece, snapshot, chunk, at, to)) {
      return
    }
    at = to
  }
}

const arenaPlace = (ctx: WorkerContext, piece: number, byteOffset: number): number => {
  const extent = ctx.pieces.extent[piece] as number
  return (ctx.extents.arenaOffset[extent] as number) + (byteOffset - (ctx.extents.byteOffset[extent] as number))
}

function writeInPlace(ctx: WorkerContext, piece: number, snapshot: SnapshotView, at: number, to: number): boolean {
  const errno = writeMapped(snapshot, at, to, arenaPlace(ctx, piece, at) - at)
  if (errno === 0) return true
  ctx.pieces.status[piece] = statusNumbers.IO_ERROR
  ctx.pieces.errno[piece] = errno
  return false
}

/** Plans the bytes of a chunk that has no exception. False if the piece cannot go on now. */
function writeNew(
  ctx: WorkerContext,
  piece: number,
  snapshot: SnapshotView,
  chunk: number,
  at: number,
  to: number,
): boolean {
  const { chunkBytes, origin } = snapshot
  const chunkStart = chunk * chunkBytes
  // An origin whose table got shorter than the snapshot answers the read with an error.
  const chunkLength = Math.min(chunkBytes, Math.max(origin.sizeBytes, snapshot.sizeBytes) - chunkStart)
  const source = arenaPlace(ctx, piece, at)
  if (to - at === chunkLength) {
    ctx.plan.copy(ctx, snapshot, piece, chunk, source, chunkLength, noRead)
    return true
  }
  if (chunkStart + chunkLength > origin.sizeBytes) {
    invalidate(ctx, snapshot, invalidationReason.originReadFailed, errnos.EIO)
    return false
  }
  if (!CopyPlan.fits(chunkLength)) return copyLargeChunk(ctx, piece, snapshot, chunk, at, source, to - at)
  const read = ctx.plan.read(ctx, origin.file, chunkStart, chunkLength)
  const place = ctx.plan.readPlace(read)
  ctx.plan.overlay(place + (at - chunkStart), source, to - at)
  ctx.plan.copy(ctx, snapshot, piece, chunk, place, chunkLength, read)
  return true
}

function copyLargeChunk(
  ctx: WorkerContext,
  piece: number,
  snapshot: SnapshotView,
  chunk: number,
  at: number,
  source: number,
  byteLength: number,
): boolean {
  const position = claimFor(ctx, piece, snapshot, chunk)
  if (position < 0) return false
  const newChunk = newChunkOf(snapshot, position)
  if (!copyThrough(ctx, snapshot, chunk, newChunk)) return false
  const inChunk = at - chunk * snapshot.chunkBytes
  const errno = snapshot.cow.write(source, byteLength, newChunk * snapshot.chunkBytes + inChunk)
  if (errno === 0) becomeReady(snapshot, position, chunk)
  else invalidate(ctx, snapshot, invalidationReason.cowWriteFailed, errno)
  return errno === 0
}
