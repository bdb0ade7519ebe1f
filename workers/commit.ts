/**
 * COMMIT: exceptions whose data is in the store become entries of its list, and then visible.
 *
 * A group is every contiguous ready position, whoever claimed it. One thread at a time holds the commit word; the others
 * park their pieces, and are rung when the cursor has moved.
 *
 *     W2  zero the next area, where the group fills one
 *     W1  barrier: data and zeroes are durable
 *         write the touched blocks of the areas
 *     W3  barrier: entries are durable
 *     P1  publish in the map; only then may an origin write that waits be released
 *
 * Without barriers (`process-crash`) the same writes go in the same order to the page cache, which a dead process leaves
 * behind as it was. A thread that dies in here leaves the cursor where it was: what it had not published is simply written again.
 */
import { encodeEntry, entryBytes } from '../src/format/exception.js'
import { areaChunk } from '../src/format/geometry.js'
import { invalidationReason, storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import { commitGroupMax, zeroBytes } from '../src/wire/scratch-layout.js'
import type { WorkerContext } from './context.js'
import { hasShrunkInTurn, invalidate } from './invalidate.js'
import type { OriginView, SnapshotView } from './views.js'

/** Commits without barriers take microseconds: worth waiting for this many looks before parking. */
const commitLooks = 100

/** Commits what is ready in every store of an origin, once a turn. */
export function commitOrigin(ctx: WorkerContext, origin: OriginView): void {
  if (origin.committedInTurn === ctx.turn) return
  origin.committedInTurn = ctx.turn
  for (const snapshot of origin.snapshots) if (snapshot.persistent) commitReady(ctx, snapshot)
}

/** Commits what is ready in a store, unless another thread is at it; that one, or its ring, will see to the rest. */
export function commitReady(ctx: WorkerContext, snapshot: SnapshotView): void {
  const { cursor } = snapshot
  while (cursor.hasReady() && cursor.state() < storeState.invalidating) {
    if (!takeCommit(ctx, snapshot)) return
    const readyEnd = cursor.readyEnd()
    const from = publishedEnd(snapshot, readyEnd)
    if (from > cursor.committed()) cursor.advance(from)
    const end = Math.min(readyEnd, from + commitGroupMax)
    if (end > from) commitGroup(ctx, snapshot, from, end)
    cursor.releaseCommit()
    ctx.signals.ringParked()
    // With barriers a group takes milliseconds: this worker's own pieces go first, somebody else takes the next group.
    if (snapshot.barriers) return
  }
}

/**
 * Where what is left to commit begins. A worker that died before it could move the cursor may have published exceptions: origin
 * writes rely on them already, so the areas they are in must not be zeroed and written again.
 */
function publishedEnd({ cursor, map }: SnapshotView, readyEnd: number): number {
  let end = cursor.committed()
  while (end < readyEnd && map.lookUp(cursor.oldChunkAt(end)) >= 0) end++
  return end
}

function takeCommit(ctx: WorkerContext, snapshot: SnapshotView): boolean {
  const looks = snapshot.barriers ? 1 : commitLooks
  for (let look = 0; look < looks; look++) {
    if (snapshot.cursor.tryTakeCommit(ctx.owner)) return true
  }
  // R4: whoever holds the word rings the parked after letting go of it; one more try closes the gap before that.
  ctx.announceParked()
  return snapshot.cursor.tryTakeCommit(ctx.owner)
}

function commitGroup(ctx: WorkerContext, snapshot: SnapshotView, from: number, end: number): void {
  const { cursor } = snapshot
  if (hasShrunkInTurn(ctx, snapshot)) {
    invalidate(ctx, snapshot, invalidationReason.storeShrank, 0)
    return
  }
  const errno = writeGroup(ctx, snapshot, from, end)
  if (errno !== 0) {
    invalidate(ctx, snapshot, invalidationReason.metadataWriteFailed, errno)
    return
  }
  for (let position = from; position < end; position++) {
    snapshot.map.publish(cursor.oldChunkAt(position), cursor.newChunkAt(position)) // P1
  }
  cursor.advance(end)
  ctx.statistics.count(counter.commits, 1)
  ctx.statistics.count(counter.committedExceptions, end - from)
}

function writeGroup(ctx: WorkerContext, snapshot: SnapshotView, from: number, end: number): number {
  const { entriesPerArea } = snapshot.geometry
  const firstArea = Math.floor(from / entriesPerArea)
  const filledAreas = Math.floor(end / entriesPerArea)
  for (let area = firstArea; area < filledAreas; area++) {
    const errno = zeroArea(ctx, snapshot, area + 1) // W2
    if (errno !== 0) return errno
  }
  const dataErrno = barrier(ctx, snapshot) // W1
  if (dataErrno !== 0) return dataErrno
  for (let position = from; position < end; ) {
    const area = Math.floor(position / entriesPerArea)
    const areaEnd = Math.min(end, (area + 1) * entriesPerArea)
    const errno = writeEntries(ctx, snapshot, area, position, areaEnd)
    if (errno !== 0) return errno
    position = areaEnd
  }
  return barrier(ctx, snapshot) // W3
}

function barrier(ctx: WorkerContext, snapshot: SnapshotView): number {
  if (!snapshot.barriers) return 0
  ctx.statistics.count(counter.barriers, 1)
  return snapshot.cow.barrier()
}

function zeroArea(ctx: WorkerContext, snapshot: SnapshotView, area: number): number {
  const start = areaChunk(snapshot.geometry, area) * snapshot.chunkBytes
  for (let done = 0; done < snapshot.chunkBytes; done += zeroBytes) {
    const step = Math.min(zeroBytes, snapshot.chunkBytes - done)
    const errno = snapshot.cow.write(ctx.scratch.zeroOffset, step, start + done)
    if (errno !== 0) return errno
  }
  return 0
}

/** Writes entries [from, end) of one area, in whole blocks: those below `from` again, zeroes (the list's end) above. */
function writeEntries(ctx: WorkerContext, snapshot: SnapshotView, area: number, from: number, end: number): number {
  const { cursor, geometry, metadataUnitBytes } = snapshot
  const areaFirst = area * geometry.entriesPerArea
  const blockStart = Math.floor(((from - areaFirst) * entryBytes) / metadataUnitBytes) * metadataUnitBytes
  const blockEnd = Math.ceil(((end - areaFirst) * entryBytes) / metadataUnitBytes) * metadataUnitBytes
  const byteLength = blockEnd - blockStart
  const { metadataOffset } = ctx.scratch
  ctx.scratch.clearMetadata(byteLength)
  const firstInBlock = areaFirst + blockStart / entryBytes
  for (let position = firstInBlock; position < end; position++) {
    const at = metadataOffset + (position - firstInBlock) * entryBytes
    encodeEntry(ctx.arenaView, at, cursor.oldChunkAt(position), cursor.newChunkAt(position))
  }
  return snapshot.cow.write(metadataOffset, byteLength, areaChunk(geometry, area) * snapshot.chunkBytes + blockStart)
}
