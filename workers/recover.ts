/**
 * Recovery: what a worker does first when it takes the place of one that died; and what any worker does for a seat whose
 * thread died in the middle of a run.
 *
 * The dead runner's requests have been answered with an error. What it leaves in shared memory is finished here, in an order
 * that never frees a chunk before it is safe:
 *
 *     1  an invalidation it had begun is completed
 *     2  what it had claimed and not made ready is copied from the origin; the keys it holds guarantee that the origin's
 *        bytes there are still the old ones. What it would have written instead was never acknowledged
 *     3  everything claimed before its death is committed
 *     4  entries that it was clearing in a nested merge are cleared, in the order of the stack's levels like 1 to 3
 *     5  its keys are freed: L3
 *
 * Requires: the coordinator freed its claim and commit words when it found it dead, and every other worker has passed a turn
 * boundary since `claimed` was read, so that a claim below it that is not ready can only be the dead worker's.
 */
import { storeState } from '../src/shm/commit-cursor.js'
import { commitReady } from './commit.js'
import type { WorkerContext } from './context.js'
import { copyThrough, newChunkOf } from './copy-out.js'
import { completeInvalidation } from './invalidate.js'
import { finishClearing } from './merge-steps.js'
import type { SnapshotView } from './views.js'

export function recover(
  ctx: WorkerContext,
  owner: number,
  claimed: readonly (readonly [volume: number, claimedEnd: number])[],
  deadOwners: readonly number[],
): void {
  const stores = claimed.flatMap(([volume, claimedEnd]) => {
    const snapshot = ctx.volumes[volume]
    return snapshot?.kind === 'snapshot' ? [{ snapshot, claimedEnd }] : []
  })
  // The lower of a nested stack first: an upper store's copies are written through it.
  stores.sort((a, b) => a.snapshot.origin.nested - b.snapshot.origin.nested)
  for (const { claimedEnd, snapshot } of stores) {
    const { merging } = snapshot.origin
    // In a store that is being merged nothing is claimed: its list only gets shorter.
    if (merging?.snapshot === snapshot) finishClearing(ctx, snapshot.origin, merging)
    else recoverStore(ctx, snapshot, claimedEnd, deadOwners)
  }
  ctx.locks.releaseAllOf(owner) // L3
  ctx.signals.ringParked()
}

function recoverStore(
  ctx: WorkerContext,
  snapshot: SnapshotView,
  claimedEnd: number,
  deadOwners: readonly number[],
): void {
  const { cursor } = snapshot
  const invalidatorDied = cursor.state() === storeState.invalidating && deadOwners.includes(cursor.invalidator())
  if (invalidatorDied && !cursor.headerFailed()) completeInvalidation(ctx, snapshot)
  else if (invalidatorDied) ctx.signals.raiseEvent() // It had given the header up; the coordinator may not know yet.
  if (!snapshot.persistent) return
  for (let position = cursor.committed(); position < claimedEnd; position++) {
    if (cursor.state() >= storeState.invalidating) return
    const oldChunk = cursor.oldChunkAt(position)
    // Looked at in this order: a record is freed only after its position is committed.
    if (cursor.isReady(position) || position < cursor.committed()) continue
    if (copyThrough(ctx, snapshot, oldChunk, newChunkOf(snapshot, position))) {
      cursor.markReady(position, newChunkOf(snapshot, position))
    }
  }
  const bell = ctx.signals.workers[ctx.worker]
  ctx.announceParked()
  while (cursor.committed() < claimedEnd && cursor.state() < storeState.invalidating) {
    const seen = bell?.read() ?? 0
    commitReady(ctx, snapshot)
    if (cursor.committed() < claimedEnd) bell?.wait(seen, 1)
  }
}
