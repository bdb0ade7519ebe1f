/**
 * One run's world: an engine on simulated files, threads and time, its origin and snapshots, and the oracle beside them.
 *
 * Everything of the engine is the code that ships. A crash takes the engine away in the middle of whatever it did; what the
 * disks have left is opened by a new one.
 */
import { present } from '../../src/base/assert.js'
import type { Merge } from '../../src/control/merge.js'
import type { Origin } from '../../src/control/origin.js'
import type { Snapshot } from '../../src/control/snapshot.js'
import type { Durability, StoreType } from '../../src/control/snapshot-options.js'
import { Machinery } from '../../src/coordinator/machinery.js'
import type { Volume } from '../../src/coordinator/volume.js'
import { Engine } from '../../src/engine.js'
import { Random } from '../support/model-random.js'
import type { RunPlan } from './operations.js'
import { Oracle, originDevice, Violation } from './oracle.js'
import { Schedule } from './schedule.js'
import { become, forgetMemory } from './system/interpose.js'
import { sectorBytes } from './system/simulated-disk.js'
import { folder, type SimulatedFile, SimulatedFiles } from './system/simulated-files.js'

const arenaBytes = 2 ** 23
export const originName = 'origin.img'

export interface SimSnapshot {
  readonly device: number
  readonly name: string
  readonly cow: string
  readonly store: StoreType
  readonly chunkSectors: number
  readonly durability: Durability
  /** Its COW may become full. */
  mayFill: boolean
  /** Something was done to its COW or to the origin that may cost it its store: it may be invalid, or missing. */
  isExcused: boolean
  /** A disk lied about its store: it may show anything. */
  isSuspect: boolean
  fate: 'taking' | 'there' | 'removing' | 'merging'
  handle: Snapshot | undefined
  isInvalid: boolean
  /** A barrier of its COW failed before the process ended: what programs see there is not what a power cut leaves, for good. */
  isUncovered: boolean
  /** Its table says so; they zero what its store has. */
  takesDiscards: boolean
}

/** Whether it may become invalid: for want of room, or because of what a disk did. */
export const mayBeLost = ({ isExcused, isSuspect, mayFill }: SimSnapshot): boolean => isExcused || isSuspect || mayFill

export class World {
  readonly plan: RunPlan
  readonly schedule = new Schedule()
  readonly files: SimulatedFiles
  readonly oracle: Oracle
  readonly snapshots: SimSnapshot[] = []
  /** Which engine this is: answers to earlier ones mean nothing. */
  epoch = 0
  hasCrashed = false
  isClosing = false
  nextCrashCutsPower = false
  crashWasPowerCut = false
  crashes = 0
  origin: Origin | undefined
  /** What went wrong where nobody waits for an answer. */
  violation: unknown
  /** The origin's file failed some call, or lied: what it shows after that is not certain everywhere. */
  isOriginSuspect = false
  isOriginExcused = false
  /** Since the origin was opened. */
  hasFlushFailed = false
  nextDevice = 1
  #engine: Engine | undefined
  onCrash: () => void = () => {}

  constructor(plan: RunPlan) {
    this.plan = plan
    this.files = new SimulatedFiles(new Random(plan.seed ^ 0x2545f491))
    this.oracle = new Oracle(plan.sectors)
    this.files.make(originName, this.oracle.originBytes())
    this.files.onCall = () => this.schedule.point()
    this.files.onSlow = (ms) => this.schedule.time.passTo(this.schedule.time.nowMs + ms)
    this.schedule.onCrash = () => this.crash()
  }

  /** What the process is to its system from now on. */
  become(): void {
    const { files, schedule } = this
    become({
      files,
      time: schedule.time,
      sleepers: schedule.sleepers,
      point: () => schedule.point(),
      yieldProcessor: () => schedule.yieldProcessor(),
    })
  }

  /** The COW or origin file of a device. */
  file(name: string): SimulatedFile {
    const file = this.files.named(name)
    if (file === undefined) throw new Error(`${name} is no file`)
    return file
  }

  startEngine(): void {
    const { autoExtend, workers } = this.plan
    const options = autoExtend ? { autoExtend: { threshold: 70, percent: 30 } } : {}
    const machinery = new Machinery({ workers, arenaBytes, backend: 'libc', start: this.schedule.start })
    this.#engine = Engine.on(machinery, options)
  }

  get engine(): Engine {
    return present(this.#engine, 'an engine has been started')
  }

  /** The process that runs has one; none does after a crash. */
  get hasEngine(): boolean {
    return this.schedule.threads.length > 0
  }

  /** The volumes that can be asked for something, the origin first. */
  volumes(): { readonly volume: Volume; readonly device: number; readonly snapshot: SimSnapshot | undefined }[] {
    if (this.origin === undefined) return []
    const volumes: { volume: Volume; device: number; snapshot: SimSnapshot | undefined }[] = [
      { volume: this.origin, device: originDevice, snapshot: undefined },
    ]
    for (const snapshot of this.snapshots) {
      if (snapshot.handle === undefined) continue
      volumes.push({ volume: snapshot.handle, device: snapshot.device, snapshot })
    }
    return volumes
  }

  get merging(): SimSnapshot | undefined {
    return this.snapshots.find(({ fate }) => fate === 'merging')
  }

  mergeOf(): Merge | undefined {
    return this.merging?.handle?.merging
  }

  /** The process ends here and now, in the middle of whatever anybody does. */
  crash(): void {
    const { files, schedule } = this
    this.hasCrashed = true
    this.crashWasPowerCut = this.nextCrashCutsPower
    this.crashes++
    this.epoch++
    this.onCrash()
    schedule.quietly(() => {
      if (this.crashWasPowerCut) files.cutPower()
      else files.endProcess()
      files.isAlive = false
      schedule.isProcessAlive = false
      schedule.clear()
    })
  }

  /** Lets what is left of the dead process run out, and makes the system ready for another. */
  async bury(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.schedule.drain()
    this.schedule.clear()
    this.files.isAlive = true
    this.schedule.isProcessAlive = true
    this.origin = undefined
    for (const snapshot of this.snapshots) snapshot.handle = undefined
    forgetMemory()
    this.hasCrashed = false
    this.isClosing = false
  }

  /** Looks, while nobody goes on. What is wrong ends the run: whoever did it, on a thread of its own perhaps, hears nothing of it. */
  look(check: () => void): void {
    try {
      this.schedule.quietly(check)
    } catch (error) {
      this.violation ??= error
    }
  }

  /** A disk lied: what it shows, or what lies in part in the origin, cannot be told from what is right. */
  isUncertain(snapshot: SimSnapshot | undefined): boolean {
    return this.isOriginSuspect || snapshot?.isSuspect === true
  }

  /** Every disk does again what it is asked to. */
  healAll(): void {
    for (const name of this.files.names) this.files.named(name)?.faults.heal()
  }

  /** Waits for an answer while everybody goes on. Throws if it never comes; what is gone with a crash needs none. */
  async answer<Result>(what: string, asked: () => Promise<Result>): Promise<Result | undefined> {
    if (this.hasCrashed) return undefined
    const { epoch, schedule } = this
    let outcome: { readonly value: Result } | { readonly error: unknown } | undefined
    await schedule.submit(() => {
      asked().then(
        (value) => {
          outcome = { value }
        },
        (error: unknown) => {
          outcome = { error }
        },
      )
    })
    const isOver = await schedule.until(
      () => outcome !== undefined || this.epoch !== epoch || this.violation !== undefined,
    )
    if (this.violation !== undefined) throw this.violation
    if (this.epoch !== epoch) return undefined
    if (!isOver || outcome === undefined) throw new Violation(`${what} was never answered`)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  pathOf(name: string): string {
    return `${folder}/${name}`
  }

  get byteLength(): number {
    return this.plan.sectors * sectorBytes
  }
}
