/**
 * A stepped engine: the workers' own code over real shared memory, in one thread, one turn at a time. The test decides which
 * worker moves, and by hooks in the files also in the middle of a turn.
 *
 * Guarantees: nothing happens unless a test asks for it, so every interleaving can be repeated.
 * Requires: a hook that ends a worker throws `WorkerStopped`; the worker takes no further turn until `replace`.
 * Leaves out on purpose: the endless loop, sleeping, and the client; test/threads has the real ones.
 */
import type { LoadedStore } from '../../src/control/load-store.js'
import { areaChunk, geometryOf, isMetadataChunk } from '../../src/format/geometry.js'
import { diskVersion, encodeHeader } from '../../src/format/header.js'
import { ArenaAllocator, createArenaMemory } from '../../src/shm/arena.js'
import { CommitCursor, commitCursorBytes } from '../../src/shm/commit-cursor.js'
import { createExceptionMapMemory, ExceptionMap } from '../../src/shm/exception-map.js'
import { FlushFailures, flushFailureBytes } from '../../src/shm/flush-failures.js'
import { LockTable } from '../../src/shm/lock-table.js'
import { MergeWindow, mergeWindowBytes } from '../../src/shm/merge-window.js'
import { type EngineStatistics, readStatistics } from '../../src/shm/statistics.js'
import type { Discards, WorkerStart } from '../../src/wire/control-message.js'
import { createEngineMemory, type EngineMemory } from '../../src/wire/engine-memory.js'
import { type Operation, operation } from '../../src/wire/operation.js'
import { scratchBytes } from '../../src/wire/scratch-layout.js'
import { WorkerContext } from '../../workers/context.js'
import { recover } from '../../workers/recover.js'
import { SeatContext } from '../../workers/seat-context.js'
import { beginExtent, runTurn, turnStrides } from '../../workers/turn.js'
import {
  keyBytesWithoutSnapshots,
  type OriginView,
  orderSnapshots,
  type SnapshotView,
  startMerging,
} from '../../workers/views.js'
import { SteppedFile } from './stepped-file.js'
import { SteppedLane, type SteppedRequest } from './stepped-lane.js'
import { type ShmHooks, SteppedCursor, SteppedMap } from './stepped-shm.js'
import { Trace } from './stepped-trace.js'

/** Thrown by a hook: the worker's thread ends here. */
export class WorkerStopped extends Error {}

export interface SteppedSnapshotOptions {
  readonly chunkSectors?: number
  readonly chunks?: number
  readonly kind?: 'P' | 'PO' | 'N'
  readonly barriers?: boolean
  readonly discards?: Discards
  readonly metadataUnitBytes?: number
  /** A store that is there already, with its COW, instead of an empty one. */
  readonly loaded?: { readonly store: LoadedStore; readonly cowBytes: Uint8Array }
}

/** What a stepped engine begins with: an origin of its own making, or the bytes of one. */
export interface SteppedEngineOptions {
  readonly originBytes: number
  readonly content?: Uint8Array
  readonly workers?: number
  readonly arenaBytes?: number
}

export interface SteppedSnapshot {
  readonly name: string
  readonly volume: number
  readonly chunkBytes: number
  readonly cow: SteppedFile
  readonly cursor: CommitCursor
  readonly map: ExceptionMap
  readonly hooks: ShmHooks
  /** Each worker's own view. */
  readonly views: SnapshotView[]
  readonly attach: (origin: OriginView) => SnapshotView
}

const arenaBytesDefault = 2 ** 25

export class SteppedEngine {
  readonly trace = new Trace()
  readonly locks: LockTable
  readonly origin: SteppedFile
  readonly snapshots: SteppedSnapshot[] = []
  readonly workers: WorkerContext[] = []
  readonly lanes: SteppedLane[] = []
  /** Called after every turn, when its answers are in. */
  afterTurn: (() => void) | undefined
  readonly #memory: EngineMemory
  readonly #arena: Uint8Array
  readonly #allocator: ArenaAllocator
  readonly #origins: OriginView[] = []
  readonly #flushMemory = new SharedArrayBuffer(flushFailureBytes)
  readonly #inTurn = new Set<number>()
  #merging: { readonly snapshot: SteppedSnapshot; readonly windowMemory: SharedArrayBuffer } | undefined

  constructor(options: SteppedEngineOptions) {
    const workerCount = options.workers ?? 1
    const arenaBytes = options.arenaBytes ?? arenaBytesDefault
    this.#allocator = new ArenaAllocator(arenaBytes)
    this.#memory = createEngineMemory(workerCount, createArenaMemory(arenaBytes))
    this.#arena = new Uint8Array(this.#memory.arena)
    this.locks = new LockTable(this.#memory.locks)
    const bytes = options.content ?? originBytes(0, options.originBytes)
    this.origin = new SteppedFile('origin', bytes, this.#arena, this.trace, (at, length) => `${at}+${length}`)
    for (let worker = 0; worker < workerCount; worker++) this.#start(worker)
  }

  /** Attaches a store to every worker: an empty one, unless one is given. */
  snapshot(options: SteppedSnapshotOptions = {}): SteppedSnapshot {
    const { loaded } = options
    const chunkSectors = loaded?.store.geometry.chunkSectors ?? options.chunkSectors ?? 8
    const geometry = geometryOf(chunkSectors)
    const { chunkBytes } = geometry
    const name = `s${this.snapshots.length + 1}`
    const volume = this.snapshots.length + 1
    const persistent = options.kind !== 'N'
    const cowBytes = loaded?.cowBytes ?? new Uint8Array((options.chunks ?? 64) * chunkBytes)
    if (persistent && loaded === undefined)
      encodeHeader({ valid: true, version: diskVersion, chunkSectors }, cowBytes, 0)
    const placeOf = (at: number, length: number): string => {
      const chunk = Math.floor(at / chunkBytes)
      if (!persistent) return `data ${chunk}+${length}`
      if (chunk === 0) return `header`
      const area = (chunk - 1) / (geometry.entriesPerArea + 1)
      return isMetadataChunk(geometry, chunk)
        ? `area ${area} at ${at % chunkBytes}+${length}`
        : `data ${chunk}+${length}`
    }
    const cow = new SteppedFile(name, cowBytes, this.#arena, this.trace, placeOf)
    const cursorMemory = loaded?.store.cursorMemory ?? new SharedArrayBuffer(commitCursorBytes)
    if (loaded === undefined) new CommitCursor(cursorMemory).initialize(0, cowBytes.length)
    const mapMemory =
      loaded?.store.mapMemory ?? createExceptionMapMemory(Math.ceil(this.origin.bytes.length / chunkBytes))
    const hooks: ShmHooks = {}
    const cowFlushMemory = new SharedArrayBuffer(flushFailureBytes)
    const attach = (origin: OriginView): SnapshotView => ({
      kind: 'snapshot',
      volume,
      origin,
      cow,
      cowFlushFailures: new FlushFailures([cowFlushMemory]),
      cowIsDirect: false,
      sizeBytes: origin.sizeBytes,
      geometry,
      chunkBytes,
      map: new SteppedMap(mapMemory, name, this.trace, hooks),
      cursor: new SteppedCursor(cursorMemory, name, this.trace, hooks),
      persistent,
      overflows: options.kind === 'PO',
      discards: options.discards ?? 'refused',
      barriers: persistent && (options.barriers ?? true),
      dataIndexOffset: loaded?.store.dataIndexOffset ?? 0,
      metadataUnitBytes: options.metadataUnitBytes ?? 512,
      endPosition: 0,
      endForCowBytes: -1,
      sizeSeenInTurn: -1,
      firstJob: -1,
      lastJob: -1,
    })
    const cursor = new CommitCursor(cursorMemory)
    const map = new ExceptionMap(mapMemory)
    const snapshot = { name, volume, chunkBytes, cow, cursor, map, hooks, views: [], attach }
    this.snapshots.push(snapshot)
    for (const worker of this.workers.keys()) this.#attach(worker, snapshot)
    return snapshot
  }

  worker(worker: number): WorkerContext {
    return this.workers[worker] as WorkerContext
  }

  write(worker: number, volume: number, byteOffset: number, bytes: Uint8Array): SteppedRequest {
    return this.#lane(worker).write(volume, byteOffset, bytes)
  }

  read(worker: number, volume: number, byteOffset: number, byteLength: number): SteppedRequest {
    return this.#lane(worker).read(volume, byteOffset, byteLength)
  }

  flush(worker: number, volume: number): SteppedRequest {
    return this.#lane(worker).flush(volume)
  }

  discard(worker: number, volume: number, byteOffset: number, byteLength: number): SteppedRequest {
    return this.#lane(worker).range(operation.discard, volume, byteOffset, byteLength)
  }

  zero(worker: number, volume: number, byteOffset: number, byteLength: number): SteppedRequest {
    return this.#lane(worker).range(operation.zero, volume, byteOffset, byteLength)
  }

  /** An entry of the ring that moves no bytes: a step of a merge. */
  step(worker: number, asked: Operation, start: number, length: number, volume = 0): SteppedRequest {
    return this.#lane(worker).range(asked, volume, start, length)
  }

  /** From now on the store is merged into the origin, for every worker. Nothing of the origin may be in flight. */
  startMerging(snapshot: SteppedSnapshot): MergeWindow {
    const windowMemory = new SharedArrayBuffer(mergeWindowBytes)
    this.#merging = { snapshot, windowMemory }
    for (const worker of this.workers.keys()) this.#merge(worker)
    return new MergeWindow(windowMemory)
  }

  statistics(): EngineStatistics {
    return readStatistics(this.#memory.statistics, { workers: this.workers.length, workerDeaths: 0 })
  }

  /** One turn of one worker, also from inside another's. */
  turn(worker: number): boolean {
    this.#inTurn.add(worker)
    const progress = runTurn(this.worker(worker))
    this.#inTurn.delete(worker)
    this.lanes[worker]?.collect()
    this.afterTurn?.()
    return progress
  }

  /** A thread that runs turns in place: a worker without a lane, by the number that is answered. The last to come goes first. */
  seat(): number {
    const seat = this.workers.length
    this.#startAs(seat, (start) => new SeatContext(start))
    for (const snapshot of this.snapshots) this.#attach(seat, snapshot)
    this.#merge(seat)
    return seat
  }

  /** Begins a write on a seat's own thread. What is answered is its status once nothing of it is left. */
  beginInPlace(seat: number, volume: number, byteOffset: number, bytes: Uint8Array): () => number | undefined {
    const ctx = this.#seatContext(seat)
    const arenaOffset = this.#allocator.allocate(bytes.length)
    this.#arena.set(bytes, arenaOffset)
    const { extents } = ctx
    const extent = extents.take()
    ctx.beginTurn()
    ctx.status[0] = 0
    extents.operation[extent] = operation.write
    extents.volume[extent] = volume
    extents.ticket[extent] = 0
    extents.byteLength[extent] = bytes.length
    extents.arenaOffset[extent] = arenaOffset
    extents.byteOffset[extent] = byteOffset
    ctx.left++
    beginExtent(ctx, extent)
    return () => (ctx.left === 0 ? ctx.status[0] : undefined)
  }

  /** So many strides of a seat, from the beginning of a turn on. */
  strides(seat: number, count: number): void {
    for (let stride = 0; stride < count; stride++) {
      turnStrides[stride % turnStrides.length]?.(this.#seatContext(seat))
    }
  }

  /** The seat's thread has ended. A worker finishes what it left, when all have passed a turn boundary. */
  endSeat(seat: number, by: number): void {
    // As the coordinator does when it finds that the thread has ended.
    for (const { cursor } of this.snapshots) cursor.releaseWordsOf(seat + 1)
    this.worker(by).signals.clearParked(seat)
    this.workers.length = seat
    this.#origins.length = seat
    this.#recover(by, seat, [seat])
  }

  /** True while a worker is in the middle of a turn, so that it can take no other. */
  isInTurn(worker: number): boolean {
    return this.#inTurn.has(worker)
  }

  /** Turns of all workers in rotation until none has anything to do. */
  settle(): void {
    for (let round = 0; round < 200; round++) {
      let progress = false
      for (const worker of this.workers.keys()) progress = this.turn(worker) || progress
      const parked = this.workers.some((ctx) => ctx.parked > 0)
      if (!progress && !parked) return
    }
  }

  /** Runs a turn in which a hook ends the worker. */
  dieIn(worker: number): void {
    try {
      runTurn(this.worker(worker))
    } catch (error) {
      if (error instanceof WorkerStopped) return
      throw error
    }
    throw new Error('no hook ended the worker in this turn')
  }

  /** Starts a dead worker's successor, without its recovery. */
  replace(worker: number): void {
    for (const ring of [this.#memory.submissions[worker], this.#memory.completions[worker]]) {
      if (ring !== undefined) new Uint8Array(ring).fill(0)
    }
    // As the coordinator does when it finds the worker dead.
    for (const { cursor } of this.snapshots) cursor.releaseWordsOf(worker + 1)
    this.#start(worker)
    for (const snapshot of this.snapshots) this.#attach(worker, snapshot)
    this.#merge(worker)
  }

  /** The successor's first job. */
  recover(worker: number, dead: readonly number[] = [worker]): void {
    this.#recover(worker, worker, dead)
  }

  #recover(by: number, runner: number, dead: readonly number[]): void {
    const claimed = this.snapshots.map(({ cursor, volume }) => [volume, cursor.claimed()] as const)
    recover(
      this.worker(by),
      runner + 1,
      claimed,
      dead.map((number) => number + 1),
    )
  }

  /** The bytes that the origin had at the start. */
  original(byteOffset: number, byteLength: number): Uint8Array {
    return originBytes(byteOffset, byteLength)
  }

  /** The list of a store as it is on its COW: [old chunk, new chunk]. */
  entriesOf(snapshot: SteppedSnapshot): [number, number][] {
    const { bytes } = snapshot.cow
    const view = new DataView(bytes.buffer)
    const geometry = geometryOf(snapshot.chunkBytes / 512)
    const entries: [number, number][] = []
    for (let area = 0; ; area++) {
      const start = areaChunk(geometry, area) * snapshot.chunkBytes
      for (let entry = 0; entry < geometry.entriesPerArea; entry++) {
        const newChunk = Number(view.getBigUint64(start + entry * 16 + 8, true))
        if (newChunk === 0) return entries
        entries.push([Number(view.getBigUint64(start + entry * 16, true)), newChunk])
      }
    }
  }

  /** True while the header on the COW says that the store is good. */
  headerSaysValid(snapshot: SteppedSnapshot): boolean {
    return new DataView(snapshot.cow.bytes.buffer).getUint32(4, true) !== 0
  }

  #start(worker: number): void {
    this.#startAs(worker, (start) => new WorkerContext(start))
    this.lanes[worker] = new SteppedLane(this.#memory, worker, this.#allocator)
  }

  #seatContext(seat: number): SeatContext {
    const ctx = this.worker(seat)
    if (!(ctx instanceof SeatContext)) throw new Error(`${seat} is no seat`)
    return ctx
  }

  #startAs(worker: number, make: (start: WorkerStart) => WorkerContext): void {
    const scratchOffset = this.#allocator.allocate(scratchBytes)
    const clockOriginMs = performance.timeOrigin
    const ctx = make({ worker, memory: this.#memory, scratchOffset, clockOriginMs })
    const origin: OriginView = {
      kind: 'origin',
      volume: 0,
      file: this.origin,
      flushFailures: new FlushFailures([this.#flushMemory]),
      isDirect: false,
      sizeBytes: this.origin.bytes.length,
      nested: 0,
      refusesDiscards: false,
      snapshots: [],
      merging: undefined,
      keyBytes: keyBytesWithoutSnapshots,
      committedInTurn: 0,
    }
    ctx.volumes[0] = origin
    this.workers[worker] = ctx
    this.#origins[worker] = origin
  }

  #attach(worker: number, snapshot: SteppedSnapshot): void {
    const origin = this.#origins[worker] as OriginView
    const view = snapshot.attach(origin)
    snapshot.views[worker] = view
    this.worker(worker).volumes[snapshot.volume] = view
    orderSnapshots(origin, [...origin.snapshots, view])
  }

  #merge(worker: number): void {
    if (this.#merging === undefined) return
    const { snapshot, windowMemory } = this.#merging
    const origin = this.#origins[worker] as OriginView
    orderSnapshots(
      origin,
      origin.snapshots.filter(({ volume }) => volume !== snapshot.volume),
    )
    startMerging(origin, snapshot.views[worker] as SnapshotView, new MergeWindow(windowMemory))
  }

  #lane(worker: number): SteppedLane {
    return this.lanes[worker] as SteppedLane
  }
}

/** Without the element by element report of an assertion, which takes seconds for a megabyte. */
export const sameBytes = (found: Uint8Array | undefined, expected: Uint8Array): boolean =>
  found !== undefined && Buffer.compare(found, expected) === 0

/** Never zero, and different in neighbouring sectors. */
function originBytes(byteOffset: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength)
  for (let index = 0; index < byteLength; index++) {
    const at = byteOffset + index
    bytes[index] = 1 + ((Math.floor(at / 512) * 7 + (at % 512)) % 200)
  }
  return bytes
}
