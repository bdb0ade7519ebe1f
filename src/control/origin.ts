/**
 * An origin and its snapshots, on top of the mapper: a device NAME over the image. The first snapshot puts NAME-real between
 * the two and makes NAME a snapshot-origin of it, as LVM2 does; each snapshot is a device of its own.
 */
import { present } from '../base/assert.js'
import { errnoName } from '../base/errno-name.js'
import { CowringError, type ErrorCode } from '../base/errors.js'
import { bytesToSectors } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Volume } from '../coordinator/volume.js'
import { identityOf } from '../io/open-source.js'
import { openCow, refuseWritten, wipeCow } from './cow-policy.js'
import type { MappedDevice } from './mapped-device.js'
import type { Mapper } from './mapper.js'
import { Merge, type MergeOptions } from './merge.js'
import { mustBeMergeable } from './merge-swap.js'
import type { CowUse } from './open-store.js'
import type { OriginMemory, RememberedSnapshot } from './origin-memory.js'
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

/** The one snapshot that is being merged, or whose merge was cancelled or has failed on the way. */
interface Merging {
  readonly snapshot: Snapshot
  readonly merge: Merge
  /** It was cancelled: it does not go on by itself when the origin is opened again. */
  isStopped: boolean
}

export class Origin extends Volume implements SnapshotOwner, AsyncDisposable {
  readonly #parts: OriginParts
  readonly #snapshots: Snapshot[] = []
  /** Where the image's own table has gone, while there are snapshots. */
  #real: MappedDevice | undefined
  #merging: Merging | undefined
  /** Changes of the set of snapshots, one after the other. */
  #changes: Promise<unknown> = Promise.resolve()
  /** The last attempt to close it. */
  #closing: Promise<void> = Promise.resolve()

  /** Made by `engine.open()`. */
  constructor(parts: OriginParts) {
    const { device, image, machinery, name, readOnly } = parts
    const facts = { state: device.state, name, path: image.path, readOnly }
    super(machinery.client, machinery.arena.buffer, facts, device.gate)
    this.#parts = parts
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
   * While a snapshot is being merged none can be taken.
   * Fails with INVALID_ARGUMENT, SNAPSHOT_EXISTS, COW_IS_ORIGIN, COW_TOO_SMALL, COW_NOT_A_STORE, STORE_CORRUPT,
   * STORE_VERSION, DEVICE_BUSY, DEVICE_MISSING, DEVICE_UNSUPPORTED, IO_ERROR, LIMIT_EXCEEDED, DEVICE_CLOSED.
   */
  snapshot(options: SnapshotOptions): Promise<Snapshot> {
    return this.#change(async () => {
      this.mustBeOpen()
      const plan = planSnapshot(options, this.#freeName(options))
      if (this.#merging !== undefined) throw busyMerging(this.name, this.#merging, 'a snapshot can be taken')
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
        this.#remember([...this.#remembered(), ...this.#asRemembered(prepared, prepared.device.inactive?.instances[0])])
        const [snapshot] = await this.#adopt([prepared])
        return present(snapshot, 'one snapshot for one that was prepared')
      } catch (error) {
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
      const real = await this.#makeReal()
      device = await mapper.createHeld(plan.name, undefined)
      const chunkSectors = plan.chunkSectors ?? (plan.store === 'N' ? chunkSectorsDefault : 0)
      const line = `0 ${this.#sectors} snapshot ${real.number} ${cow.number} ${plan.store} ${chunkSectors}`
      await mapper.load(device.name, line, {
        isOwn: true,
        readOnly: plan.readOnly,
        durability: plan.durability === 'none' ? 'power-loss' : plan.durability,
        cowUse: use,
        onHeaderFailed: () => this.#remember(this.#remembered()),
      })
      return { plan, cow, device }
    } catch (error) {
      if (device !== undefined) await mapper.takeDown([device])
      this.#letGo(cow, true)
      await this.#dropRealIfUnused()
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
    let device: MappedDevice | undefined
    try {
      const real = await this.#makeReal()
      device = await mapper.createHeld(plan.name, undefined)
      await this.#loadMerge(plan, cow, real, merge, use)
      refuseInvalid(present(this.#parts.device.inactive, 'the merge is loaded').instances, cow)
      return { plan, cow, device, merge }
    } catch (error) {
      await mapper.clear(this.deviceName)
      if (device !== undefined) await mapper.takeDown([device])
      this.#letGo(cow, false)
      await this.#dropRealIfUnused()
      throw withoutTable(error)
    }
  }

  #loadMerge(plan: SnapshotPlan, cow: PhysicalDevice, real: MappedDevice, merge: Merge, use: CowUse): Promise<void> {
    const line = `0 ${this.#sectors} snapshot-merge ${real.number} ${cow.number} ${plan.store} ${plan.chunkSectors ?? 0}`
    return this.#parts.mapper.load(this.deviceName, line, {
      isOwn: true,
      readOnly: this.readOnly,
      durability: plan.durability === 'none' ? 'power-loss' : plan.durability,
      cowUse: use,
      merge,
    })
  }

  /** Undoes `prepare`: a file it made is gone again. */
  async abandon({ cow, device, merge }: PreparedSnapshot): Promise<void> {
    if (merge !== undefined) await this.#parts.mapper.clear(this.deviceName)
    await this.#parts.mapper.takeDown([device])
    this.#letGo(cow, true)
    const isOriginTarget = this.#parts.device.live?.families.length !== 0
    if (isOriginTarget && this.#snapshots.length === 0) await this.#suspended(() => this.#load(this.#plainLine))
    await this.#dropRealIfUnused()
  }

  /** Attaches snapshots that were remembered. */
  attach(prepared: readonly PreparedSnapshot[]): Promise<Snapshot[]> {
    return this.#change(() => this.#adopt(prepared))
  }

  remove(snapshot: Snapshot, options: RemoveOptions): Promise<void> {
    return this.#change(async () => {
      if (!this.#snapshots.includes(snapshot)) return
      if (this.#merging?.snapshot === snapshot) throw busyMerging(this.name, this.#merging, 'it can be removed')
      const { cow, device } = snapshot.parts
      snapshot.shut()
      try {
        await this.#suspended(async () => {
          this.#remember(this.#remembered(snapshot))
          await this.#parts.mapper.takeDown([device])
          this.#forget(snapshot)
          if (this.#snapshots.length === 0) await this.#load(this.#plainLine)
        })
      } catch (error) {
        if (this.#snapshots.includes(snapshot)) {
          snapshot.reopen()
          this.#rememberAgain()
        }
        throw error
      }
      try {
        await this.#dropRealIfUnused()
        if (options.keepStore !== true && snapshot.store !== 'N') await wipeCow(this.#parts.machinery, cow)
      } finally {
        this.#letGo(cow, false)
      }
    })
  }

  /** As `snapshot.merge()`, which says more. */
  merge(snapshot: Snapshot, options: MergeOptions): Merge {
    this.mustBeOpen()
    const present = this.#merging
    if (present !== undefined && present.snapshot !== snapshot)
      throw busyMerging(this.name, present, 'another can be merged')
    if (this.readOnly) throw new CowringError('READ_ONLY', `${this.name} ${this.whyReadOnly()}`, { device: this.name })
    if (present !== undefined && !present.merge.hasEnded) {
      present.merge.limits = { ...present.merge.limits, ...options }
      present.merge.resume()
      return present.merge
    }
    const merge = new Merge(options)
    this.#merging = { snapshot, merge, isStopped: false }
    this.#follow(snapshot, merge)
    snapshot.becomeMerging(merge)
    this.#follow(snapshot, merge)
    // From here on, so that what is submitted after this call meets the merge.
    const gates = [this.#parts.device.gate, snapshot.parts.device.gate]
    for (const gate of gates) void gate.hold()
    void this.#change(async () => {
      try {
        await this.#startMerge(snapshot, merge)
      } catch (error) {
        this.#merging = present
        snapshot.becomeMerging(present?.merge)
        this.#rememberAgain()
        merge.fail(error instanceof Error ? error : new Error(String(error)))
      } finally {
        for (const gate of gates) gate.open()
      }
    })
    return merge
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
        failure = this.#makeDurable()
        const devices = [...this.#snapshots.map(({ parts }) => parts.device), device]
        await mapper.takeDown(this.#real === undefined ? devices : [...devices, this.#real])
      } catch (error) {
        for (const volume of [this, ...snapshots]) volume.reopen()
        for (const name of [...snapshots.map(({ deviceName }) => deviceName), device.name]) await mapper.resume(name)
        throw error
      }
      this.#stopMerge()
      for (const { parts } of this.#snapshots.splice(0)) this.#letGo(parts.cow, false)
      this.#letGo(image, false)
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

  async #startMerge(snapshot: Snapshot, merge: Merge): Promise<void> {
    this.mustBeOpen()
    snapshot.mustBeOpen()
    const { device, mapper } = this.#parts
    const { instance, parts } = snapshot
    if (instance.plan.merges && instance.mergeFailure === undefined) {
      this.#remember(this.#remembered())
      await mapper.mergeAgain(device, merge)
      return
    }
    if (!instance.plan.merges) {
      mustBeMergeable(instance, snapshot.name)
      this.#remember(this.#remembered())
      snapshot.showOn(device)
      await mapper.startHeldMerge({ snapshot: parts.device, origin: device }, merge)
      return
    }
    // What is in memory after a failure is not to be merged on: the store is read again.
    const real = present(this.#real, 'a merge lies on the real device')
    await this.#suspended(() => this.#load(`0 ${this.#sectors} error`))
    await this.#suspended(() => this.#loadMerge(parts.plan, parts.cow, real, merge, 'attach'))
  }

  /** What is done here when a merge ends. */
  #follow(snapshot: Snapshot, merge: Merge): void {
    merge.whenCancelled = () =>
      this.#change(async () => {
        // It may not have begun after all, or have been done a moment ago; then another one may be under way.
        if (this.#merging?.merge !== merge) return
        this.#merging.isStopped = true
        this.#remember(this.#remembered())
      })
    merge.whenMerged = () => this.#change(() => this.#endMerge(snapshot))
  }

  /** Of an origin that was opened to be read nobody merges, and nobody else says that it is over. */
  #stopMerge(): void {
    const text = `${this.name} was closed before its merge was done: open it for writing, and it goes on`
    this.#merging?.merge.fail(new CowringError('DEVICE_CLOSED', text, { device: this.name }))
  }

  /** Everything is merged: the origin is an origin again, and the snapshot is gone. */
  async #endMerge(snapshot: Snapshot): Promise<void> {
    this.mustBeOpen()
    const { machinery, mapper } = this.#parts
    const { cow, device } = snapshot.parts
    const isLast = this.#snapshots.length === 1
    const real = present(this.#real, 'a merge lies on the real device')
    await this.#suspended(async () => {
      await this.#load(isLast ? this.#plainLine : `0 ${this.#sectors} snapshot-origin ${real.number}`)
      // Before the swap, so that a crash finds either a merge with nothing left to do, or an origin without one.
      this.#remember(this.#remembered(snapshot))
      snapshot.becomeMerged()
    })
    this.#merging = undefined
    this.#forget(snapshot)
    await mapper.takeDown([device])
    try {
      await this.#dropRealIfUnused()
      await wipeCow(machinery, cow)
    } finally {
      this.#letGo(cow, false)
    }
  }

  get #sectors(): number {
    return bytesToSectors(this.sizeBytes)
  }

  get #plainLine(): string {
    return `0 ${this.#sectors} linear ${this.#parts.image.number} 0`
  }

  /** Steps 1, 7 and 8: the instant of the snapshot. */
  async #adopt(prepared: readonly PreparedSnapshot[]): Promise<Snapshot[]> {
    const { machinery, mapper } = this.#parts
    const isFirst = this.#snapshots.length === 0
    const merging = prepared.find(({ merge }) => merge !== undefined)
    const { arena, client } = machinery
    const parts = { owner: this, client, arena: arena.buffer }
    const snapshots = prepared.map((each) => new Snapshot({ ...parts, ...each }))
    try {
      await this.#suspended(async () => {
        const real = present(this.#real, 'a snapshot is prepared on the real device')
        // The table of a merge is loaded already.
        if (isFirst && merging === undefined) await this.#load(`0 ${this.#sectors} snapshot-origin ${real.number}`)
        for (const { device, merge } of prepared) if (merge === undefined) await mapper.resume(device.name)
        for (const snapshot of snapshots) this.#becomeMerging(snapshot)
        // W5: before the first write that could make one invalid, whose header may then have to be remembered.
        this.#snapshots.push(...snapshots)
      })
    } catch (error) {
      for (const snapshot of snapshots) if (this.#snapshots.includes(snapshot)) this.#forget(snapshot)
      throw error
    }
    for (const snapshot of snapshots) if (snapshot.merging !== undefined) await this.#showMerging(snapshot)
    return snapshots
  }

  /** A snapshot whose merge was not done when the origin was closed. */
  #becomeMerging(snapshot: Snapshot): void {
    const { merge } = snapshot.parts
    if (merge === undefined) return
    this.#merging = { snapshot, merge, isStopped: merge.state === 'cancelled' }
    this.#follow(snapshot, merge)
    snapshot.becomeMerging(merge)
    snapshot.showOn(this.#parts.device)
  }

  /** What a handle shows whose snapshot was being merged when the origin was opened. */
  async #showMerging(snapshot: Snapshot): Promise<void> {
    const { device, mapper } = this.#parts
    const { name } = snapshot.parts.device
    await mapper.load(name, `0 ${this.#sectors} linear ${device.number} 0`, { isOwn: true, readOnly: true })
    await mapper.resume(name)
  }

  #forget(snapshot: Snapshot): void {
    this.#snapshots.splice(this.#snapshots.indexOf(snapshot), 1)
  }

  /** The image's own table moves to a device below this one. */
  async #makeReal(): Promise<MappedDevice> {
    if (this.#real !== undefined) return this.#real
    const { mapper, readOnly } = this.#parts
    this.#real = await mapper.createHeld(`${this.deviceName}-real`, this.#plainLine, { readOnly })
    return this.#real
  }

  async #dropRealIfUnused(): Promise<void> {
    if (this.#real === undefined || this.#real.usedCount > 0) return
    const real = this.#real
    this.#real = undefined
    await this.#parts.mapper.takeDown([real])
  }

  #load(line: string): Promise<void> {
    return this.#parts.mapper.load(this.deviceName, line, { isOwn: true, readOnly: this.readOnly })
  }

  async #suspended(act: () => Promise<void>): Promise<void> {
    const { mapper } = this.#parts
    await mapper.suspend(this.deviceName)
    try {
      await act()
    } finally {
      await mapper.resume(this.deviceName)
    }
  }

  /** Closes a file if nothing else uses it; `undo` takes back what opening it did to the file system. */
  #letGo(device: PhysicalDevice, undo: boolean): void {
    device.holds--
    if (undo) device.source.remove()
    this.#parts.mapper.physical.closeIfUnused(device)
  }

  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(act)
    this.#changes = result.catch(() => {})
    return result
  }

  #makeDurable(): unknown {
    const files = [this.readOnly ? undefined : this.#parts.image, ...this.#snapshots.map(({ parts }) => parts.cow)]
    for (const device of files) {
      const errno = device?.file.barrier() ?? 0
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

  #remembered(without?: Snapshot): RememberedSnapshot[] {
    return this.#snapshots
      .filter((each) => each !== without)
      .flatMap((each) => {
        const entries = this.#asRemembered(each.parts, each.instance)
        if (this.#merging?.snapshot !== each) return entries
        const merging = this.#merging.isStopped ? 'stopped' : 'running'
        return entries.map((entry) => ({ ...entry, merging }))
      })
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
  }
}

function busyMerging(origin: string, { snapshot }: Merging, what: string): CowringError {
  const text = `${snapshot.name} is being merged into ${origin}; wait until that is done before ${what}`
  return new CowringError('DEVICE_BUSY', text, { device: origin, snapshot: snapshot.name })
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
