/**
 * A merge, window by window: the last exceptions of the list go back to the origin, and their entries are cleared. The
 * coordinator asks for one step after the other (src/control/merge-loop.ts).
 *
 *     GATHER   read the last entries of the list                                          one worker
 *     SAVE     give every other snapshot the chunks that the origin is about to lose      all, slice by slice
 *     HOLD     take the keys of the window's chunks: writes to them are deferred          one
 *     COPY     COW → origin, a part in each turn                                          all, slice by slice
 *     COMMIT   W4 barrier on the origin; clear the entries; barrier; retract; free keys   one
 *     LET GO   free the keys and leave everything as it is: a step has failed             one
 *
 * SAVE takes and frees keys like any origin write: what another snapshot has got it keeps. All later steps go on under the keys
 * of the window, and can be repeated: the COW is the truth until the cleared entries are durable, the origin is afterwards,
 * and no write to the window's chunks is answered in between.
 */
import { present } from '../src/base/assert.js'
import { statusNumbers } from '../src/base/errors.js'
import { encodeEntry, entryBytes } from '../src/format/exception.js'
import { areaOfPosition, byteOffsetOfPosition } from '../src/format/geometry.js'
import { type MergeFault, mergeFault, type WindowEnd, windowEnd } from '../src/shm/merge-window.js'
import { counter } from '../src/shm/statistics.js'
import { extentBytesMax, operation } from '../src/wire/operation.js'
import { copyBytes } from '../src/wire/scratch-layout.js'
import type { WorkerContext } from './context.js'
import { flushFile } from './flush.js'
import { beginSave, placeOnOrigin, runEndInSlice } from './merge-save.js'
import { gather, hold, letGo, strangeChunk, takeStripes } from './merge-window.js'
import { saveNested } from './nested.js'
import type { MergingView, OriginView, SnapshotView } from './views.js'

/** What is copied between two looks at the ring: when nobody waits there, and when somebody does. */
const partBytesMax = copyBytes
const partBytesMin = 2 ** 15

export function takeMergeStep(ctx: WorkerContext, extent: number, origin: OriginView): void {
  const { merging } = origin
  ctx.tookMergeStep = true
  if (merging === undefined) {
    ctx.answer(extent, statusNumbers.DEVICE_CLOSED, 0)
    return
  }
  const start = ctx.extents.byteOffset[extent] as number
  const length = ctx.extents.byteLength[extent] as number
  switch (ctx.extents.operation[extent]) {
    case operation.mergeGather:
      answerStep(ctx, extent, gatherChecked(ctx, merging, start, length))
      break
    case operation.mergeSave:
      beginSave(ctx, extent, origin, merging)
      break
    case operation.mergeHold:
      beginHold(ctx, extent, origin, merging, start, length)
      break
    case operation.mergeCopy:
      ctx.extents.copied[extent] = 0
      ctx.copying.add(extent)
      break
    case operation.mergeCommit:
      answerStep(ctx, extent, commitWindow(ctx, origin, merging))
      break
    case operation.mergeLetGo:
      merging.window.give(start as WindowEnd)
      letGo(ctx, origin, merging)
      answerStep(ctx, extent, 0)
      break
    default:
      answerAtOnce(ctx, extent, merging, mergeAtOnce(ctx, origin, merging, start, length))
  }
}

/** HOLD; of a window that is not gathered yet, because there is nobody to save for, `end` says where the list ends. */
function beginHold(
  ctx: WorkerContext,
  extent: number,
  origin: OriginView,
  merging: MergingView,
  end: number,
  countMax: number,
): void {
  const failure = end > 0 ? gatherChecked(ctx, merging, end, countMax) : 0
  if (failure !== 0) answerStep(ctx, extent, failure)
  else if (hold(ctx, extent, origin, merging)) answerStep(ctx, extent, 0)
}

/** Goes on with windows that waited for a key. */
export function retryHolding(ctx: WorkerContext): void {
  let kept = 0
  for (let index = 0; index < ctx.holding.count; index++) {
    const extent = ctx.holding.pieces[index] as number
    const origin = ctx.volume(ctx.extents.volume[extent] as number)
    const isDone = origin.kind === 'origin' && origin.merging !== undefined && takeStripes(ctx, origin, origin.merging)
    if (isDone) answerStep(ctx, extent, 0)
    else ctx.holding.pieces[kept++] = extent
  }
  ctx.holding.count = kept
}

/** Only what was copied counts as bytes. */
function answerStep(ctx: WorkerContext, extent: number, failure: number, copiedBytes = 0): void {
  ctx.extents.byteLength[extent] = copiedBytes
  ctx.answer(extent, failure === 0 ? statusNumbers.OK : statusNumbers.IO_ERROR, Math.max(0, failure))
}

const answerAtOnce = (ctx: WorkerContext, extent: number, { snapshot, window }: MergingView, failure: number): void =>
  answerStep(ctx, extent, failure, window.count * snapshot.chunkBytes)

/** A failure that no system call made: the window's fault says what it is. */
const inconsistent = -1

function gatherChecked(ctx: WorkerContext, merging: MergingView, end: number, countMax: number): number {
  const failure = gather(ctx, merging, end, countMax)
  if (failure !== 0) return fail(merging, mergeFault.storeReadFailed, 0, failure)
  const strange = strangeChunk(merging)
  return strange < 0 ? 0 : fail(merging, mergeFault.corrupt, strange, inconsistent)
}

function fail({ window }: MergingView, fault: MergeFault, oldChunk: number, failure: number): number {
  window.setFault(fault, oldChunk)
  return failure
}

/**
 * COPY, a part of the slice that this worker was given first; true if there was one. Requests are served between any two parts,
 * however much of a window is in hand.
 */
export function copyPart(ctx: WorkerContext): boolean {
  const { copying, extents } = ctx
  if (copying.count === 0) return false
  const extent = copying.pieces[0] as number
  const origin = ctx.volume(extents.volume[extent] as number) as OriginView
  const merging = present(origin.merging, 'a step of a merge is over before its table goes')
  const start = extents.byteOffset[extent] as number
  const end = start + (extents.byteLength[extent] as number)
  const partStart = start + (extents.copied[extent] as number)
  let at = partStart
  let failure = 0
  while (failure === 0 && at < end && !isPart(ctx, at - partStart)) {
    const to = callEnd(merging, at, end)
    failure = copySlice(ctx, origin, merging, at, to)
    at = to
  }
  extents.copied[extent] = at - start
  if (failure !== 0 || at === end) {
    copying.removeFirst()
    answerStep(ctx, extent, failure, extents.byteLength[extent] as number)
    ctx.publishCompletions()
  }
  return true
}

const isPart = (ctx: WorkerContext, byteLength: number): boolean =>
  byteLength >= (ctx.submissionRing.waiting() > 0 ? partBytesMin : partBytesMax)

/** How far one call goes: to the end of a run, and not past the scratch. */
const callEnd = (merging: MergingView, at: number, end: number): number =>
  Math.min(runEndInSlice(merging, at, end), at + copyBytes)

/** COPY, of bytes [start, end) of the window. */
function copySlice(ctx: WorkerContext, origin: OriginView, merging: MergingView, start: number, end: number): number {
  const { snapshot, window } = merging
  const { chunkBytes } = snapshot
  const { copyOffset } = ctx.scratch
  for (let at = start; at < end; ) {
    const to = callEnd(merging, at, end)
    const index = Math.floor(at / chunkBytes)
    const onOrigin = placeOnOrigin(merging, at)
    const onCow = window.newChunk(index) * chunkBytes + (at - index * chunkBytes)
    // The last chunk may reach past the origin's end.
    const byteLength = Math.min(to - at, origin.sizeBytes - onOrigin)
    if (byteLength > 0) {
      const readFailure = snapshot.cow.read(copyOffset, byteLength, onCow)
      if (readFailure !== 0) return fail(merging, mergeFault.copyReadFailed, window.oldChunk(index), readFailure)
      const writeFailure = origin.file.write(copyOffset, byteLength, onOrigin)
      if (writeFailure !== 0) return fail(merging, mergeFault.copyWriteFailed, window.oldChunk(index), writeFailure)
    }
    at = to
  }
  return 0
}

/** COMMIT. Whatever fails, the map still says what the COW has, and the keys are still held. */
function commitWindow(ctx: WorkerContext, origin: OriginView, merging: MergingView): number {
  const { snapshot, window } = merging
  // Whoever took this step before and died may have cleared some entries: then no failure leaves them as they were.
  const isRepeated = window.clearedBy !== 0
  const flushFailure = snapshot.barriers ? flushFile(ctx, origin.file, origin.flushFailures) : 0 // W4
  if (flushFailure !== 0 && !isRepeated) return fail(merging, mergeFault.originFlushFailed, 0, flushFailure)
  window.beginClearing(ctx.owner)
  const clearFailure = flushFailure || clearEntries(ctx, merging) || clearingBarrier(ctx, snapshot)
  if (clearFailure !== 0) {
    // At once: in a nested stack no key keeps writes away until the window is given up.
    window.give(windowEnd.uncertain)
    return fail(merging, mergeFault.storeWriteFailed, 0, clearFailure)
  }
  for (let index = window.count - 1; index >= 0; index--) snapshot.map.retract(window.oldChunk(index))
  snapshot.cursor.retreat(window.from)
  for (let position = window.keptFrom; position < window.from; position++) {
    snapshot.cursor.keepCommitted(position, window.keptOldChunk(position), window.keptNewChunk(position))
  }
  window.endClearing()
  window.give(windowEnd.open)
  ctx.statistics.count(counter.mergedChunks, window.count)
  letGo(ctx, origin, merging)
  return 0
}

/**
 * What is left to do when this worker's predecessor died in COMMIT of a nested stack, before any other request of the stack:
 * the map still has exceptions whose entries may be gone, and no key keeps writes from them.
 */
export function finishClearing(ctx: WorkerContext, origin: OriginView, merging: MergingView): void {
  if (origin.nested > 0 && merging.window.clearedBy === ctx.owner) commitWindow(ctx, origin, merging)
}

const clearingBarrier = (ctx: WorkerContext, { barriers, cow, cowFlushFailures }: SnapshotView): number =>
  barriers ? flushFile(ctx, cow, cowFlushFailures) : 0

/** The last area first, so that the list never has a hole. */
function clearEntries(ctx: WorkerContext, merging: MergingView): number {
  const { snapshot, window } = merging
  const { geometry } = snapshot
  for (let end = window.end; end > window.from; ) {
    const from = Math.max(window.from, areaOfPosition(geometry, end - 1) * geometry.entriesPerArea)
    const failure = clearAreaPart(ctx, merging, from, end)
    if (failure !== 0) return failure
    end = from
  }
  return 0
}

/** Zeroes entries [from, end) of one area, in whole blocks: those before them again, nothing behind them. */
function clearAreaPart(ctx: WorkerContext, { snapshot, window }: MergingView, from: number, end: number): number {
  const { cow, geometry, metadataUnitBytes } = snapshot
  const start = byteOffsetOfPosition(geometry, from)
  const blockStart = Math.floor(start / metadataUnitBytes) * metadataUnitBytes
  const blockEnd = Math.ceil((start + (end - from) * entryBytes) / metadataUnitBytes) * metadataUnitBytes
  const { metadataOffset } = ctx.scratch
  ctx.scratch.clearMetadata(blockEnd - blockStart)
  const kept = (start - blockStart) / entryBytes
  for (let index = 0; index < kept; index++) {
    const position = from - kept + index
    const oldChunk = window.keptOldChunk(position)
    encodeEntry(ctx.arenaView, metadataOffset + index * entryBytes, oldChunk, window.keptNewChunk(position))
  }
  return cow.write(metadataOffset, blockEnd - blockStart, blockStart)
}

/**
 * All steps of one window, for a stack whose volumes write to each other: it is served by this worker alone, one request at a
 * time, so no write comes between and nobody needs its keys. See workers/nested.
 */
function mergeAtOnce(
  ctx: WorkerContext,
  origin: OriginView,
  merging: MergingView,
  end: number,
  countMax: number,
): number {
  const { snapshot, window } = merging
  // The worker that took this step before has died: its successor has finished what it had begun to clear, or could not.
  if (snapshot.cursor.committed() < end) return 0
  if (window.clearedBy !== 0) return fail(merging, mergeFault.storeWriteFailed, 0, inconsistent)
  const failure = gatherChecked(ctx, merging, end, countMax)
  if (failure !== 0) return failure
  const byteLength = window.count * snapshot.chunkBytes
  for (let at = 0; at < byteLength; at += extentBytesMax) {
    const step = Math.min(extentBytesMax, byteLength - at)
    saveNested(ctx, origin, step, at)
  }
  return copySlice(ctx, origin, merging, 0, byteLength) || commitWindow(ctx, origin, merging)
}
