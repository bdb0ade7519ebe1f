/**
 * A slice of a merge's window: a stretch of bytes, the chunks of the window one after the other. SAVE gives the other
 * snapshots what the origin is about to lose there; it is an origin write that writes nothing.
 */
import { statusNumbers } from '../src/base/errors.js'
import type { WorkerContext } from './context.js'
import { mustSave } from './origin-write.js'
import { addPieces, beginPieces } from './pieces.js'
import type { MergingView, OriginView } from './views.js'

/** Where a slice goes on without a gap, on the origin as on the COW, at most to `end`. */
export function runEndInSlice({ snapshot, window }: MergingView, at: number, end: number): number {
  const { chunkBytes } = snapshot
  let index = Math.floor(at / chunkBytes) + 1
  while (index * chunkBytes < end && window.continuesRun(index)) index++
  return Math.min(end, index * chunkBytes)
}

/** Where on the origin a byte of the window belongs. */
export function placeOnOrigin({ snapshot, window }: MergingView, at: number): number {
  const index = Math.floor(at / snapshot.chunkBytes)
  return window.oldChunk(index) * snapshot.chunkBytes + (at - index * snapshot.chunkBytes)
}

/** The last run first, as they are merged: other snapshots get their exceptions in the kernel's order. */
export function beginSave(ctx: WorkerContext, extent: number, origin: OriginView, merging: MergingView): void {
  const start = ctx.extents.byteOffset[extent] as number
  let end = start + (ctx.extents.byteLength[extent] as number)
  beginPieces(ctx, extent)
  while (end > start) {
    const at = runStartInSlice(merging, start, end)
    const from = placeOnOrigin(merging, at)
    // The last chunk may reach past the origin's end.
    const until = Math.min(from + (end - at), origin.sizeBytes)
    if (from < until && mustSave(origin, from, until)) addPieces(ctx, extent, origin, from, until)
    end = at
  }
  ctx.extents.byteLength[extent] = 0 // Nothing of it counts as merged yet.
  if (ctx.extents.piecesLeft[extent] === 0) ctx.answer(extent, statusNumbers.OK, 0)
}

/** Where the run begins that a slice ends with at `end`, but not before `start`. */
function runStartInSlice({ snapshot, window }: MergingView, start: number, end: number): number {
  const { chunkBytes } = snapshot
  let index = Math.floor((end - 1) / chunkBytes)
  while (index * chunkBytes > start && window.continuesRun(index)) index--
  return Math.max(start, index * chunkBytes)
}
