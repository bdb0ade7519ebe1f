/**
 * A snapshot read: from the store where there is an exception, from the origin where there is none. No lock.
 *
 * P2: what came from the origin counts only if, after the read, the chunk still has no exception and the snapshot is still
 * good. An origin write is released only after its exception is published (P1) or the invalidation is announced, so if
 * neither is visible afterwards, no overwrite had begun. Otherwise the store has the old bytes: read them there.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { errno as errnos } from '../src/io/block-file.js'
import { storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import type { SnapshotView } from './views.js'

/** Reads. Answers a status, with its errno in `ctx.failure`. */
export function readSnapshotNow(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  arenaOffset: number,
  byteLength: number,
  start: number,
): number {
  const errno = readSnapshot(ctx, snapshot, arenaOffset, byteLength, start)
  const lost = isLost(snapshot)
  ctx.failure = lost ? 0 : errno
  if (lost) return statusNumbers.SNAPSHOT_INVALID
  return errno === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR
}

export const isLost = (snapshot: SnapshotView): boolean => snapshot.cursor.state() >= storeState.invalidating

/** Reads a range of a snapshot into the arena; what was read counts only if the snapshot is not lost afterwards. */
export function readSnapshot(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): number {
  const { chunkBytes, map } = snapshot
  const end = byteOffset + byteLength
  const arenaMinusFile = arenaOffset - byteOffset
  let start = byteOffset
  let errno = 0
  while (start < end && errno === 0 && !isLost(snapshot)) {
    const chunk = chunkOf(start, chunkBytes)
    const newChunk = map.lookUp(chunk)
    const runEnd = newChunk < 0 ? originRunEnd(snapshot, chunk, end) : storeRunEnd(snapshot, chunk, newChunk, end)
    if (newChunk >= 0) {
      const storeOffset = newChunk * chunkBytes + (start - chunk * chunkBytes)
      errno = snapshot.cow.read(start + arenaMinusFile, runEnd - start, storeOffset)
    } else if (runEnd > snapshot.origin.sizeBytes) {
      errno = errnos.EIO // The origin has become shorter.
    } else {
      errno = snapshot.origin.file.read(start + arenaMinusFile, runEnd - start, start)
      if (errno === 0) errno = lookAgain(ctx, snapshot, start, runEnd, arenaMinusFile)
    }
    start = runEnd
  }
  return errno
}

/** P2: reads again from the store whatever got an exception while it was read from the origin. */
function lookAgain(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  start: number,
  end: number,
  arenaMinusFile: number,
): number {
  const { chunkBytes, map } = snapshot
  let at = start
  while (at < end) {
    const chunk = chunkOf(at, chunkBytes)
    const chunkEnd = Math.min(end, (chunk + 1) * chunkBytes)
    const newChunk = map.lookUp(chunk)
    if (newChunk >= 0) {
      ctx.statistics.count(counter.secondLooks, 1)
      const storeOffset = newChunk * chunkBytes + (at - chunk * chunkBytes)
      const errno = snapshot.cow.read(at + arenaMinusFile, chunkEnd - at, storeOffset)
      if (errno !== 0) return errno
    }
    at = chunkEnd
  }
  return 0
}

/** How far the range goes on without exceptions. */
export function originRunEnd(snapshot: SnapshotView, chunk: number, end: number): number {
  const { chunkBytes, map } = snapshot
  let next = chunk + 1
  while (next * chunkBytes < end && map.lookUp(next) < 0) next++
  return Math.min(end, next * chunkBytes)
}

/** How far the range goes on in neighbouring chunks of the store. */
export function storeRunEnd(snapshot: SnapshotView, chunk: number, newChunk: number, end: number): number {
  const { chunkBytes, map } = snapshot
  let next = chunk + 1
  while (next * chunkBytes < end && map.lookUp(next) === newChunk + (next - chunk)) next++
  return Math.min(end, next * chunkBytes)
}
