/**
 * The client side of the rings: cuts transfers into extents, stages their bytes (a discard or zeroing has none), pushes them
 * to workers, and settles their promises. It decides nothing about copy-on-write.
 *
 * Back-pressure: a transfer that finds no ticket, no arena block or no ring slot waits in line, in order of arrival, and
 * goes on when something is freed. What waits is the callers' own buffers; nothing here grows.
 *
 * A push becomes visible to the worker in a microtask after it, so that requests made together travel together.
 */
import { present } from '../base/assert.js'
import { statusNumbers } from '../base/errors.js'
import type { ArenaAllocator } from '../shm/arena.js'
import { Signals } from '../shm/signals.js'
import { type EngineMemory, ticketCount } from '../wire/engine-memory.js'
import { extentBytes, movesBytes, operation } from '../wire/operation.js'
import { newPlace } from '../wire/route.js'
import { Lane } from './lane.js'
import { TicketTable } from './ticket-table.js'
import { Transfer } from './transfer.js'
import { Watch } from './watch.js'

export class Client {
  readonly signals: Signals
  readonly #memory: EngineMemory
  readonly #arena: Uint8Array
  readonly #allocator: ArenaAllocator
  readonly #lanes: Lane[]
  readonly #tickets = new TicketTable(ticketCount)
  readonly #line: Transfer[] = []
  readonly #spare: Transfer[] = []
  /** Control operations that wait for a block of the arena. */
  readonly #blockLine: (() => void)[] = []
  readonly #watch: Watch
  readonly #onNews: () => void
  readonly #place = newPlace()
  /** How many wait for something else than transfers: control messages. */
  #watchers = 0
  #publishScheduled = false
  #failed = false
  /** The clock as read for the pushes that are published together; 0 before the first of them. */
  #nowMs = 0

  constructor(memory: EngineMemory, allocator: ArenaAllocator, onNews: () => void) {
    this.#memory = memory
    this.#arena = new Uint8Array(memory.arena)
    this.#allocator = allocator
    this.signals = new Signals(memory.signals, memory.runnerCount)
    this.#lanes = Array.from({ length: memory.workerCount }, (_, worker) => new Lane(worker, memory, this.signals))
    this.#onNews = onNews
    this.#watch = new Watch(
      { takeNews: () => this.#takeNews(), hasNews: this.#hasNews, isQuiet: () => this.#isQuiet() },
      this.signals.client,
    )
  }

  /** An empty record for `begin`. */
  transfer(): Transfer {
    return this.#spare.pop() ?? new Transfer()
  }

  /** Submits a transfer that has passed its gate. */
  begin(transfer: Transfer): void {
    if (this.#failed) {
      queueMicrotask(() => this.refuse(transfer, statusNumbers.WORKER_DIED))
      return
    }
    if (this.#line.length > 0 || !this.#submit(transfer)) {
      transfer.inLine = true
      this.#line.push(transfer)
    }
    this.#publishSoon()
  }

  /** Answers a transfer that has passed its gate with an error, and does nothing of it. */
  refuse(transfer: Transfer, status: number): void {
    transfer.status = status
    transfer.next = transfer.end
    this.#settleIfDone(transfer)
  }

  /** Extents in flight. */
  inFlight(): number {
    return this.#tickets.taken
  }

  /** Keeps the client looking for news, until the returned function is called. */
  watch(): () => void {
    this.#watchers++
    this.#watch.start()
    return () => {
      this.#watchers--
    }
  }

  /** A block of the arena, now or when one is freed; -1 if nothing is in flight that could free one. */
  async takeBlock(byteLength: number): Promise<number> {
    for (;;) {
      const block = this.#allocator.allocate(byteLength)
      if (block >= 0 || this.#tickets.taken === 0) return block
      await new Promise<void>((resolve) => this.#blockLine.push(resolve))
    }
  }

  /** Frees a block that a caller held; somebody in line may have waited for it. */
  releaseBlock(byteOffset: number): void {
    this.#allocator.release(byteOffset)
    this.#submitLine()
  }

  // ── lanes of workers that die ───────────────────────────────────────────────────────────────────────────────────────

  /** Takes a lane out of use and fails everything on it: its worker died. */
  abandonLane(worker: number): void {
    const lane = this.#lane(worker)
    lane.drain(this.#finish)
    lane.up = false
    for (let ticket = 0; ticket < ticketCount; ticket++) {
      if (this.#tickets.transfer[ticket] !== undefined && this.#tickets.lane[ticket] === worker) {
        this.#finish(ticket, statusNumbers.WORKER_DIED, 0)
      }
    }
    new Uint8Array(present(this.#memory.submissions[worker], 'submission ring')).fill(0)
    new Uint8Array(present(this.#memory.completions[worker], 'completion ring')).fill(0)
    const fresh = new Lane(worker, this.#memory, this.signals)
    fresh.up = false
    this.#lanes[worker] = fresh
  }

  restoreLane(worker: number): void {
    this.#lane(worker).up = true
    this.#submitLine()
  }

  get failed(): boolean {
    return this.#failed
  }

  /** Fails everything, now and later: the workers cannot be kept alive, and all have ended. */
  fail(): void {
    this.#failed = true
    for (let worker = 0; worker < this.#lanes.length; worker++) this.abandonLane(worker)
    for (const transfer of this.#line.splice(0)) {
      transfer.inLine = false
      this.refuse(transfer, statusNumbers.WORKER_DIED)
    }
  }

  // ── submitting ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Pushes as much of a transfer as there is room for; true if all of it. */
  #submit(transfer: Transfer): boolean {
    const target = present(transfer.target, 'a transfer has a target')
    const { route } = target
    if (transfer.operation === operation.flush) {
      while (transfer.flushesSent < route.flushed.length) {
        const volume = route.flushed[transfer.flushesSent] as number
        if (!this.#pushExtent(transfer, volume, 0, 0, 0)) return false
        transfer.flushesSent++
      }
      return true
    }
    const place = this.#place
    while (transfer.next < transfer.end) {
      route.locate(transfer.next, place)
      const asked = extentBytes(transfer.operation, place.byteOffset, transfer.end - transfer.next, place.discardBytes)
      const byteLength = Math.min(asked, place.byteLength)
      const worker = place.worker >= 0 ? place.worker : this.#workerFor(place.byteOffset, place.routeBytes)
      if (!this.#pushExtent(transfer, place.volume, place.byteOffset, byteLength, worker)) return false
      transfer.next += byteLength
    }
    return true
  }

  /** Neighbouring requests go to one worker, so that its turns find them together; regions are spread over all. */
  #workerFor(byteOffset: number, routeBytes: number): number {
    const region = Math.floor(byteOffset / routeBytes)
    return (Math.imul(region, 0x9e3779b1) >>> 16) % this.#lanes.length
  }

  #pushExtent(transfer: Transfer, volume: number, byteOffset: number, byteLength: number, worker: number): boolean {
    const lane = this.#lane(worker)
    if (!lane.hasRoom() || !this.#tickets.hasRoom()) return false
    const moves = movesBytes(transfer.operation)
    const staged = moves && transfer.arenaOffset < 0
    const block = staged ? this.#allocator.allocate(byteLength) : -1
    if (staged && block < 0) return false
    const ahead = transfer.next - transfer.start
    if (staged && transfer.operation === operation.write) {
      this.#arena.set(transfer.bytes.subarray(ahead, ahead + byteLength), block)
    }
    const ticket = this.#tickets.take(transfer, worker, ahead, byteLength, block)
    const arenaOffset = staged ? block : moves ? transfer.arenaOffset + ahead : 0
    if (this.#nowMs === 0) this.#nowMs = performance.now()
    lane.push(transfer.operation, volume, ticket, byteOffset, byteLength, arenaOffset, this.#nowMs)
    transfer.inFlight++
    return true
  }

  #submitLine(): void {
    for (const resume of this.#blockLine.splice(0)) resume()
    if (this.#line.length === 0) return
    let submitted = 0
    while (submitted < this.#line.length && this.#submit(this.#line[submitted] as Transfer)) submitted++
    for (const transfer of this.#line.splice(0, submitted)) {
      transfer.inLine = false
      this.#settleIfDone(transfer)
    }
    this.#publishSoon()
  }

  #publishSoon(): void {
    if (this.#publishScheduled) return
    this.#publishScheduled = true
    queueMicrotask(this.#publish)
  }

  readonly #publish = (): void => {
    this.#publishScheduled = false
    this.#publishLanes()
    this.#watch.start()
  }

  #publishLanes(): void {
    this.#nowMs = 0
    for (let worker = 0; worker < this.#lanes.length; worker++) this.#lane(worker).publish()
  }

  // ── settling ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #takeNews(): boolean {
    this.#publishLanes()
    let count = 0
    for (let worker = 0; worker < this.#lanes.length; worker++) count += this.#lane(worker).drain(this.#finish)
    if (count > 0) this.#submitLine()
    this.#onNews()
    return count > 0
  }

  readonly #hasNews = (): boolean => {
    for (let worker = 0; worker < this.#lanes.length; worker++) if (this.#lane(worker).hasNews()) return true
    return false
  }

  #isQuiet(): boolean {
    return this.#tickets.taken === 0 && this.#line.length === 0 && this.#watchers === 0
  }

  readonly #finish = (ticket: number, status: number, errno: number): void => {
    const transfer = present(this.#tickets.transfer[ticket], 'a completion answers a ticket in use')
    const block = this.#tickets.block[ticket] as number
    if (block >= 0) {
      if (transfer.operation === operation.read && status === statusNumbers.OK) {
        const bytes = this.#arena.subarray(block, block + (this.#tickets.byteLength[ticket] as number))
        transfer.bytes.set(bytes, this.#tickets.ahead[ticket] as number)
      }
      this.#allocator.release(block)
    }
    this.#tickets.give(ticket)
    transfer.inFlight--
    if (status !== statusNumbers.OK && transfer.status === statusNumbers.OK) {
      transfer.status = status
      transfer.errno = errno
      transfer.next = transfer.end
    }
    this.#settleIfDone(transfer)
  }

  #settleIfDone(transfer: Transfer): void {
    if (transfer.inFlight > 0 || transfer.inLine || transfer.next < transfer.end) return
    const target = present(transfer.target, 'a transfer has a target')
    if (transfer.status === statusNumbers.OK) transfer.resolve(transfer.bytes)
    else transfer.reject(target.failure(transfer))
    transfer.clear()
    this.#spare.push(transfer)
    target.gate.leave()
  }

  #lane(worker: number): Lane {
    return present(this.#lanes[worker], 'lane')
  }
}
