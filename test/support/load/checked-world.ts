/** Volumes in memory, with lanes that write and read them as slowly as a test likes, and everything that is checked about them. */
import { laneMemory } from '../../../src/load/lane/buffers.js'
import { ControlWords } from '../../../src/load/lane/control-words.js'
import { RunClock } from '../../../src/load/lane/run-clock.js'
import { operation } from '../../../src/load/pattern/requests.js'
import type { VerificationResult } from '../../../src/load/result/load-result.js'
import type { Probe } from '../../../src/load/target/open-target.js'
import { LaneChecks, type Suspicion } from '../../../src/load/verify/lane-checks.js'
import type { LedgerMemory } from '../../../src/load/verify/ledger.js'
import { Verification } from '../../../src/load/verify/verification.js'

export const sectorBytes = 512
export const firstSector = 8
export const sectors = 16
export const slots = 3
export const longest = 4

/** It has `bytes`, or fails. */
export class MemoryProbe implements Probe {
  readonly name: string
  readonly sizeBytes = (firstSector + sectors) * sectorBytes
  bytes = new Uint8Array(this.sizeBytes)
  failure: string | undefined
  /** Given once instead of what is there. */
  once: { sector: number; bytes: Uint8Array } | undefined

  constructor(name: string) {
    this.name = name
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    if (this.failure !== undefined) throw new Error(this.failure)
    into.set(this.bytes.subarray(offset, offset + into.byteLength))
    if (this.once === undefined) return
    into.set(this.once.bytes, this.once.sector * sectorBytes - offset)
    this.once = undefined
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.bytes.set(bytes, offset)
  }

  sector(sector: number): Uint8Array {
    return this.bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes)
  }
}

interface Request {
  readonly what: number
  readonly offset: number
  readonly byteLength: number
  isDone: boolean
}

/** Requests on one volume. */
export class SlowLane {
  readonly #probe: MemoryProbe
  readonly #buffers: readonly Uint8Array[]
  readonly #checks: LaneChecks
  readonly #requests = new Map<number, Request>()
  #now = 0

  constructor(probe: MemoryProbe, memory: LedgerMemory, world: CheckedWorld) {
    this.#probe = probe
    this.#buffers = laneMemory(slots, longest * sectorBytes).buffers
    const { control, verification } = world
    const suspect = (suspicion: Suspicion): void => {
      world.wasStoppedFirst &&= control.isStopped
      world.suspicions.push(suspicion)
      verification.suspect(suspicion)
    }
    this.#checks = new LaneChecks({ memory, run: verification.run, control, job: 0, buffers: this.#buffers, suspect })
  }

  /** Not where a slot is taken, or a write in flight. */
  send(slot: number, what: number, sector: number, count: number): boolean {
    const [offset, byteLength] = [sector * sectorBytes, count * sectorBytes]
    if (this.#requests.has(slot) || !this.#checks.sends(slot, what, offset, byteLength, this.#now++)) return false
    this.#requests.set(slot, { what, offset, byteLength, isDone: false })
    return true
  }

  /** The device does it. */
  do(slot: number): void {
    const request = this.#requests.get(slot)
    if (request === undefined || request.isDone) return
    const { byteLength, offset, what } = request
    const buffer = (this.#buffers[slot] as Uint8Array).subarray(0, byteLength)
    if (what === operation.write) this.#probe.bytes.set(buffer, offset)
    else buffer.set(this.#probe.bytes.subarray(offset, offset + byteLength))
    request.isDone = true
  }

  /** The device answers; what fails may have been done. */
  answer(slot: number, failed = false): void {
    const request = this.#requests.get(slot)
    if (request === undefined) return
    if (!failed) this.do(slot)
    this.#requests.delete(slot)
    this.#checks.ended(slot, request.what, request.offset, request.byteLength, failed, this.#now++)
  }

  answerAll(): void {
    for (const slot of [...this.#requests.keys()]) this.answer(slot)
  }

  /** One write, to its end. */
  write(sector: number, count: number): void {
    this.send(0, operation.write, sector, count)
    this.answer(0)
  }

  read(sector: number, count: number): void {
    this.send(0, operation.read, sector, count)
    this.answer(0)
  }
}

export class CheckedWorld {
  readonly control = new ControlWords()
  readonly verification = new Verification(this.control, ['writer'])
  readonly suspicions: Suspicion[] = []
  /** Before anybody was told of a suspicion. */
  wasStoppedFirst = true
  readonly origin = new MemoryProbe('origin')
  /** A snapshot from the beginning that jobs write to. */
  readonly written = new MemoryProbe('s0')
  readonly lanes: SlowLane[] = []
  #originMemory: LedgerMemory | undefined

  static async make(before?: Uint8Array): Promise<CheckedWorld> {
    const world = new CheckedWorld()
    if (before !== undefined) for (const probe of [world.origin, world.written]) probe.bytes.set(before)
    for (const probe of [world.origin, world.written]) {
      const memory = await world.verification.watch(probe, firstSector, sectors, true)
      if (probe === world.origin) world.#originMemory = memory
      world.lanes.push(new SlowLane(probe, memory, world))
    }
    return world
  }

  get lane(): SlowLane {
    return this.lanes[0] as SlowLane
  }

  get memory(): LedgerMemory {
    return this.#originMemory as LedgerMemory
  }

  /** `between`: what happens while it is being taken, before its instant and behind it. */
  async snapshot(name: string, between: { before?: () => void; behind?: () => void } = {}): Promise<MemoryProbe> {
    return this.verification.take(this.memory, name, async () => {
      const probe = new MemoryProbe(name)
      between.before?.()
      probe.bytes.set(this.origin.bytes)
      between.behind?.()
      return probe
    })
  }

  /** A piece of one that nobody writes to, as it is done while jobs run. */
  async lookAtOneSnapshot(): Promise<void> {
    const over = new AbortController()
    const looking = this.verification.checkSnapshots(new RunClock(), over.signal)
    over.abort()
    await looking
  }

  merge(probe: MemoryProbe): void {
    for (const lane of this.lanes) lane.answerAll()
    this.origin.bytes.set(probe.bytes)
    this.verification.rollBack(this.memory, probe.name)
  }

  async conclude(): Promise<VerificationResult> {
    for (const lane of this.lanes) lane.answerAll()
    await this.verification.conclude(new RunClock(), () => {})
    return this.verification.result()
  }
}
