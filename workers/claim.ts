/**
 * Claims: the next free chunk of a store, for a chunk of the origin that it lacks. The caller holds the chunk's key.
 */

import { statusNumbers } from '../src/base/errors.js'
import { sectorBytes } from '../src/base/units.js'
import { endPositionOf } from '../src/format/geometry.js'
import { invalidationReason, storeState } from '../src/shm/commit-cursor.js'
import { newChunkMax } from '../src/shm/exception-map.js'
import type { WorkerContext } from './context.js'
import { invalidate } from './invalidate.js'
import type { SnapshotView } from './views.js'

export const claimRefused = {
  /** The store has no room, even at the size its file has now. */
  full: -1,
  /** Too many claims wait for a commit, or another thread is claiming: try again next turn. */
  later: -2,
  /** No room, but the coordinator is about to extend the COW: tell it, and try again next turn. */
  extending: -3,
} as const

/** Claims a position for one chunk of a piece. Negative if the piece cannot go on; it has been told why. */
export function claimFor(ctx: WorkerContext, piece: number, snapshot: SnapshotView, oldChunk: number): number {
  let position: number = claimRefused.later
  if (snapshot.cursor.tryTakeClaims(ctx.owner)) {
    position = claimHeld(snapshot, oldChunk)
    releaseClaims(ctx, snapshot)
  }
  if (position < 0) refuse(ctx, piece, snapshot, position)
  return position
}

/** Lets go of the claim word, and lets the coordinator know when the store has become so full that it wants to. */
export function releaseClaims(ctx: WorkerContext, snapshot: SnapshotView): void {
  snapshot.cursor.releaseClaims()
  if (snapshot.cursor.hasPassedWatermark()) ctx.signals.raiseEvent()
}

/** Claims the next position, for whoever holds the claim word; or says why not. */
export function claimHeld(snapshot: SnapshotView, oldChunk: number): number {
  const { cursor } = snapshot
  if (snapshot.persistent && cursor.room() <= 0) return claimRefused.later
  const position = cursor.claimed()
  if (position >= endPosition(snapshot) && !hasGrown(snapshot, position)) {
    // Only good stores are extended: for one that has overflowed nobody would come.
    const mayWait = cursor.isExtendable() && cursor.state() === storeState.valid
    return mayWait ? claimRefused.extending : claimRefused.full
  }
  return snapshot.persistent ? cursor.claim(oldChunk) : cursor.claimUnlisted()
}

/** The COW may have been extended since it was last looked at; that takes effect without reopening. */
function hasGrown(snapshot: SnapshotView, position: number): boolean {
  const bytes = snapshot.cow.sizeBytes()
  if (bytes <= snapshot.cursor.cowBytes()) return false
  snapshot.cursor.setCowBytes(bytes)
  return position < endPosition(snapshot)
}

/** The first position that the store has no room for. */
function endPosition(snapshot: SnapshotView): number {
  const cowBytes = snapshot.cursor.cowBytes()
  if (snapshot.endForCowBytes !== cowBytes) {
    snapshot.endForCowBytes = cowBytes
    const cowSectors = Math.floor(cowBytes / sectorBytes)
    const usableSectors = Math.min(cowSectors, newChunkMax * snapshot.geometry.chunkSectors)
    snapshot.endPosition = snapshot.persistent
      ? endPositionOf(snapshot.geometry, usableSectors, snapshot.dataIndexOffset)
      : Math.floor(usableSectors / snapshot.geometry.chunkSectors)
  }
  return snapshot.endPosition
}

/** Tells a piece that a chunk of it could not be claimed. */
export function refuse(ctx: WorkerContext, piece: number, snapshot: SnapshotView, reason: number): void {
  if (reason === claimRefused.full) {
    refuseFull(ctx, piece, snapshot)
    return
  }
  if (reason === claimRefused.extending) ctx.signals.raiseEvent()
  ctx.pieces.incomplete[piece] = 1
}

/**
 * No room. For an origin's write the snapshot becomes invalid, and the write goes on. For its own write a PO snapshot
 * overflows and stays readable, any other becomes invalid; and that piece fails.
 */
function refuseFull(ctx: WorkerContext, piece: number, snapshot: SnapshotView): void {
  const isOwnWrite = ctx.extents.volume[ctx.pieces.extent[piece] as number] === snapshot.volume
  if (isOwnWrite && snapshot.overflows) {
    if (snapshot.cursor.overflow()) ctx.signals.raiseEvent()
    ctx.pieces.status[piece] = statusNumbers.SNAPSHOT_OVERFLOW
    return
  }
  invalidate(ctx, snapshot, invalidationReason.full, 0)
  if (isOwnWrite) ctx.pieces.status[piece] = statusNumbers.SNAPSHOT_INVALID
}
