/**
 * Pieces: an extent that must copy is cut at key boundaries, and each piece takes its key or parks (L1, L2).
 */
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import { type OriginView, originOf } from './views.js'

export function cutAtKeys(ctx: WorkerContext, extent: number, origin: OriginView): void {
  const start = ctx.extents.byteOffset[extent] as number
  beginPieces(ctx, extent)
  addPieces(ctx, extent, origin, start, start + (ctx.extents.byteLength[extent] as number))
}

/** `addPieces` follows, for each range of the extent. */
export function beginPieces(ctx: WorkerContext, extent: number): void {
  ctx.extents.piecesLeft[extent] = 0
  ctx.extents.status[extent] = 0
  ctx.extents.errno[extent] = 0
}

export function addPieces(ctx: WorkerContext, extent: number, origin: OriginView, from: number, to: number): void {
  const { keyBytes } = origin
  let start = from
  let count = 0
  while (start < to) {
    const key = Math.floor(start / keyBytes)
    const end = Math.min(to, (key + 1) * keyBytes)
    const piece = ctx.pieces.take(extent, ctx.locks.stripeOf(origin.volume, key), start, end)
    if (holdOrLeaveWord(ctx, piece)) ctx.active.add(piece)
    else ctx.lockWaiters.add(piece)
    count++
    start = end
  }
  ctx.extents.piecesLeft[extent] = (ctx.extents.piecesLeft[extent] as number) + count
}

function holdOrLeaveWord(ctx: WorkerContext, piece: number): boolean {
  const stripe = ctx.pieces.stripe[piece] as number
  if (ctx.locks.tryHold(stripe, ctx.owner)) return true
  ctx.statistics.count(counter.lockWaits, 1)
  ctx.announceParked() // R4: the bit first, then the word that is left once more
  noteIfDeferred(ctx, piece)
  return ctx.locks.tryHold(stripe, ctx.owner)
}

/** A window that another merge gives up is no reason for a write to fail. */
function noteIfDeferred(ctx: WorkerContext, piece: number): void {
  const { volume } = originOf(ctx.volume(ctx.extents.volume[ctx.pieces.extent[piece] as number] as number))
  if (ctx.locks.isHeldByMerge(ctx.pieces.stripe[piece] as number, volume)) ctx.pieces.deferred[piece] = 1
}

/** Gives parked pieces another try, oldest first. The parked bit is set as long as any wait. */
export function retryLockWaiters(ctx: WorkerContext): void {
  const waiters = ctx.lockWaiters
  let kept = 0
  for (let index = 0; index < waiters.count; index++) {
    const piece = waiters.pieces[index] as number
    const stripe = ctx.pieces.stripe[piece] as number
    if (ctx.locks.tryHold(stripe, ctx.owner)) {
      ctx.active.add(piece)
      continue
    }
    noteIfDeferred(ctx, piece)
    waiters.pieces[kept++] = piece
  }
  waiters.count = kept
}

/** Frees a piece's key (L3: all its effects are over) and answers its extent when it was the last. True if the key is wanted. */
export function finishPiece(ctx: WorkerContext, piece: number, status: number, errno: number): boolean {
  const { extents, pieces } = ctx
  const extent = pieces.extent[piece] as number
  const wanted = ctx.locks.release(pieces.stripe[piece] as number)
  if (status !== 0 && extents.status[extent] === 0) {
    extents.status[extent] = status
    extents.errno[extent] = errno
  }
  pieces.release(piece)
  extents.piecesLeft[extent] = (extents.piecesLeft[extent] as number) - 1
  if (extents.piecesLeft[extent] === 0) {
    ctx.answer(extent, extents.status[extent] as number, extents.errno[extent] as number)
  }
  return wanted
}
