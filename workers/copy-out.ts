/**
 * COPY: chunks of the origin, or a caller's bytes, go to their new places in the stores.
 *
 * A plan collects a turn's copies and carries them out together. What the origin gives is read once however many stores
 * want it; neighbours in the origin are read with one call, and neighbours in a store (claims of one turn mostly are) are
 * written with one call.
 *
 * Places in a store are claimed last, all of a plan at once, right before they are written: what is claimed and not ready
 * holds up every later commit of that store.
 *
 * Guarantees: an exception is marked ready only after all of its data is in the store. A read or write that fails
 * invalidates the stores concerned, and only those (reference 4.9); the others' copies go on.
 */
import { assert } from '../src/base/assert.js'
import { dataChunk } from '../src/format/geometry.js'
import type { BlockFile } from '../src/io/block-file.js'
import { invalidationReason, storeState } from '../src/shm/commit-cursor.js'
import { counter } from '../src/shm/statistics.js'
import { copyBytes } from '../src/wire/scratch-layout.js'
import { claimHeld, claimRefused, refuse, releaseClaims } from './claim.js'
import type { WorkerContext } from './context.js'
import { invalidate } from './invalidate.js'
import { jobCapacity, readCapacity } from './limits.js'
import type { Scratch } from './scratch.js'
import type { SnapshotView } from './views.js'

/** A job whose bytes are the caller's own and need no read. */
export const noRead = -1

export class CopyPlan {
  readonly #scratch: Scratch
  #scratchUsed = 0

  readonly #readFile: (BlockFile | undefined)[] = new Array(readCapacity).fill(undefined)
  readonly #readOffset = new Float64Array(readCapacity)
  readonly #readLength = new Int32Array(readCapacity)
  readonly #readTarget = new Float64Array(readCapacity)
  readonly #readErrno = new Int32Array(readCapacity)
  #readCount = 0
  #readsDone = 0

  readonly #overlayTarget = new Float64Array(readCapacity)
  readonly #overlaySource = new Float64Array(readCapacity)
  readonly #overlayLength = new Int32Array(readCapacity)
  #overlayCount = 0

  readonly #jobPiece = new Int32Array(jobCapacity)
  readonly #jobSource = new Float64Array(jobCapacity)
  readonly #jobLength = new Float64Array(jobCapacity)
  readonly #jobOldChunk = new Float64Array(jobCapacity)
  readonly #jobPosition = new Int32Array(jobCapacity)
  readonly #jobRead = new Int32Array(jobCapacity)
  readonly #jobNext = new Int32Array(jobCapacity)
  #jobCount = 0

  readonly #touched: SnapshotView[] = []

  constructor(scratch: Scratch) {
    this.#scratch = scratch
  }

  /** True if a stretch of this length can be planned at all; longer ones are copied by `copyThrough`. */
  static fits(byteLength: number): boolean {
    return byteLength <= copyBytes
  }

  /** Plans to read a stretch of the origin; its place in the arena is `readPlace` of the answer. */
  read(ctx: WorkerContext, file: BlockFile, byteOffset: number, byteLength: number): number {
    assert(CopyPlan.fits(byteLength), `a stretch of ${byteLength} bytes does not fit the scratch`)
    if (this.#scratchUsed + byteLength > copyBytes || this.#readCount === readCapacity) this.carryOut(ctx)
    const read = this.#readCount++
    this.#readFile[read] = file
    this.#readOffset[read] = byteOffset
    this.#readLength[read] = byteLength
    this.#readTarget[read] = this.#scratch.copyOffset + this.#scratchUsed
    this.#readErrno[read] = 0
    this.#scratchUsed += byteLength
    return read
  }

  readPlace(read: number): number {
    return this.#readTarget[read] as number
  }

  /** Plans to lay a caller's bytes over what was read, before it is written. At most one for each read. */
  overlay(target: number, source: number, byteLength: number): void {
    const overlay = this.#overlayCount++
    this.#overlayTarget[overlay] = target
    this.#overlaySource[overlay] = source
    this.#overlayLength[overlay] = byteLength
  }

  /** Plans to save one chunk for a piece that holds its key: `byteLength` bytes at `source` in the arena. */
  copy(
    ctx: WorkerContext,
    snapshot: SnapshotView,
    piece: number,
    oldChunk: number,
    source: number,
    byteLength: number,
    read: number,
  ): void {
    if (this.#jobCount === jobCapacity) this.#carryOutJobs(ctx)
    const job = this.#jobCount++
    this.#jobPiece[job] = piece
    this.#jobSource[job] = source
    this.#jobLength[job] = byteLength
    this.#jobOldChunk[job] = oldChunk
    this.#jobRead[job] = read
    this.#jobNext[job] = -1
    if (snapshot.firstJob === -1) {
      snapshot.firstJob = job
      this.#touched.push(snapshot)
    } else {
      this.#jobNext[snapshot.lastJob] = job
    }
    snapshot.lastJob = job
  }

  /** Carries everything out and empties the plan. */
  carryOut(ctx: WorkerContext): void {
    this.#carryOutJobs(ctx)
    this.#readCount = 0
    this.#readsDone = 0
    this.#scratchUsed = 0
  }

  /** Carries out what is planned, but keeps what was read: more jobs of the same reads may follow. */
  #carryOutJobs(ctx: WorkerContext): void {
    this.#readAll()
    for (let overlay = 0; overlay < this.#overlayCount; overlay++) {
      this.#scratch.overlay(
        this.#overlayTarget[overlay] as number,
        this.#overlaySource[overlay] as number,
        this.#overlayLength[overlay] as number,
      )
    }
    this.#overlayCount = 0
    for (const snapshot of this.#touched) {
      this.#writeJobs(ctx, snapshot)
      snapshot.firstJob = -1
      snapshot.lastJob = -1
    }
    this.#touched.length = 0
    this.#jobCount = 0
  }

  #readAll(): void {
    let read = this.#readsDone
    while (read < this.#readCount) {
      const file = this.#readFile[read] as BlockFile
      const byteOffset = this.#readOffset[read] as number
      let byteLength = this.#readLength[read] as number
      let end = read + 1
      while (
        end < this.#readCount &&
        this.#readFile[end] === file &&
        this.#readOffset[end] === byteOffset + byteLength
      ) {
        byteLength += this.#readLength[end] as number
        end++
      }
      if (file.read(this.#readTarget[read] as number, byteLength, byteOffset) !== 0) this.#readOneByOne(read, end)
      read = end
    }
    this.#readsDone = this.#readCount
  }

  /** A joint read failed: find out which parts of it are to blame. */
  #readOneByOne(from: number, end: number): void {
    for (let read = from; read < end; read++) {
      const file = this.#readFile[read] as BlockFile
      this.#readErrno[read] = file.read(
        this.#readTarget[read] as number,
        this.#readLength[read] as number,
        this.#readOffset[read] as number,
      )
    }
  }

  #writeJobs(ctx: WorkerContext, snapshot: SnapshotView): void {
    for (let job = snapshot.firstJob; job !== -1; job = this.#jobNext[job] as number) {
      const read = this.#jobRead[job] as number
      const errno = read === noRead ? 0 : (this.#readErrno[read] as number)
      if (errno !== 0) invalidate(ctx, snapshot, invalidationReason.originReadFailed, errno)
    }
    // Nothing of an invalid store is of use: no claims, no writes; and what is claimed already never becomes ready.
    if (snapshot.cursor.state() >= storeState.invalidating) return
    const end = this.#claimJobs(ctx, snapshot)
    for (let job = snapshot.firstJob; job !== end && snapshot.cursor.state() < storeState.invalidating; ) {
      const afterRun = this.#runEnd(snapshot, job, end)
      this.#writeRun(ctx, snapshot, job, afterRun)
      job = afterRun
    }
  }

  /** Claims a place for each job, in order. The first job that got none, whose piece and those after it have been told; or -1. */
  #claimJobs(ctx: WorkerContext, snapshot: SnapshotView): number {
    let job = snapshot.firstJob
    let position: number = claimRefused.later
    if (snapshot.cursor.tryTakeClaims(ctx.owner)) {
      for (; job !== -1; job = this.#jobNext[job] as number) {
        position = claimHeld(snapshot, this.#jobOldChunk[job] as number)
        if (position < 0) break
        this.#jobPosition[job] = position
      }
      releaseClaims(ctx, snapshot)
    }
    for (let refused = job; refused !== -1; refused = this.#jobNext[refused] as number) {
      refuse(ctx, this.#jobPiece[refused] as number, snapshot, position)
    }
    return job
  }

  /** The first job after `job` that cannot be written with the same call; at most `end`. */
  #runEnd(snapshot: SnapshotView, job: number, end: number): number {
    let last = job
    let next = this.#jobNext[job] as number
    while (next !== end && this.#jobLength[last] === snapshot.chunkBytes && this.#adjoins(snapshot, last, next)) {
      last = next
      next = this.#jobNext[next] as number
    }
    return next
  }

  #adjoins(snapshot: SnapshotView, job: number, next: number): boolean {
    return (
      this.#jobSource[next] === (this.#jobSource[job] as number) + snapshot.chunkBytes &&
      newChunkOf(snapshot, this.#jobPosition[next] as number) ===
        newChunkOf(snapshot, this.#jobPosition[job] as number) + 1
    )
  }

  #writeRun(ctx: WorkerContext, snapshot: SnapshotView, from: number, end: number): void {
    let byteLength = 0
    let count = 0
    for (let job = from; job !== end; job = this.#jobNext[job] as number) {
      byteLength += this.#jobLength[job] as number
      count++
    }
    const newChunk = newChunkOf(snapshot, this.#jobPosition[from] as number)
    const errno = snapshot.cow.write(this.#jobSource[from] as number, byteLength, newChunk * snapshot.chunkBytes)
    if (errno !== 0) {
      invalidate(ctx, snapshot, invalidationReason.cowWriteFailed, errno)
      return
    }
    ctx.statistics.count(counter.copiedChunks, count)
    ctx.statistics.count(counter.copiedBytes, byteLength)
    for (let job = from; job !== end; job = this.#jobNext[job] as number) {
      becomeReady(snapshot, this.#jobPosition[job] as number, this.#jobOldChunk[job] as number)
    }
  }
}

/** Where the exception of a position has its data. */
export function newChunkOf(snapshot: SnapshotView, position: number): number {
  return snapshot.persistent ? dataChunk(snapshot.geometry, position + snapshot.dataIndexOffset) : position
}

/** The chunk's data is in the store: on to the commit, which for a transient store is nothing but the publication. */
export function becomeReady(snapshot: SnapshotView, position: number, oldChunk: number): void {
  const newChunk = newChunkOf(snapshot, position)
  if (snapshot.persistent) snapshot.cursor.markReady(position, newChunk)
  else snapshot.map.publish(oldChunk, newChunk)
}

/** Copies one chunk of the origin through the scratch, for chunks too large to plan and for recovery. True if it worked. */
export function copyThrough(ctx: WorkerContext, snapshot: SnapshotView, oldChunk: number, newChunk: number): boolean {
  ctx.plan.carryOut(ctx)
  const from = oldChunk * snapshot.chunkBytes
  const length = Math.min(snapshot.chunkBytes, snapshot.origin.sizeBytes - from)
  for (let done = 0; done < length; done += copyBytes) {
    const step = Math.min(copyBytes, length - done)
    const readErrno = snapshot.origin.file.read(ctx.scratch.copyOffset, step, from + done)
    if (readErrno !== 0) {
      invalidate(ctx, snapshot, invalidationReason.originReadFailed, readErrno)
      return false
    }
    const writeErrno = snapshot.cow.write(ctx.scratch.copyOffset, step, newChunk * snapshot.chunkBytes + done)
    if (writeErrno !== 0) {
      invalidate(ctx, snapshot, invalidationReason.cowWriteFailed, writeErrno)
      return false
    }
  }
  ctx.statistics.count(counter.copiedChunks, 1)
  ctx.statistics.count(counter.copiedBytes, length)
  return true
}
