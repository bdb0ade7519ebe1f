/**
 * Stacks in which one copy-on-write volume writes to another: a snapshot-origin over a snapshot, a store on a snapshot.
 *
 *     upper write ── COPY, COMMIT, RELEASE of its own ──▶ VolumeFile.write ── COPY, COMMIT, RELEASE of the lower volume ──▶ …
 *
 * A volume below is a BlockFile like any other. A read of it is a read, without locks, on whatever worker wants it. A write
 * of it runs the whole path of that volume to its end, inside the call, in a context of its own one level down.
 *
 * A call that waited for a key of another worker's parked piece could wait in a circle. So all volumes of such a stack are
 * served by one worker, one request after the other: the coordinator routes them there and marks them `nested`. Then every
 * key is free when it is wanted, and nested contexts have lock tables of their own, which nobody else sees.
 *
 * Costs: such a stack has no parallelism and no group commit over requests. Stacks that are only read downwards (a snapshot
 * of a snapshot) are not concerned.
 */
import { assert, present } from '../src/base/assert.js'
import { statusNumbers } from '../src/base/errors.js'
import { type BlockFile, errno as errnos } from '../src/io/block-file.js'
import { extentBytesMax, operation } from '../src/wire/operation.js'
import { zeroBytes } from '../src/wire/scratch-layout.js'
import { WorkerContext } from './context.js'
import { flushOrigin, flushSnapshot } from './flush.js'
import { beginSave } from './merge-save.js'
import { readOrigin } from './merging-io.js'
import { isLost, readSnapshot } from './snapshot-read.js'
import { beginWrite, reviveWaiters, takeStrides } from './strides.js'
import type { OriginView, VolumeView } from './views.js'

/** How long to wait before looking again, when only the coordinator can help: it ends an invalidation, extends a store. */
const coordinatorWaitMs = 1

/** A context whose one request is answered to the caller, not to a ring. */
class NestedContext extends WorkerContext {
  answered = false
  status = 0
  errno = 0

  constructor(root: WorkerContext, scratchOffset: number) {
    super({ ...root.start, scratchOffset }, root)
  }

  override answer(extent: number, status: number, errno: number): void {
    this.answered = true
    this.status = status
    this.errno = errno
    this.extents.release(extent)
  }

  /** A nested write never sleeps for another worker, so nobody has to ring for it. */
  override announceParked(): void {}
}

/** The nested contexts of a worker, by level, and how many are in use. */
class Levels {
  readonly contexts: NestedContext[] = []
  depth = 0
}

const levelsOf = new WeakMap<WorkerContext, Levels>()

/** Answers a write to a volume of a nested stack: carried out to its end, here and now. */
export function writeNestedExtent(ctx: WorkerContext, extent: number): void {
  const { arenaOffset, byteLength, byteOffset, volume } = ctx.extents
  const result = writeNested(
    ctx,
    ctx.volume(volume[extent] as number),
    arenaOffset[extent] as number,
    byteLength[extent] as number,
    byteOffset[extent] as number,
  )
  ctx.answer(extent, result.status, result.errno)
}

function writeNested(
  root: WorkerContext,
  volume: VolumeView,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): NestedContext {
  return carryOutNested(root, volume, operation.write, arenaOffset, byteLength, byteOffset)
}

/** SAVE of one slice of a merge's window. */
export function saveNested(root: WorkerContext, origin: OriginView, byteLength: number, byteOffset: number): void {
  carryOutNested(root, origin, operation.mergeSave, 0, byteLength, byteOffset)
}

/** One request, to its end, one level below what is going on. */
function carryOutNested(
  root: WorkerContext,
  volume: VolumeView,
  asked: number,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): NestedContext {
  let levels = levelsOf.get(root)
  if (levels === undefined) {
    levels = new Levels()
    levelsOf.set(root, levels)
  }
  const level = levels.depth++
  try {
    const scratch = present(root.nestedScratch[level], `scratch of nested level ${level}`)
    levels.contexts[level] ??= new NestedContext(root, scratch)
    const ctx = levels.contexts[level] as NestedContext
    carryOut(ctx, volume, asked, arenaOffset, byteLength, byteOffset)
    return ctx
  } finally {
    levels.depth--
  }
}

function carryOut(
  ctx: NestedContext,
  volume: VolumeView,
  asked: number,
  arenaOffset: number,
  byteLength: number,
  byteOffset: number,
): void {
  assert(byteLength <= extentBytesMax, 'a nested write is at most one extent')
  const extent = ctx.extents.take()
  ctx.extents.operation[extent] = asked
  ctx.extents.volume[extent] = volume.volume
  ctx.extents.arenaOffset[extent] = arenaOffset
  ctx.extents.byteLength[extent] = byteLength
  ctx.extents.byteOffset[extent] = byteOffset
  ctx.answered = false
  ctx.beginTurn()
  const merging = volume.kind === 'origin' ? volume.merging : undefined
  if (volume.kind === 'origin' && merging !== undefined && asked === operation.mergeSave) {
    beginSave(ctx, extent, volume, merging)
  } else beginWrite(ctx, extent, volume)
  for (;;) {
    if (!ctx.answered) takeStrides(ctx)
    if (ctx.answered) return
    const committed = ctx.commitWaiters.count
    ctx.beginTurn()
    reviveWaiters(ctx)
    // Nothing could be claimed again: what it waits for is not in this thread's hands.
    if (ctx.commitWaiters.count === committed) {
      const bell = ctx.signals.workers[ctx.worker]
      bell?.wait(bell.read(), coordinatorWaitMs)
    }
  }
}

export class VolumeFile implements BlockFile {
  readonly #root: WorkerContext
  readonly #volume: number

  constructor(root: WorkerContext, volume: number) {
    this.#root = root
    this.#volume = volume
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    const view = this.#root.volumes[this.#volume]
    if (view === undefined || fileOffset + byteLength > view.sizeBytes) return errnos.EIO
    if (view.kind === 'origin') return readOrigin(view, arenaOffset, byteLength, fileOffset)
    const failure = readSnapshot(this.#root, view, arenaOffset, byteLength, fileOffset)
    return isLost(view) ? errnos.EIO : failure
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    const view = this.#root.volumes[this.#volume]
    if (view === undefined) return errnos.EIO
    if (fileOffset + byteLength > view.sizeBytes) return errnos.ENOSPC
    for (let done = 0; done < byteLength; done += extentBytesMax) {
      const step = Math.min(extentBytesMax, byteLength - done)
      const result = writeNested(this.#root, view, arenaOffset + done, step, fileOffset + done)
      if (result.status !== statusNumbers.OK) return result.errno || errnos.EIO
    }
    return 0
  }

  /** Written, like any zeroes that copy-on-write is in the way of. */
  zero(byteLength: number, fileOffset: number): number {
    const { zeroOffset } = this.#root.scratch
    for (let done = 0; done < byteLength; done += zeroBytes) {
      const failure = this.write(zeroOffset, Math.min(zeroBytes, byteLength - done), fileOffset + done)
      if (failure !== 0) return failure
    }
    return 0
  }

  discard(): number {
    return errnos.EOPNOTSUPP
  }

  /** All data: a volume below is not asked what it shares. */
  extent(_fileOffset: number, byteLength: number): number {
    return byteLength
  }

  barrier(): number {
    const view = this.#root.volumes[this.#volume]
    if (view === undefined) return errnos.EIO
    if (view.kind === 'origin') return flushOrigin(this.#root, view)
    return isLost(view) ? errnos.EIO : flushSnapshot(this.#root, view)
  }

  sizeBytes(): number {
    return this.#root.volumes[this.#volume]?.sizeBytes ?? -1
  }
}
