/**
 * The machinery below the control layer: shared memory, client, pool, and what every worker has been told about volumes, so
 * that the successor of a dead worker can be told again.
 */
import { present } from '../base/assert.js'
import { CowringError } from '../base/errors.js'
import type { IoBackend } from '../io/block-file.js'
import { ArenaAllocator, createArenaMemory } from '../shm/arena.js'
import type { CommitCursor } from '../shm/commit-cursor.js'
import { LockTable } from '../shm/lock-table.js'
import { SectorLock } from '../shm/sector-lock.js'
import { type EngineStatistics, LatencyWatch, readStatistics } from '../shm/statistics.js'
import type { ControlMessage, WorkerStart } from '../wire/control-message.js'
import { createEngineMemory, type EngineMemory } from '../wire/engine-memory.js'
import { scratchBytes } from '../wire/scratch-layout.js'
import { Client } from './client.js'
import type { InPlace } from './in-place.js'
import { Pool } from './pool.js'
import { type PostFrame, Seats } from './seats.js'
import { type StartWorker, startThread } from './worker-thread.js'

/** Limit: workers that die ten times a second will go on dying; the engine then fails its requests instead. */
const deathsPerMinuteMax = 600

interface Attachment {
  readonly message: ControlMessage
  readonly buffers: readonly SharedArrayBuffer[]
  /** Of a snapshot: recovery needs to know how far its claims went. */
  readonly cursor?: CommitCursor
}

export interface MachineryOptions {
  readonly workers: number
  readonly arenaBytes: number
  readonly backend: IoBackend
  /** Starts a worker; on a thread of its own, if nothing else is said. */
  readonly start?: StartWorker
  /** Makes what does requests in place on this thread, at the first of them. */
  readonly inPlace?: (machinery: Machinery) => InPlace
}

export class Machinery {
  readonly backend: IoBackend
  readonly arena: Uint8Array
  readonly allocator: ArenaAllocator
  readonly client: Client
  readonly pool: Pool
  readonly seats: Seats
  readonly #memory: EngineMemory
  readonly #makeInPlace: ((machinery: Machinery) => InPlace) | undefined
  #inPlace: InPlace | undefined
  readonly #attachments = new Map<number, Attachment>()
  readonly #nestedScratch = new Map<number, number[]>()
  /** What a seat has until it is free again: blocks of the arena, and somebody who looks for what it raises. */
  readonly #seatParts = new Map<number, { readonly blocks: readonly number[]; readonly unwatch: () => void }>()
  /** Workers, and seats whose threads died in the middle of a run, until what they left is finished. */
  readonly #dead = new Set<number>()
  readonly #listeners = new Set<() => void>()
  #deathTimes: number[] = []
  /** Of workers, ever. */
  #deaths = 0
  #recovering: Promise<void> = Promise.resolve()
  #eventsSeen = 0
  #nextVolume = 0
  #closing = false

  constructor(options: MachineryOptions) {
    this.backend = options.backend
    this.#makeInPlace = options.inPlace
    this.#memory = createEngineMemory(options.workers, createArenaMemory(options.arenaBytes))
    this.arena = new Uint8Array(this.#memory.arena)
    this.allocator = new ArenaAllocator(options.arenaBytes)
    this.client = new Client(this.#memory, this.allocator, () => this.#onNews())
    this.seats = new Seats(this.#memory, this.client.signals, () => this.client.watch())
    const scratches = Array.from({ length: options.workers }, () => this.allocator.allocate(scratchBytes))
    this.pool = new Pool(
      options.workers,
      this.client.signals,
      (worker) => this.#startOf(worker, present(scratches[worker], 'scratch')),
      options.start ?? startThread,
      (worker) => this.#onDeath(worker),
    )
  }

  get workerCount(): number {
    return this.#memory.workerCount
  }

  statistics(): EngineStatistics {
    return readStatistics(this.#memory.statistics, { workers: this.workerCount, workerDeaths: this.#deaths })
  }

  /** Looks at the latency of the engine's requests from now on. */
  latencyWatch(): LatencyWatch {
    const watch = new LatencyWatch(this.#memory.statistics)
    watch.look()
    watch.restart()
    return watch
  }

  /** Stripes of the lock table that are held: none when nothing is in flight. */
  heldLocks(): number {
    return new LockTable(this.#memory.locks).heldCount()
  }

  /** What does requests in place on this thread. Fails with LIMIT_EXCEEDED, ARENA_FULL. */
  inPlace(): InPlace {
    this.#inPlace ??= present(this.#makeInPlace, 'machinery that can do requests in place')(this)
    return this.#inPlace
  }

  /**
   * Takes a seat for a thread that is reached by `post`: its control messages wait there from now on. `ownBytes` of the arena are
   * its own until it is freed. Fails with LIMIT_EXCEEDED, ARENA_FULL.
   */
  takeSeat(ownBytes: number, post: PostFrame): { readonly start: WorkerStart; readonly ownOffset: number } {
    const scratchOffset = this.allocator.allocate(scratchBytes)
    const ownOffset = scratchOffset < 0 ? -1 : this.allocator.allocate(ownBytes)
    const blocks = [scratchOffset, ownOffset].filter((block) => block >= 0)
    try {
      if (blocks.length < 2) throw arenaFull(scratchBytes + ownBytes)
      const seat = this.seats.take(post)
      this.#seatParts.set(seat, { blocks, unwatch: this.client.watch() })
      for (const { buffers, message } of this.#attachments.values()) this.seats.post(seat, message, buffers)
      if (this.client.failed) this.seats.post(seat, { kind: 'stop' }, [])
      return { start: this.#startOf(seat, scratchOffset), ownOffset }
    } catch (error) {
      for (const block of blocks) this.client.releaseBlock(block)
      throw error
    }
  }

  /** A seat's thread has ended, or needs it no more; whatever it was doing is finished by a worker. */
  freeSeat(seat: number): void {
    if (!this.#seatParts.has(seat)) return
    if (this.seats.isAtRest(seat)) {
      this.#forgetSeat(seat)
      return
    }
    this.#dead.add(seat)
    this.seats.retire(seat)
    new SectorLock(this.#memory.sectors).release(seat + 1)
    this.#releaseWordsOf(seat)
    this.client.signals.ringAll()
    this.#recovering = this.#recovering.then(() => this.#finishSeat(seat))
  }

  nextVolume(): number {
    return this.#nextVolume++
  }

  /** Calls `listener` when a store's state may have changed. */
  onStoreEvent(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Tells every worker about a volume, and every later one. Resolves when all have it. */
  async attach(
    volume: number,
    message: ControlMessage,
    buffers: readonly SharedArrayBuffer[],
    cursor?: CommitCursor,
  ): Promise<void> {
    this.#attachments.set(volume, { message, buffers, ...(cursor === undefined ? {} : { cursor }) })
    await this.#tellAll(message, buffers)
  }

  /** Tells every worker that an attached volume has changed; later ones are told `attach`, as if it had always been so. */
  async change(
    volume: number,
    attach: ControlMessage,
    change: ControlMessage,
    buffers: readonly SharedArrayBuffer[],
  ): Promise<void> {
    const known = present(this.#attachments.get(volume), `volume ${volume} is attached`)
    this.#attachments.set(volume, { ...known, message: attach, buffers })
    await this.#tellAll(change, buffers)
  }

  /** Makes sure that a worker has scratch for so many levels of nested writes. Fails with ARENA_FULL, and then nothing is taken. */
  async giveNestedScratch(worker: number, levels: number): Promise<void> {
    const present = this.#nestedScratch.get(worker) ?? []
    const taken: number[] = []
    while (present.length + taken.length < levels) {
      const block = await this.client.takeBlock(scratchBytes)
      if (block < 0) {
        for (const offset of taken) this.client.releaseBlock(offset)
        throw arenaFull(scratchBytes)
      }
      taken.push(block)
    }
    if (taken.length === 0) return
    const offsets = [...present, ...taken]
    this.#nestedScratch.set(worker, offsets)
    // Below every volume's number: a successor is told before it is told of any volume.
    await this.attach(-1 - worker, { kind: 'nested-scratch', worker, offsets }, [])
  }

  async detach(volume: number, message: ControlMessage): Promise<void> {
    this.#attachments.delete(volume)
    await this.#tellAll(message, [])
  }

  /** Lends a block of the arena to `use`. Control-path I/O goes through it like everything else. */
  async withBlock<Result>(byteLength: number, use: (arenaOffset: number) => Promise<Result>): Promise<Result> {
    const block = await this.client.takeBlock(byteLength)
    if (block < 0) throw arenaFull(byteLength)
    try {
      return await use(block)
    } finally {
      this.client.releaseBlock(block)
    }
  }

  /**
   * Resolves when no worker's death is being dealt with. Until then a drained origin is not at rest: the keys of the dead are
   * held, and its claims open.
   */
  async recovered(): Promise<void> {
    let recovering: Promise<void>
    do {
      recovering = this.#recovering
      await recovering
    } while (recovering !== this.#recovering)
  }

  async close(): Promise<void> {
    await this.recovered()
    this.#closing = true
    for (const { unwatch } of this.#seatParts.values()) unwatch()
    this.#seatParts.clear()
    await this.#watching(() => this.pool.close())
  }

  async #tellAll(message: ControlMessage, buffers: readonly SharedArrayBuffer[]): Promise<void> {
    const alive = this.#alive()
    await this.#watching(async () => {
      await Promise.all([
        ...alive.map((worker) => this.pool.send(worker, message, buffers)),
        this.seats.tellAll(message, buffers),
      ])
    })
  }

  async #watching<Result>(wait: () => Promise<Result>): Promise<Result> {
    const unwatch = this.client.watch()
    try {
      return await wait()
    } finally {
      unwatch()
    }
  }

  #onNews(): void {
    this.pool.settleControl()
    this.seats.settle()
    this.lookForEvents()
  }

  /** Deals with what stores have raised, also for a request in place that has to wait for it on this thread. */
  lookForEvents(): void {
    const events = this.client.signals.eventCount()
    if (events === this.#eventsSeen) return
    this.#eventsSeen = events
    for (const listener of this.#listeners) listener()
  }

  /** The worker has ended: what it held in shared memory can be taken from it at once, whatever else is going on. */
  #onDeath(worker: number): void {
    this.#dead.add(worker)
    this.#deaths++
    this.#releaseWordsOf(worker)
    this.client.abandonLane(worker)
    this.pool.forgetControl(worker)
    this.client.signals.ringAll()
    if (this.#closing) return
    const now = Date.now()
    this.#deathTimes = [...this.#deathTimes.filter((time) => now - time < 60_000), now]
    this.#recovering = this.#recovering.then(() =>
      this.#deathTimes.length > deathsPerMinuteMax ? this.#giveUp() : this.#replace(worker),
    )
  }

  #releaseWordsOf(runner: number): void {
    for (const { cursor } of this.#attachments.values()) cursor?.releaseWordsOf(runner + 1)
  }

  #startOf(worker: number, scratchOffset: number): WorkerStart {
    return { worker, memory: this.#memory, scratchOffset, clockOriginMs: performance.timeOrigin }
  }

  /** A worker finishes what a seat's thread left. */
  async #finishSeat(seat: number): Promise<void> {
    if (this.#closing || this.client.failed) return
    const deaths = this.#deaths
    const [worker] = this.#alive()
    if (worker !== undefined) {
      const claimed = await this.#claimedByTheDead()
      const finish = { kind: 'recover', runner: seat, claimed, deadOwners: this.#deadOwners() } as const
      await this.#watching(() => this.pool.send(worker, finish))
    }
    if (worker === undefined || deaths !== this.#deaths) {
      // A worker died over it: once more, when that one has a successor.
      this.#recovering = this.#recovering.then(() => this.#finishSeat(seat))
      return
    }
    this.#dead.delete(seat)
    this.#forgetSeat(seat)
  }

  #forgetSeat(seat: number): void {
    this.seats.free(seat)
    const parts = this.#seatParts.get(seat)
    this.#seatParts.delete(seat)
    parts?.unwatch()
    for (const block of parts?.blocks ?? []) this.client.releaseBlock(block)
  }

  #alive(): number[] {
    return [...Array(this.workerCount).keys()].filter((worker) => !this.#dead.has(worker))
  }

  #deadOwners(): number[] {
    return [...this.#dead].map((dead) => dead + 1)
  }

  /** How far claims go by now; afterwards every claim below that is not ready belongs to somebody dead. */
  async #claimedByTheDead(): Promise<[number, number][]> {
    const claimed: [number, number][] = []
    for (const [volume, { cursor }] of this.#attachments) {
      if (cursor !== undefined) claimed.push([volume, cursor.claimed()])
    }
    await this.#tellAll({ kind: 'sync' }, [])
    return claimed
  }

  /** Ends what is left of the workers and fails every request, now and later. */
  async #giveUp(): Promise<void> {
    await this.#watching(() => this.pool.close())
    for (let worker = 0; worker < this.workerCount; worker++) this.#dead.add(worker)
    this.client.fail()
    for (const seat of this.seats.taken) this.seats.post(seat, { kind: 'stop' }, [])
  }

  /** Starts a worker's successor and lets it finish what the dead one left. */
  async #replace(worker: number): Promise<void> {
    if (this.#closing || this.client.failed) return
    const claimed = await this.#claimedByTheDead()
    const deadOwners = this.#deadOwners()
    this.pool.restart(worker)
    this.#dead.delete(worker)
    const told = [...this.#attachments.values()].map(({ buffers, message }) => this.pool.send(worker, message, buffers))
    told.push(this.pool.send(worker, { kind: 'recover', runner: worker, claimed, deadOwners }))
    await this.#watching(() => Promise.all(told))
    if (!this.#dead.has(worker)) this.client.restoreLane(worker)
  }
}

function arenaFull(byteLength: number): CowringError {
  const text = `the arena has no ${byteLength} bytes in one piece; free buffers, or start with more arenaBytes`
  return new CowringError('ARENA_FULL', text, { byteLength })
}
