/**
 * A discard of a snapshot, chunk by chunk (reference 4.8):
 *
 *     whole chunk with an exception     its chunk of the store is overwritten with zeroes; the exception stays
 *     part of one                       the discard goes to that place of the store
 *     no exception                      nothing changes, with success: the origin's bytes stay readable here
 *
 * "Whole" is compared with the full chunk size, so the origin's last, short chunk is always a part. With passdown the range
 * is discarded in the origin as well, past every exception. That would spoil other snapshots, and what one that is being merged
 * shows, so it is refused while there are any; the kernel does not refuse.
 *
 * No key is held. A chunk that is claimed and not published counts as one without an exception: the write that makes it has
 * not been answered, so this discard may be ordered before it, as if it had come a moment earlier. It cannot overtake what
 * was answered: that is published, and what is published never moves. Where the map shows an exception, the discard is a
 * write in place like any other to a chunk that the store has, and needs as little.
 *
 * Passdown writes to the origin without asking P1 and W3: what they protect belongs to this snapshot alone, and its owner
 * gave it up. A copy of the chunk that another worker is making meanwhile has the bytes of before, or zeroes.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { errno } from '../src/io/block-file.js'
import type { WorkerContext } from './context.js'
import { answerRange } from './origin-discard.js'
import { storeRunEnd } from './snapshot-read.js'
import { refusal } from './snapshot-write.js'
import type { SnapshotView } from './views.js'

export function snapshotDiscard(ctx: WorkerContext, extent: number, snapshot: SnapshotView): void {
  const refused = isRefused(snapshot) ? statusNumbers.NOT_SUPPORTED : refusal(snapshot)
  if (refused !== statusNumbers.OK) {
    ctx.answer(extent, refused, 0)
    return
  }
  const start = ctx.extents.byteOffset[extent] as number
  const byteLength = ctx.extents.byteLength[extent] as number
  let failure = discardInStore(snapshot, start, start + byteLength)
  if (failure === 0 && snapshot.discards === 'zeroes-and-passdown') {
    const { file, sizeBytes } = snapshot.origin
    failure = start + byteLength > sizeBytes ? errno.EIO : file.discard(byteLength, start)
  }
  answerRange(ctx, extent, failure)
}

/** Zeroes of a snapshot are ordinary writes: mostly to chunks that it does not have yet. */
export function snapshotZero(ctx: WorkerContext, extent: number): void {
  ctx.answer(extent, statusNumbers.NOT_SUPPORTED, 0)
}

function isRefused({ discards, origin }: SnapshotView): boolean {
  if (discards !== 'zeroes-and-passdown') return discards === 'refused'
  return origin.snapshots.length > 1 || origin.merging !== undefined
}

function discardInStore(snapshot: SnapshotView, from: number, end: number): number {
  const { chunkBytes, cow, map } = snapshot
  const wholeEnd = chunkOf(end, chunkBytes) * chunkBytes
  let at = from
  while (at < end) {
    const chunk = chunkOf(at, chunkBytes)
    let to = Math.min(end, (chunk + 1) * chunkBytes)
    const newChunk = map.lookUp(chunk)
    if (newChunk >= 0) {
      const inStore = newChunk * chunkBytes + (at - chunk * chunkBytes)
      const isWhole = to - at === chunkBytes
      // Neighbours in the store go with one call.
      if (isWhole) to = storeRunEnd(snapshot, chunk, newChunk, wholeEnd)
      const failure = isWhole ? cow.zero(to - at, inStore) : cow.discard(to - at, inStore)
      if (failure !== 0) return failure
    }
    at = to
  }
  return 0
}
