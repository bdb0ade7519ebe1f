/**
 * Reads and writes of an origin that a snapshot is being merged into. The device shows the snapshot's content from the first
 * moment on (reference 5.4):
 *
 *     chunk                            read       write
 *     has an exception                 the COW    the COW, in place, under its key
 *     is in the merge's window         the COW    deferred: the window holds its key; then the origin
 *     has none, or has none any more   the origin the origin, once every other snapshot has the chunk
 *
 * No exception is ever added to the merging snapshot, so a chunk that has none is the origin's for good, and needs no key on
 * its account. A write to a chunk that has one holds the key: the window that copies the chunk cannot be copying it then.
 * A read holds nothing: until its exception is retracted, the COW has what was acknowledged last; the origin has it afterwards.
 */
import { statusNumbers } from '../src/base/errors.js'
import { chunkOf } from '../src/base/units.js'
import { type BlockFile, errno as errnos } from '../src/io/block-file.js'
import { windowEnd } from '../src/shm/merge-window.js'
import { operation } from '../src/wire/operation.js'
import type { WorkerContext } from './context.js'
import { finishPiece } from './pieces.js'
import { originRunEnd, storeRunEnd } from './snapshot-read.js'
import type { MergingView, OriginView, SnapshotView } from './views.js'

/** How much of a range has exceptions in a merging snapshot. */
export const share = { none: 0, some: 1, all: 2 } as const
export type Share = (typeof share)[keyof typeof share]

function shareInStore({ chunkBytes, map }: SnapshotView, start: number, end: number): Share {
  let mapped = 0
  const first = chunkOf(start, chunkBytes)
  const last = chunkOf(end - 1, chunkBytes)
  for (let chunk = first; chunk <= last; chunk++) if (map.lookUp(chunk) >= 0) mapped++
  if (mapped === 0) return share.none
  return mapped === last - first + 1 ? share.all : share.some
}

/** True if a write to [start, end) touches what is still to be merged. */
export const waitsForMerge = ({ merging }: OriginView, start: number, end: number): boolean =>
  merging !== undefined && shareInStore(merging.snapshot, start, end) !== share.none

/** True if a piece is a write that lies in the merging snapshot's store altogether: no other snapshot has to do with it yet. */
export function liesInStore(ctx: WorkerContext, piece: number, { merging }: OriginView): boolean {
  if (merging === undefined || isSave(ctx, piece)) return false
  const { end, start } = ctx.pieces
  return shareInStore(merging.snapshot, start[piece] as number, end[piece] as number) === share.all
}

/** True if a piece only saves chunks in the other snapshots, for a merge. */
export const isSave = (ctx: WorkerContext, piece: number): boolean =>
  ctx.extents.operation[ctx.pieces.extent[piece] as number] === operation.mergeSave

/** Reads a range of an origin, as it shows itself; answers an errno. */
export function readOrigin(origin: OriginView, arenaOffset: number, byteLength: number, byteOffset: number): number {
  const { file, merging } = origin
  if (merging === undefined) return file.read(arenaOffset, byteLength, byteOffset)
  return moveStretches('read', file, merging.snapshot, arenaOffset, byteOffset, byteOffset + byteLength)
}

/** Writes a piece, whose key is held, to wherever its chunks are now, and frees the key. True if that is wanted. */
export function writeMergingPiece(
  ctx: WorkerContext,
  piece: number,
  origin: OriginView,
  merging: MergingView,
): boolean {
  const start = ctx.pieces.start[piece] as number
  const end = ctx.pieces.end[piece] as number
  const extent = ctx.pieces.extent[piece] as number
  const arenaOffset = (ctx.extents.arenaOffset[extent] as number) + (start - (ctx.extents.byteOffset[extent] as number))
  const failure = isBarred(ctx, piece, merging, start, end)
    ? errnos.EIO
    : moveStretches('write', origin.file, merging.snapshot, arenaOffset, start, end)
  return finishPiece(ctx, piece, failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR, failure)
}

/** Reads or writes [start, end) from or to wherever its chunks are now; answers an errno. */
function moveStretches(
  verb: 'read' | 'write',
  file: BlockFile,
  snapshot: SnapshotView,
  arenaOffset: number,
  start: number,
  end: number,
): number {
  for (let at = start; at < end; ) {
    const inStore = placeInStore(snapshot, at)
    const to = stretchEnd(snapshot, at, end, inStore)
    const inArena = arenaOffset + (at - start)
    const failure = inStore < 0 ? file[verb](inArena, to - at, at) : snapshot.cow[verb](inArena, to - at, inStore)
    if (failure !== 0) return failure
    at = to
  }
  return 0
}

/**
 * A write that a window held, and that window was given up: as in the kernel it fails. And whatever comes to a chunk whose entry
 * may or may not be on the COW fails as well, since a fresh load could lose it.
 */
function isBarred(
  ctx: WorkerContext,
  piece: number,
  { snapshot, window }: MergingView,
  start: number,
  end: number,
): boolean {
  const { given } = window
  if (given === windowEnd.open) return false
  if (given === windowEnd.failed && ctx.pieces.deferred[piece] === 0) return false
  const lastChunk = chunkOf(end - 1, snapshot.chunkBytes)
  for (let chunk = chunkOf(start, snapshot.chunkBytes); chunk <= lastChunk; chunk++) if (window.has(chunk)) return true
  return false
}

/** Where the store has the bytes at `at`; -1 if they are the origin's. */
function placeInStore({ chunkBytes, map }: SnapshotView, at: number): number {
  const chunk = chunkOf(at, chunkBytes)
  const newChunk = map.lookUp(chunk)
  return newChunk < 0 ? -1 : newChunk * chunkBytes + (at - chunk * chunkBytes)
}

/** How far a range goes on with one call, in the origin or in the store. */
function stretchEnd(snapshot: SnapshotView, at: number, end: number, inStore: number): number {
  const { chunkBytes } = snapshot
  const chunk = chunkOf(at, chunkBytes)
  return inStore < 0
    ? originRunEnd(snapshot, chunk, end)
    : storeRunEnd(snapshot, chunk, chunkOf(inStore, chunkBytes), end)
}
