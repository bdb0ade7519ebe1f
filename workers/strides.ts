/**
 * The strides of a turn, over whatever pieces a context has in hand.
 *
 *     COPY      pieces that hold their key: claim, copy to the stores, mark ready
 *     COMMIT    one group per store
 *     RELEASE   pieces whose exceptions are published: write, free the key, answer
 */
import { statusNumbers } from '../src/base/errors.js'
import { writeNow } from './at-once.js'
import { commitOrigin } from './commit.js'
import type { WorkerContext } from './context.js'
import { needsKeys, planOriginPiece } from './origin-write.js'
import { cutAtKeys, retryLockWaiters } from './pieces.js'
import { releasePieces } from './release.js'
import { planSnapshotPiece } from './snapshot-write.js'
import { originOf, type VolumeView } from './views.js'
import type { PieceList } from './work.js'

/** Writes at once if no key is needed; otherwise cuts the extent into pieces. */
export function beginWrite(ctx: WorkerContext, extent: number, volume: VolumeView): void {
  const { arenaOffset, byteLength, byteOffset } = ctx.extents
  const status = writeNow(
    ctx,
    volume,
    arenaOffset[extent] as number,
    byteLength[extent] as number,
    byteOffset[extent] as number,
  )
  if (status === needsKeys) cutAtKeys(ctx, extent, originOf(volume))
  else ctx.answer(extent, status, ctx.failure)
}

/** COPY, COMMIT and RELEASE of what is in hand. */
export function takeStrides(ctx: WorkerContext): void {
  copyStride(ctx)
  commitStride(ctx)
  releasePieces(ctx)
}

/** Pieces whose key has become free, and those that must claim once more, are active again. */
export function reviveWaiters(ctx: WorkerContext): void {
  const waiters = ctx.commitWaiters
  let kept = 0
  for (let index = 0; index < waiters.count; index++) {
    const piece = waiters.pieces[index] as number
    if (ctx.pieces.incomplete[piece] === 1 && ctx.pieces.status[piece] === statusNumbers.OK) ctx.active.add(piece)
    else waiters.pieces[kept++] = piece
  }
  waiters.count = kept
  if (ctx.lockWaiters.count > 0) retryLockWaiters(ctx)
}

export function copyStride(ctx: WorkerContext): void {
  for (let index = 0; index < ctx.active.count; index++) {
    const piece = ctx.active.pieces[index] as number
    const volume = ctx.volume(ctx.extents.volume[ctx.pieces.extent[piece] as number] as number)
    if (volume.kind === 'snapshot') planSnapshotPiece(ctx, piece, volume)
    else planOriginPiece(ctx, piece, volume)
  }
  ctx.plan.carryOut(ctx)
}

export function commitStride(ctx: WorkerContext): void {
  commitOf(ctx, ctx.active)
  commitOf(ctx, ctx.commitWaiters)
}

function commitOf(ctx: WorkerContext, list: PieceList): void {
  for (let index = 0; index < list.count; index++) {
    const piece = list.pieces[index] as number
    const volume = ctx.volume(ctx.extents.volume[ctx.pieces.extent[piece] as number] as number)
    commitOrigin(ctx, originOf(volume))
  }
}
