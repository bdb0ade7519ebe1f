/**
 * Discards and zeroes of an origin, by the file itself: no byte crosses the arena.
 *
 * Both change what snapshots would have to copy first, and neither copies: a discard is refused while there are snapshots,
 * as by the kernel's target. Zeroes are refused while a write there would have to copy; whoever asked writes them then.
 */
import { statusNumbers } from '../src/base/errors.js'
import { errno } from '../src/io/block-file.js'
import type { WorkerContext } from './context.js'
import { waitsForMerge } from './merging-io.js'
import { mustSave } from './origin-write.js'
import type { OriginView } from './views.js'

export function originDiscard(ctx: WorkerContext, extent: number, origin: OriginView): void {
  if (origin.merging !== undefined) {
    // Taken and left out, as by the kernel's target, if the merging snapshot has the feature.
    const isTaken = origin.merging.snapshot.discards !== 'refused'
    ctx.answer(extent, isTaken ? statusNumbers.OK : statusNumbers.NOT_SUPPORTED, 0)
    return
  }
  if (origin.refusesDiscards || origin.snapshots.length > 0) {
    ctx.answer(extent, statusNumbers.NOT_SUPPORTED, 0)
    return
  }
  const { byteLength, byteOffset } = ctx.extents
  answerRange(ctx, extent, origin.file.discard(byteLength[extent] as number, byteOffset[extent] as number))
}

/** Where every good snapshot has all the chunks this is a write that needs no copy, under the same rules. */
export function originZero(ctx: WorkerContext, extent: number, origin: OriginView): void {
  const start = ctx.extents.byteOffset[extent] as number
  const byteLength = ctx.extents.byteLength[extent] as number
  if (mustSave(origin, start, start + byteLength) || waitsForMerge(origin, start, start + byteLength)) {
    ctx.answer(extent, statusNumbers.NOT_SUPPORTED, 0)
    return
  }
  answerRange(ctx, extent, origin.file.zero(byteLength, start))
}

/** A system that cannot discard is no I/O error. */
export function answerRange(ctx: WorkerContext, extent: number, failure: number): void {
  if (failure === 0) ctx.answer(extent, statusNumbers.OK, 0)
  else if (failure === errno.EOPNOTSUPP) ctx.answer(extent, statusNumbers.NOT_SUPPORTED, failure)
  else ctx.answer(extent, statusNumbers.IO_ERROR, failure)
}
