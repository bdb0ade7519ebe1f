/**
 * What needs no key and is done at once, whoever asks: every read, and a write for which nothing has to be saved first. Each
 * answers a status, with its errno in `ctx.failure`.
 */
import { statusNumbers } from '../src/base/errors.js'
import { errno } from '../src/io/block-file.js'
import type { WorkerContext } from './context.js'
import { readOrigin } from './merging-io.js'
import { writeOriginNow } from './origin-write.js'
import { readSnapshotNow } from './snapshot-read.js'
import { writeSnapshotNow } from './snapshot-write.js'
import type { VolumeView } from './views.js'

/** A device below may have become shorter than the targets over it; its file may go on there, and is not its own. */
export const reachesPast = (volume: VolumeView, byteOffset: number, byteLength: number): boolean =>
  volume.kind === 'origin' && byteOffset + byteLength > volume.sizeBytes

export function readNow(
  ctx: WorkerContext,
  volume: VolumeView,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): number {
  if (volume.kind === 'snapshot') return readSnapshotNow(ctx, volume, arenaOffset, byteLength, byteOffset)
  const past = reachesPast(volume, byteOffset, byteLength)
  ctx.failure = past ? errno.EIO : readOrigin(volume, arenaOffset, byteLength, byteOffset)
  return ctx.failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR
}

/** Also answers `needsKeys`, and then nothing has been done. */
export function writeNow(
  ctx: WorkerContext,
  volume: VolumeView,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): number {
  if (volume.kind === 'snapshot') return writeSnapshotNow(ctx, volume, arenaOffset, byteLength, byteOffset)
  if (!reachesPast(volume, byteOffset, byteLength))
    return writeOriginNow(ctx, volume, arenaOffset, byteLength, byteOffset)
  ctx.failure = errno.EIO
  return statusNumbers.IO_ERROR
}
