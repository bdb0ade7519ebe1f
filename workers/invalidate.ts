/**
 * Invalidation: the end of one snapshot, which must not touch the origin's write nor any other snapshot.
 *
 * W5: the invalid header is durable before any origin write that skipped this snapshot is released: such pieces wait while
 * the state is `invalidating`. If the header cannot be written, the coordinator makes the invalidation durable in the
 * origin's memory of its snapshots, and finishes it.
 */
import { diskVersion, encodeHeader } from '../src/format/header.js'
import { type InvalidationReason, invalidationReason } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import type { SnapshotView } from './views.js'

export function invalidate(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  reason: InvalidationReason,
  errno: number,
): void {
  const isWrite = reason === invalidationReason.cowWriteFailed || reason === invalidationReason.metadataWriteFailed
  const cause = isWrite && hasShrunk(snapshot) ? invalidationReason.storeShrank : reason
  if (!snapshot.cursor.beginInvalidation(ctx.owner, cause, errno)) return
  ctx.statistics.count(counter.invalidations, 1)
  completeInvalidation(ctx, snapshot)
}

/** True if the COW ends before the place where it ended when its room was last counted. */
export function hasShrunk({ cow, cursor }: SnapshotView): boolean {
  const cowBytes = cow.sizeBytes()
  return cowBytes >= 0 && cowBytes < cursor.cowBytes()
}

/** The same, looked at once in a turn of the files. */
export function hasShrunkInTurn(ctx: WorkerContext, snapshot: SnapshotView): boolean {
  if (snapshot.sizeSeenInTurn === ctx.fileTurns.count) return false
  const shrunk = hasShrunk(snapshot)
  if (!shrunk) snapshot.sizeSeenInTurn = ctx.fileTurns.count
  return shrunk
}

/** Writes the invalid header and lets go of those who wait for it. Also what is left to do when the first one died. */
export function completeInvalidation(ctx: WorkerContext, snapshot: SnapshotView): void {
  if (snapshot.persistent && writeInvalidHeader(ctx, snapshot) !== 0) snapshot.cursor.failHeader()
  else snapshot.cursor.finishInvalidation() // W5
  ctx.signals.ringParked()
  ctx.signals.raiseEvent()
}

function writeInvalidHeader(ctx: WorkerContext, snapshot: SnapshotView): number {
  const { metadataUnitBytes } = snapshot
  ctx.scratch.clearMetadata(metadataUnitBytes)
  const header = { valid: false, version: diskVersion, chunkSectors: snapshot.geometry.chunkSectors }
  encodeHeader(header, ctx.arena, ctx.scratch.metadataOffset)
  const errno = snapshot.cow.write(ctx.scratch.metadataOffset, metadataUnitBytes, 0)
  if (errno !== 0 || !snapshot.barriers) return errno
  ctx.statistics.count(counter.barriers, 1)
  return snapshot.cow.barrier()
}
