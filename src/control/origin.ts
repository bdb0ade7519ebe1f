/**
 * An origin and its snapshots, on top of the mapper: a device NAME over the image. The first snapshot puts NAME-real between
 * the two and makes NAME a snapshot-origin of it, as LVM2 does; each snapshot is a device of its own.
 */
import { present } from '../base/assert.js'
import { errnoName } from '../base/errno-name.js'
import { CowringError, type ErrorCode } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Volume } from '../coordinator/volume.js'
import { flushFailuresOf } from '../io/block-file.js'
import { identityOf } from '../io/open-source.js'
import { FlushFailures } from '../shm/flush-failures.js'
import { openCow, refuseWritten, wipeCow } from './cow-policy.js'
import { type MappedDevice, placeOf } from './mapped-device.js'
import type { Mapper } from './mapper.js'
import { Merge, type MergeOptions } from './merge.js'
import type { CowUse } from './open-store.js'
import { OriginDevices } from './origin-devices.js'
import type { OriginMemory, RememberedSnapshot } from './origin-memory.js'
import { type MergingOrigin, OriginMerge } from './origin-merge.js'
import type { PhysicalDevice } from './physical-devices.js'
import { type RemoveOptions, Snapshot, type SnapshotOwner } from './snapshot.js'
import { chunkSectorsDefault, planSnapshot, type SnapshotOptions, type SnapshotPlan } from './snapshot-options.js'
import type { StoreInstance } from './store-instance.js'

export interface OriginParts {
  readonly machinery: Machinery
  readonly mapper: Mapper
  /** The image, and the mapped device over it. */
  readonly image: PhysicalDevice
  readonly device: MappedDevice
  readonly name: string
  readonly readOnly: boolean
  readonly direct: boolean
  /** `undefined` for an origin in memory, which cannot outlive the engine. */
  readonly memory: OriginMemory | undefined
  readonly onClose: (origin: Origin) => void
}

/** A snapshot whose COW is open and whose store is loaded into the inactive table of its device. */
export interface PreparedSnapshot {
  readonly plan: SnapshotPlan
  readonly cow: PhysicalDevice
  readonly device: MappedDevice
  /** Of a snapshot whose merge is not done: its store is loaded into the origin's inactive table instead. */
  readonly merge?: Merge
}

export class Origin extends Volume implements SnapshotOwner, AsyncDisposable {
  readonly #parts: OriginParts
  readonly #devices: OriginDevices
  readonly #merge: OriginMerge
  readonly #snapshots: Snapshot[] = []
  /** Changes of the set of snapshots, one after the other. */
  #changes: Promise<unknown> = Promise.resolve()
  /** A snapshot has become invalid, and neither its COW's header nor the list of snapshots says so. */
  #hasUnrecorded = false
  /** It is on its way in: the list has it already, whatever else has to be saved meanwhile. */
  #arriving: readonly RememberedSnapshot[] = []
  /** It is on its way out: the list does without it already. */
  #removing: Snapshot | undefined
  /** The last attempt to close it. */
  #closing: Promise<void> = Promise.resolve()

  /** Made by `engine.open()`. */
  constructor(parts: OriginParts) {
    const { device, image, machinery, name, readOnly } = parts
    const facts = { state: device.state, name, path: image.path, readOnly, place: placeOf(device, machinery) }
    super(machinery.client, machinery.arena.buffer, facts, device.gate)
    this.#parts = parts
    this.#devices = new OriginDevices(parts)
    this.#merge = new OriginMerge(this.#forMerge(), this.#devices)
  }

  /** The snapshots in use, in the order they were taken or attached. */
  get snapshots(): readonly Snapshot[] {
    return [...this.#snapshots]
  }

  /** Absolute path of the origin; `undefined` when it is memory. */
  get path(): string | undefined {
    return this.#parts.image.path
  }

  /** Its name among the devices of `engine.mapper`. */
  get deviceName(): string {
    return this.#parts.device.name
  }

  get parts(): OriginParts {
    return this.#parts
  }

  /**
   * Takes a snapshot, or continues the one that the COW already holds.
   *
   * A COW whose first four bytes are zero, or a new file, becomes an empty store; one with a store of the kernel's format is
   * continued with its own chunk size; anything else is refused and left as it is. Every write that resolved before the
   * call is in the snapshot, and no write submitted after it resolved is; the origin's I/O is held for a moment and none of
   * it is lost. A persistent snapshot of a file or device is remembered: `engine.open` attaches it again.
   * None can be taken until the merge of a snapshot is done, cancelled ones included.
   * Fails with INVALID_ARGUMENT, SNAPSHOT_EXISTS, COW_IS_ORIGIN, COW_TOO_SMALL, COW_NOT_A_STORE, STORE_CORRUPT,
   * STORE_VERSION, DEVICE_BUSY, DEVICE_MISSING, DEVICE_UNSUPPORTED, IO_ERROR, LIMIT_EXCEEDED, DEVICE_CLOSED.
   */
  snapshot(options: SnapshotOptions): Promise<Snapshot> {
    return this.#change(async () => {
      this.mustBeOpen()
      const plan = planSnapshot(options, this.#freeName(options))
      this.#merge.refuse('a snapshot can be taken')
      if (this.#snapshots.some(({ name }) => name === plan.name)) {
        const text = `${this.name} has a snapshot '${plan.name}' already; remove it or choose another name`
        throw new CowringError('SNAPSHOT_EXISTS', text, { device: this.name, snapshot: plan.name })
      }
      if (identityOf(plan.cow) === this.#parts.image.source.identity) {
        const text = `COW device cannot be the same as origin device (${this.path ?? this.name}); give another COW`
        throw new CowringError('COW_IS_ORIGIN', text, { device: this.name })
      }
      const prepared = await this.prepare(plan, 'take')
      try {
        this.#arriving = this.#asRemembered(prepared, prepared.device.inactive?.instances[0])
        this.#remember(this.#remembered())
        const [snapshot] = await this.#adopt([prepared])
        return present(snapshot, 'one snapshot for one that was prepared')
      } catch (error) {
        this.#arriving = []
        await this.abandon(prepared)
        this.#remember(this.#remembered())
        throw error
      }
    })
  }

  /** Steps 2 to 6 of the eight: everything that takes time, with the origin at work. Nothing is remembered yet. */
  async prepare(plan: SnapshotPlan, use: CowUse): Promise<PreparedSnapshot> {
    const { direct, image, machinery, mapper } = this.#parts
    const cow = openCow(mapper.physical, plan, { direct, originBytes: this.sizeBytes, use })
    cow.holds++
    let device: MappedDevice | undefined
    try {
      if (plan.store === 'N') {
        await refuseWritten(machinery, cow, { sizeBytes: this.sizeBytes, blockSectors: image.blockSectors() })
      }
      const real = await this.#devices.makeReal()
      device = await mapper.createHeld(plan.name, undefined)
      const chunkSectors = plan.chunkSectors ?? (plan.store === 'N' ? chunkSectorsDefault : 0)
      const line = `0 ${this.#devices.sectors} snapshot ${real.number} ${cow.number} ${plan.store} ${chunkSectors}`
      await mapper.load(device.name, line, {
        isOwn: true,
        readOnly: plan.readOnly,
        durability: plan.durability === 'none' ? 'power-loss' : plan.durability,
        cowUse: use,
        onHeaderFailed: () => this.#rememberInvalid(),
      })
      return { plan, cow, device }
    } catch (error) {
      if (device !== undefined) await mapper.takeDown([device])
      this.#devices.letGo(cow, true)
      await this.#devices.dropRealIfUnused()
      throw withoutTable(error)
    }
  }

  /** The same for a snapshot whose merge is not done: the origin's table will be the merge's. */
  async prepareMerge(plan: SnapshotPlan, use: CowUse, isStopped: boolean): Promise<PreparedSnapshot> {
    const { direct, mapper } = this.#parts
    const cow = openCow(mapper.physical, plan, { direct, originBytes: this.sizeBytes, use })
    cow.holds++
    const merge = new Merge()
    if (isStopped) merge.end('cancelled')
    // What is only read is not merged.
    if (this.readOnly) void merge.pause()
    let device: MappedDevice | undefined
    try {
      const real = await this.#devices.makeReal()
      device = await mapper.createHeld(plan.name, undefined)
      const words = `${real.number} ${cow.number} ${plan.store} ${plan.chunkSectors ?? 0}`
      const durability = plan.durability === 'none' ? 'power-loss' : plan.durability
      const line = `0 ${this.#devices.sectors} snapshot-merge ${words}`
      await this.#devices.load(line, { durability, cowUse: use, merge })
      refuseInvalid(present(this.#parts.device.inactive, 'the merge is loaded').instances, cow)
      return { plan, cow, device, merge }
    } catch (error) {
      await mapper.clear(this.deviceName)
      if (device !== undefined) await mapper.takeDown([device])
      this.#devices.letGo(cow, false)
      await this.#devices.dropRealIfUnused()
      throw withoutTable(error)
    }
  }

  /** Undoes `prepare`: a file it made is gone again. */
  async abandon({ cow, device, merge }: PreparedSnapshot): Promise<void> {
    if (merge !== undefined) await this.#parts.mapper.clear(this.deviceName)
    await this.#parts.mapper.takeDown([device])
    this.#devices.letGo(cow, true)
    const isOriginTarget = this.#parts.device.live?.families.length !== 0
    if (isOriginTarget && this.#snapshots.length === 0)
      await this.#devices.suspended(() => this.#devices.load(this.#devices.plainLine))
    await this.#devices.dropRealIfUnused()
  }

  /** Attaches snapshots that were remembered. */
  attach(prepared: readonly PreparedSnapshot[]): Promise<Snapshot[]> {
    return this.#change(() => this.#adopt(prepared))
  }

  remove(snapshot: Snapshot, options: RemoveOptions): Promise<void> {
    return this.#change(async () => {
      if (!this.#snapshots.includes(snapshot)) return
      this.#merge.refuse('it can be removed', snapshot)
      const { cow, device } = snapshot.parts
      snapshot.shut()
      try {
        await this.#devices.suspended(async () => {
          // From here on, whatever its last writes come to, it is not remembered again.
          this.#rememberWithout(snapshot)
          await this.#parts.mapper.takeDown([device])
          this.#forget(snapshot)
          if (this.#snapshots.length === 0) await this.#devices.load(this.#devices.plainLine)
        })
      } catch (error) {
        this.#removing = undefined
        if (this.#snapshots.includes(snapshot)) {
          snapshot.reopen()
          this.#rememberAgain()
        }
        throw error
      }
      try {
        await this.#devices.dropRealIfUnused()
        if (options.keepStore !== true && snapshot.store !== 'N') await wipeCow(this.#parts.machinery, cow)
      } finally {
        this.#devices.letGo(cow, false)
      }
    })
  }

  /** As `snapshot.merge()`, which says more. */
  merge(snapshot: Snapshot, options: MergeOptions): Merge {
    return this.#merge.merge(snapshot, options)
  }

  /**
   * Closes the origin and all its snapshots: waits for their I/O, makes it durable, and lets go of the files. Persistent
   * snapshots stay remembered; transient ones end. Closing again does nothing. Fails with DEVICE_BUSY while devices of
   * `engine.mapper` lie on it, and is then still open; with IO_ERROR if what was written cannot be made durable, and is
   * closed all the same.
   */
  close(): Promise<void> {
    if (!this.closed) this.#closing = this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const volume of [this, ...this.#snapshots]) volume.shut()
    await this.#change(async () => {
      const { device, image, mapper, onClose } = this.#parts
      // Those of now: a merge that was about to end may have ended since.
      const snapshots = [...this.#snapshots]
      let failure: unknown
      try {
        await mapper.suspend(device.name)
        for (const { deviceName } of snapshots) await mapper.suspend(deviceName)
        failure = this.#makeDurable() ?? this.#rememberAtLast()
        await mapper.takeDown([...this.#snapshots.map(({ parts }) => parts.device), ...this.#devices.all])
      } catch (error) {
        for (const volume of [this, ...snapshots]) volume.reopen()
        for (const name of [...snapshots.map(({ deviceName }) => deviceName), device.name]) await mapper.resume(name)
        throw error
      }
      this.#merge.close()
      for (const { parts } of this.#snapshots.splice(0)) this.#devices.letGo(parts.cow, false)
      this.#devices.letGo(image, false)
      onClose(this)
      if (failure !== undefined) throw failure
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  protected explain(code: ErrorCode, errno: number): string {
    if (code === 'WORKER_DIED') return 'a worker thread died; the volume is unharmed, try again'
    if (code === 'NOT_SUPPORTED' && errno === 0) {
      return 'an origin with snapshots takes no discards; remove them first, or use writeZeroes'
    }
    if (code === 'NOT_SUPPORTED') {
      return `the file system or device of ${this.path ?? this.name} cannot discard; use writeZeroes to have zeroes there`
    }
    return `the system answered ${errnoName(errno)} on ${this.path ?? this.name}; check the device and try again`
  }

  #forMerge(): MergingOrigin {
    const origin = this
    return {
      get name() {
        return origin.name
      },
      get snapshots() {
        return origin.#snapshots
      },
      mustBeOpen: () => this.mustBeOpen(),
      mustBeWritable: () => {
        if (!this.readOnly) return
        throw new CowringError('READ_ONLY', `${this.name} ${this.whyReadOnly()}`, { device: this.name })
      },
      change: (act) => this.#change(act),
      remember: (without) => this.#rememberWithout(without),
      rememberAgain: () => this.#rememberAgain(),
      forget: (snapshot) => this.#forget(snapshot),
    }
  }

  /** Steps 1, 7 and 8: the instant of the snapshot. */
  async #adopt(prepared: readonly PreparedSnapshot[]): Promise<Snapshot[]> {
    const { machinery, mapper } = this.#parts
    const isFirst = this.#snapshots.length === 0
    const merging = prepared.find(({ merge }) => merge !== undefined)
    const parts = { owner: this, machinery }
    const snapshots = prepared.map((each) => new Snapshot({ ...parts, ...each }))
    try {
      await this.#devices.suspended(async () => {
        // The table of a merge is loaded already.
        if (isFirst && merging === undefined) await this.#devices.load(this.#devices.originLine)
        for (const { device, merge } of prepared) if (merge === undefined) await mapper.resume(device.name)
        for (const snapshot of snapshots) {
          const { merge } = snapshot.parts
          if (merge !== undefined) this.#merge.adopt(snapshot, merge)
        }
        // W5: before the first write that could make one invalid, whose header may then have to be remembered.
        this.#snapshots.push(...snapshots)
        this.#arriving = []
      })
    } catch (error) {
      for (const snapshot of snapshots) if (this.#snapshots.includes(snapshot)) this.#forget(snapshot)
      throw error
    }
    for (const snapshot of snapshots) if (snapshot.merging !== undefined) await this.#merge.show(snapshot)
    return snapshots
  }

  #forget(snapshot: Snapshot): void {
    this.#snapshots.splice(this.#snapshots.indexOf(snapshot), 1)
    this.#removing = undefined
  }

  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(act)
    this.#changes = result.catch(() => {})
    return result
  }

  #makeDurable(): unknown {
    const files = [this.readOnly ? undefined : this.#parts.image, ...this.#snapshots.map(({ parts }) => parts.cow)]
    for (const device of files) {
      if (device === undefined) continue
      const failures = new FlushFailures(flushFailuresOf(device.descriptor()))
      // What an earlier barrier has lost, this one does not make durable.
      const errno = failures.errno() || device.file.barrier()
      if (errno === 0) continue
      const text = `${this.name} was closed, but the system answered ${errnoName(errno)} when it made the last writes durable`
      return new CowringError('IO_ERROR', text, { device: this.name, errno })
    }
    return undefined
  }

  #freeName(options: SnapshotOptions): string {
    const base = typeof options.cow === 'string' ? (options.cow.split('/').pop() ?? '') : 'snapshot'
    const stem = base.replace(/\.(cow|img|raw|snap)$/, '') || 'snapshot'
    let name = stem
    for (let number = 2; this.#snapshots.some((other) => other.name === name); number++) name = `${stem}-${number}`
    return name
  }

  // ── the origin's memory ─────────────────────────────────────────────────────────────────────────────────────────────

  #remembered(): RememberedSnapshot[] {
    const present = this.#snapshots
      .filter((each) => each !== this.#removing)
      .flatMap((each) => {
        const entries = this.#asRemembered(each.parts, each.instance)
        const merging = this.#merge.markOf(each)
        return merging === undefined ? entries : entries.map((entry) => ({ ...entry, merging }))
      })
    return [...present, ...this.#arriving]
  }

  #rememberWithout(leaving: Snapshot | undefined): void {
    this.#removing = leaving
    try {
      this.#remember(this.#remembered())
    } catch (error) {
      this.#removing = undefined
      throw error
    }
  }

  #asRemembered({ cow, plan }: PreparedSnapshot, instance: StoreInstance | undefined): RememberedSnapshot[] {
    const { memory } = this.#parts
    if (memory === undefined || cow.path === undefined || plan.store === 'N' || plan.durability === 'none') return []
    const store = instance?.store
    const { durability, name, readOnly } = plan
    const entry = { name, cow: memory.storeCow(cow.path), store: plan.store, durability, readOnly }
    const invalid = store?.cursor.headerFailed() === true ? { invalid: true as const } : {}
    return [{ ...entry, chunkSectors: store?.geometry.chunkSectors ?? 0, ...invalid }]
  }

  /** After a failure, which is the error to report. */
  #rememberAgain(): void {
    try {
      this.#remember(this.#remembered())
    } catch {
      // What could not be saved before cannot be now; the list then names what it named.
    }
  }

  #remember(snapshots: RememberedSnapshot[]): void {
    this.#parts.memory?.save(snapshots)
    this.#hasUnrecorded = false
  }

  /** W5, the second way. What cannot be written now is with the next list that can be; the last time for it is closing. */
  #rememberInvalid(): void {
    this.#hasUnrecorded = true
    this.#remember(this.#remembered())
  }

  #rememberAtLast(): unknown {
    if (!this.#hasUnrecorded) return undefined
    try {
      this.#remember(this.#remembered())
      return undefined
    } catch (error) {
      return error
    }
  }
}

/** A half-merged origin cannot do without what its store still has. */
function refuseInvalid(instances: readonly StoreInstance[], cow: PhysicalDevice): void {
  if (instances.every((instance) => instance.state() !== 'Invalid')) return
  const text = `${cow.name} holds a store that is invalid, with a part of what the origin is to get; restore both from a backup`
  throw new CowringError('STORE_CORRUPT', text, { path: cow.name, reason: 'invalid' })
}

/** The error behind a refused table: who takes a snapshot has written none. */
function withoutTable(error: unknown): unknown {
  if (!(error instanceof CowringError) || error.code !== 'TABLE_INVALID') return error
  if (error.cause instanceof CowringError) return error.cause
  const { reason = error.message } = error.facts
  return new CowringError('INVALID_ARGUMENT', reason.replace(/^snapshot: /, ''), { reason }, error)
}
