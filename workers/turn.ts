/**
 * A turn: a batch of ring entries goes through COPY, COMMIT and RELEASE together, so that one pair of barriers pays for all
 * of it, and for every batch of other workers that is ready by then.
 *
 *     TAKE      entries; reads, writes that need no copy, and discards are done on the spot
 *     COPY      pieces that hold their key: claim, copy to the stores, mark ready
 *     COMMIT    one group per store
 *     RELEASE   pieces whose exceptions are published: write, free the key, answer
 *     MERGE     a part of what a merge has given this worker to copy
 *
 * Nothing here blocks but system calls. A piece that cannot go on is parked in one of two lists and looked at next turn.
 */
import { statusNumbers } from '../src/base/errors.js'
import { errno } from '../src/io/block-file.js'
import { submissionDouble, submissionField } from '../src/shm/ring.js'
import { counter, operationIndex } from '../src/shm/statistics.js'
import { isMergeStep, operation } from '../src/wire/operation.js'
import { reachesPast, readNow } from './at-once.js'
import type { WorkerContext } from './context.js'
import { flushOrigin, flushSnapshot } from './flush.js'
import { batchMax } from './limits.js'
import { copyPart, retryHolding, takeMergeStep } from './merge-steps.js'
import { writeNestedExtent } from './nested.js'
import { originDiscard, originZero } from './origin-discard.js'
import { releasePieces } from './release.js'
import { snapshotDiscard, snapshotZero } from './snapshot-discard.js'
import { refusal } from './snapshot-write.js'
import { beginWrite, commitStride, copyStride, reviveWaiters } from './strides.js'
import { originOf, type VolumeView } from './views.js'

/** The strides in their order. Between two of them a worker's tables are in order; requests of others may go on. */
export const turnStrides: readonly ((ctx: WorkerContext) => void)[] = [
  takeStride,
  copyStride,
  commitStride,
  releaseStride,
  mergeStride,
]

/** Runs one turn; true if it got anything done, so that another one is worth while at once. */
export function runTurn(ctx: WorkerContext): boolean {
  for (const stride of turnStrides) stride(ctx)
  return ctx.gotOn
}

function takeStride(ctx: WorkerContext): void {
  ctx.beginTurn()
  reviveWaiters(ctx)
  if (ctx.holding.count > 0) retryHolding(ctx)
  ctx.taken = takeBatch(ctx)
  ctx.publishCompletions()
  if (ctx.taken > 0 || hasInHand(ctx)) ctx.statistics.count(counter.turns, 1)
}

const hasInHand = (ctx: WorkerContext): boolean => ctx.active.count > 0 || ctx.commitWaiters.count > 0

function releaseStride(ctx: WorkerContext): void {
  if (hasInHand(ctx)) {
    releasePieces(ctx)
    ctx.publishCompletions()
    if (ctx.parked === 0) ctx.withdrawParked()
    else ctx.announceParked()
  }
  ctx.gotOn = ctx.taken > 0 || ctx.parked < ctx.parkedBefore || ctx.parkedThisTurn()
}

function mergeStride(ctx: WorkerContext): void {
  if (copyPart(ctx)) ctx.gotOn = true
}

function takeBatch(ctx: WorkerContext): number {
  const ring = ctx.submissionRing
  const count = Math.min(ring.waiting(), batchMax)
  let taken = 0
  while (taken < count && hasRoom(ctx)) {
    beginExtent(ctx, takeExtent(ctx, ring.slot()))
    ring.take()
    taken++
  }
  if (taken > 0) ring.giveBack()
  return taken
}

const hasRoom = (ctx: WorkerContext): boolean => ctx.extents.hasRoom() && ctx.pieces.hasRoomForExtent()

/** True if a turn would find an entry to take, and room for it. */
export const canTake = (ctx: WorkerContext): boolean => ctx.submissionRing.waiting() > 0 && hasRoom(ctx)

function takeExtent(ctx: WorkerContext, slot: number): number {
  const { doubles, words } = ctx.submissions
  const word = ctx.submissions.wordBase(slot)
  const double = ctx.submissions.doubleBase(slot)
  const extents = ctx.extents
  const extent = extents.take()
  extents.operation[extent] = words[word + submissionField.operation] as number
  extents.volume[extent] = words[word + submissionField.volume] as number
  extents.ticket[extent] = words[word + submissionField.ticket] as number
  extents.byteLength[extent] = words[word + submissionField.byteLength] as number
  extents.arenaOffset[extent] = (words[word + submissionField.arenaOffset] as number) >>> 0
  extents.byteOffset[extent] = doubles[double + submissionDouble.byteOffset] as number
  extents.submittedMs[extent] = doubles[double + submissionDouble.submittedMs] as number
  return extent
}

/** Begins what one extent asks for; reads, and writes that need no copy, are answered at once. */
export function beginExtent(ctx: WorkerContext, extent: number): void {
  const volume = ctx.volumes[ctx.extents.volume[extent] as number]
  const asked = ctx.extents.operation[extent] as number
  ctx.extents.counted[extent] = countedAs(asked, volume)
  if (volume === undefined) {
    ctx.answer(extent, statusNumbers.DEVICE_CLOSED, 0)
    return
  }
  if (isMergeStep(asked)) {
    if (volume.kind === 'origin') takeMergeStep(ctx, extent, volume)
    else ctx.answer(extent, statusNumbers.NOT_SUPPORTED, 0)
    return
  }
  switch (asked) {
    case operation.read:
      read(ctx, extent, volume)
      break
    case operation.write:
      if (originOf(volume).nested) writeNestedExtent(ctx, extent)
      else beginWrite(ctx, extent, volume)
      break
    default:
      beginWithoutBytes(ctx, asked, extent, volume)
  }
}

function read(ctx: WorkerContext, extent: number, volume: VolumeView): void {
  const { arenaOffset, byteLength, byteOffset } = ctx.extents
  const status = readNow(
    ctx,
    volume,
    arenaOffset[extent] as number,
    byteLength[extent] as number,
    byteOffset[extent] as number,
  )
  ctx.answer(extent, status, ctx.failure)
}

function beginWithoutBytes(ctx: WorkerContext, asked: number, extent: number, volume: VolumeView): void {
  if (reachesPast(volume, ctx.extents.byteOffset[extent] as number, ctx.extents.byteLength[extent] as number)) {
    ctx.answer(extent, statusNumbers.IO_ERROR, errno.EIO)
    return
  }
  switch (asked) {
    case operation.discard:
      if (volume.kind === 'snapshot') snapshotDiscard(ctx, extent, volume)
      else originDiscard(ctx, extent, volume)
      break
    case operation.zero:
      if (volume.kind === 'snapshot') snapshotZero(ctx, extent)
      else originZero(ctx, extent, volume)
      break
    default:
      flush(ctx, extent, volume)
  }
}

/** As which operation of the statistics a request counts. */
export function countedAs(asked: number, volume: VolumeView | undefined): number {
  if (asked > operation.write) return countedAsOther(asked)
  if (volume?.kind === 'snapshot') {
    return asked === operation.write ? operationIndex.snapshotWrite : operationIndex.snapshotRead
  }
  return asked === operation.write ? operationIndex.originWrite : operationIndex.originRead
}

function countedAsOther(asked: number): number {
  if (isMergeStep(asked)) return operationIndex.merge
  if (asked === operation.flush) return operationIndex.flush
  return asked === operation.discard ? operationIndex.discard : operationIndex.zero
}

/**
 * A snapshot's flush goes to its store only, an origin's to the origin only, and while a snapshot is merged into it to that
 * one's store as well. Unlike the kernel's, it fails on an invalid snapshot.
 */
function flush(ctx: WorkerContext, extent: number, volume: VolumeView): void {
  const refused = volume.kind === 'snapshot' ? refusal(volume) : statusNumbers.OK
  if (refused === statusNumbers.SNAPSHOT_INVALID) {
    ctx.answer(extent, refused, 0)
    return
  }
  const failure = volume.kind === 'snapshot' ? flushSnapshot(ctx, volume) : flushOrigin(ctx, volume)
  ctx.answer(extent, failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR, failure)
}
