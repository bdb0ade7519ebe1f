/**
 * The mapper: devices made of tables, with the words and rules of dmsetup. One change at a time; requests go on beside it,
 * but those that a change concerns wait until it is made.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { faultErrno } from '../targets/table-fault.js'
import { targetTypes } from '../targets/target-types.js'
import { conciseOf, parseConcise } from './concise.js'
import { DeviceLife, type OwnLoadOptions } from './device-life.js'
import { DeviceList } from './device-list.js'
import { DeviceVolume } from './device-volume.js'
import { MappedDevice } from './mapped-device.js'
import { MapperEvents } from './mapper-events.js'
import { MapperMerges } from './mapper-merges.js'
import type {
  CreateOptions,
  DeviceInfo,
  DeviceNumber,
  LoadOptions,
  MapperEvent,
  MapperOptions,
  RemoveDeviceOptions,
  StoreUsage,
  SuspendOptions,
  TargetVersion,
} from './mapper-types.js'
import type { Merge, MergeOptions, MergeUnderWay } from './merge.js'
import { type MergePair, startMerge } from './merge-swap.js'
import { PhysicalDevice, PhysicalDevices } from './physical-devices.js'
import { busy, type Ioctl, invalid, refusal } from './refusal.js'
import { Stack } from './stack.js'
import type { StoreInstance } from './store-instance.js'
import { waitForEvent } from './wait-for-event.js'

const retryEveryMs = 100
const retriesMax = 25

export class Mapper {
  readonly #machinery: Machinery
  readonly #devices = new DeviceList()
  readonly #events: MapperEvents
  readonly #life: DeviceLife
  readonly physical: PhysicalDevices
  readonly #merges: MapperMerges
  #changes: Promise<unknown> = Promise.resolve()
  #ended = false

  /** Made by the engine. */
  constructor(machinery: Machinery, options: MapperOptions = {}) {
    this.#machinery = machinery
    this.physical = new PhysicalDevices(machinery.backend, machinery.arena)
    const stack = new Stack(machinery)
    this.#events = new MapperEvents(machinery, stack, this.#devices, options)
    const { physical } = this
    this.#life = new DeviceLife({ machinery, devices: this.#devices, stack, physical, events: this.#events })
    this.#merges = new MapperMerges(this.#life, this.#devices, (act) => this.#change(act))
  }

  /**
   * Creates a device; with a table it is loaded and resumed, and if that fails there is no device. Without one it has no size
   * until a table is loaded and resumed.
   *
   * `table` is one line per target, `START LENGTH TYPE ARGUMENT...` in sectors of 512 bytes. Devices are named by path, by
   * `/dev/mapper/NAME`, by NAME or by `major:minor`; a snapshot's store is read, or made, now. Fails with INVALID_ARGUMENT,
   * DEVICE_BUSY (name, UUID or minor in use), TABLE_INVALID. Source: dmsetup(8), `create`.
   */
  create(name: string, table?: string, options: CreateOptions = {}): Promise<DeviceInfo> {
    return this.#change(async () => (await this.#life.create(name, table, options)).info())
  }

  /**
   * Parses a table, opens what it names and puts it into the inactive slot; the next `resume` makes it the live one. What was
   * in the slot is gone, also when this fails. Fails with DEVICE_MISSING, TABLE_INVALID; DEVICE_BUSY for what `engine.open` or
   * `origin.snapshot` made. Source: dmsetup(8), `load`.
   */
  load(name: string, table: string, options: OwnLoadOptions = {}): Promise<void> {
    return this.#change(async () => {
      const device = this.#device(name, 'reload')
      if (options.isOwn !== true) refuseHeld(device, 'reload')
      await this.#life.load(device, table, options)
    })
  }

  /** Drops the inactive table. Fails with DEVICE_MISSING. Source: dmsetup(8), `clear`. */
  clear(name: string): Promise<void> {
    return this.#change(() => this.#life.clear(this.#device(name, 'clear')))
  }

  /**
   * Stops the device: resolves when no request is in flight on it, nor on any device above it. Requests that arrive meanwhile
   * wait and are not lost. A suspended snapshot still receives the copies of its origin's writes. Fails with DEVICE_MISSING.
   * Source: dmsetup(8), `suspend`.
   */
  suspend(name: string, options: SuspendOptions = {}): Promise<void> {
    return this.#change(() => this.#life.suspend(this.#device(name, 'suspend'), options.noFlush ?? false))
  }

  /**
   * Makes an inactive table the live one, if there is one, and lets requests go on. A snapshot that waits for a handover takes
   * the other's exceptions over; if it may not yet, this fails, and the device stays suspended with its new table.
   * Fails with DEVICE_MISSING, INVALID_ARGUMENT. Source: dmsetup(8), `resume`.
   */
  resume(name: string): Promise<void> {
    return this.#change(() => this.#life.resume(this.#device(name, 'resume')))
  }

  /** Gives a device another name, which must be free. Fails with DEVICE_MISSING, DEVICE_BUSY, INVALID_ARGUMENT. */
  rename(name: string, newName: string): Promise<void> {
    return this.#change(async () => {
      const device = this.#device(name, 'rename')
      this.#devices.rename(device, newName)
      this.#events.count(device, { kind: 'renamed', from: name })
    })
  }

  /** Gives a device a UUID; it can be set once. Fails with DEVICE_MISSING, DEVICE_BUSY, INVALID_ARGUMENT. */
  setUuid(name: string, uuid: string): Promise<void> {
    return this.#change(async () => {
      const device = this.#device(name, 'rename')
      if (device.uuid !== undefined) throw invalid('rename', name, `its UUID is ${device.uuid} and cannot change`)
      this.#devices.refuseUuid(uuid, 'rename', name)
      device.uuid = uuid
    })
  }

  /**
   * Removes a device that nobody has open; its COWs keep their stores. Fails with DEVICE_MISSING, DEVICE_BUSY.
   * Source: dmsetup(8), `remove`.
   */
  async remove(name: string, options: RemoveDeviceOptions = {}): Promise<void> {
    if (options.force === true) {
      await this.#change(async () => {
        const device = this.#device(name, 'remove')
        refuseHeld(device, 'remove')
        await this.#life.fail(device)
      })
    }
    for (let retries = options.retry === true ? retriesMax : 0; ; retries--) {
      const removed = await this.#change(async () => {
        const device = this.#device(name, 'remove')
        if (device.openCount === 0) {
          await this.#life.dismantle(device)
          return true
        }
        if (options.deferred === true) this.#life.defer(device)
        else if (retries <= 0) throw busy('remove', name, `it is open (${device.openCount})`)
        return options.deferred === true
      })
      if (removed) return
      await sleep(retryEveryMs)
    }
  }

  /** Removes every device that is not open, those above first; open ones stay. */
  removeAll(options: RemoveDeviceOptions = {}): Promise<void> {
    return this.#change(async () => {
      for (let progress = true; progress; ) {
        progress = false
        for (const device of [...this.#devices]) {
          if (options.force === true && device.openCount > 0 && device.holds === 0) await this.#life.fail(device)
          if (device.openCount > 0) {
            if (options.deferred === true) this.#life.defer(device)
            continue
          }
          await this.#life.dismantle(device)
          progress = true
        }
      }
    })
  }

  /**
   * Resolves with the event number when it is not `eventNumber` (0 by default), or when something happens to the device
   * meanwhile: see MapperEvent. Fails with DEVICE_MISSING, and with the signal's reason when that is aborted.
   */
  async wait(name: string, eventNumber = 0, options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    return waitForEvent(this.#device(name, 'wait'), eventNumber, options.signal)
  }

  /**
   * Merges a snapshot into its origin: the device of the snapshot-origin gets a snapshot-merge, and when that is done a
   * snapshot-origin again; the snapshot's device has errors meanwhile, and is removed if nobody has it open. Named again, or by
   * the origin's device, it is the merge under way: it gets these limits, and goes on if it was paused, cancelled, or failed. A merge
   * whose table somebody loaded can be steered so as well, and its table stays. Resolves when the merge has begun.
   * Fails with DEVICE_MISSING, DEVICE_BUSY, INVALID_ARGUMENT, IO_ERROR. Source: lvconvert(8), `--merge`.
   */
  merge(name: string, options: MergeOptions = {}): Promise<Merge> {
    return this.#change(async () => {
      return this.#merges.merge(this.#device(name, 'merge'), options, (held) => refuseHeld(held, 'merge'))
    })
  }

  /**
   * The merge that a device's table, or that of a snapshot, is about, and touches nothing of it: one that is running, paused,
   * cancelled, failed, or done with its table still there; `undefined` without one. Fails with DEVICE_MISSING.
   */
  merging(name: string): MergeUnderWay | undefined {
    return this.#merges.underWay(this.#device(name, 'merge'))
  }

  /** Sends a target a message. `@cancel_deferred_remove` is known; no target takes any. Fails with DEVICE_MISSING, INVALID_ARGUMENT. */
  message(name: string, sector: number, text: string): Promise<string | undefined> {
    return this.#change(async () => {
      const device = this.#device(name, 'message')
      if (text.trim() === '@cancel_deferred_remove') {
        device.deferredRemove = false
        return undefined
      }
      if (device.live === undefined) throw invalid('message', name, 'it has no table')
      const target = device.live.targets.find(({ length, start }) => start <= sector && sector < start + length)
      if (target === undefined) throw invalid('message', name, `sector ${sector} is past its end`)
      const log = ['device-mapper: ioctl: Target type does not support messages']
      const reason = `target ${target.type} takes no messages`
      throw refusal({ ioctl: 'message', device: name, errno: faultErrno.EINVAL, reason, log })
    })
  }

  /** The live (or inactive) table: lines joined by '\n', '' without one. Fails with DEVICE_MISSING. */
  table(name: string, options: { readonly inactive?: boolean } = {}): string {
    const device = this.#device(name, 'table')
    return (options.inactive === true ? device.inactive : device.live)?.tableText() ?? ''
  }

  /** The live table's status, a line for each target. Exact when no write is in flight. Fails with DEVICE_MISSING. */
  status(name: string): string {
    return this.#device(name, 'status').live?.statusText() ?? ''
  }

  /**
   * How full the store of a snapshot's or a merge's device is, and whether it is still good; `undefined` for a device without a
   * store in its live table. As current as `status`. Fails with DEVICE_MISSING.
   */
  usage(name: string): StoreUsage | undefined {
    const [instance] = this.#device(name, 'status').live?.instances ?? []
    if (instance === undefined) return undefined
    const usage = instance.usage()
    if (!instance.plan.merges) return { ...usage, target: 'snapshot' }
    return { ...usage, target: 'snapshot-merge', state: usage.state === 'Valid' ? 'merging' : usage.state }
  }

  /** Fails with DEVICE_MISSING. */
  info(name: string): DeviceInfo {
    return this.#device(name, 'info').info()
  }

  /** The devices that the live (or inactive) table uses. Fails with DEVICE_MISSING. */
  deps(name: string, options: { readonly inactive?: boolean } = {}): readonly DeviceNumber[] {
    const device = this.#device(name, 'deps')
    const table = options.inactive === true ? device.inactive : device.live
    return (table?.devices ?? []).map((below) => ({
      major: below.major,
      minor: below.minor,
      name: below instanceof MappedDevice ? below.name : undefined,
      path: below instanceof PhysicalDevice ? below.path : undefined,
    }))
  }

  /** Every device, ordered by name. */
  list(): readonly DeviceInfo[] {
    return this.#devices.byName().map((device) => device.info())
  }

  /** The target types there are. */
  targets(): readonly TargetVersion[] {
    return Object.entries(targetTypes).map(([name, { version }]) => ({ name, version }))
  }

  /** One device, or all, as `createConcise` takes them back. Files appear as paths. Fails with DEVICE_MISSING. */
  concise(name?: string): string {
    const devices = name === undefined ? this.#devices.byName() : [this.#device(name, 'table')]
    return conciseOf(devices)
  }

  /**
   * Creates every device of a concise text, in its order; if one fails, the others it made are removed again.
   * Fails as `create` does.
   */
  async createConcise(text: string, options: LoadOptions = {}): Promise<readonly DeviceInfo[]> {
    const made: DeviceInfo[] = []
    try {
      for (const { minor, name, readOnly, table, uuid } of parseConcise(text)) {
        const given = { ...(uuid === undefined ? {} : { uuid }), ...(minor === undefined ? {} : { minor }) }
        made.push(
          await this.create(name, table, { ...options, ...given, readOnly: readOnly || options.readOnly === true }),
        )
      }
      return made
    } catch (error) {
      for (const { name } of made.reverse()) await this.remove(name)
      throw error
    }
  }

  /** Opens a device: a volume with its present and later tables. Close it, or the device cannot be removed. Fails with DEVICE_MISSING. */
  open(name: string, options: { readonly readOnly?: boolean } = {}): Promise<DeviceVolume> {
    return this.#change(async () => {
      const device = this.#device(name, 'info')
      const volume = new DeviceVolume({
        machinery: this.#machinery,
        device,
        readOnly: options.readOnly ?? false,
        onClose: (closed) => this.#change(() => this.#life.closed(closed)),
      })
      await this.#life.opened(device)
      device.volumes.add(volume)
      return volume
    })
  }

  /** Calls `listener` for everything that happens to devices; call what is returned to stop. */
  on(_event: 'event', listener: (event: MapperEvent) => void): () => void {
    return this.#events.listen(listener)
  }

  /** Shuts every volume, and removes every device that the engine's own API does not hold: the engine closes. */
  close(): Promise<void> {
    return this.#change(() => this.#life.removeUnless(({ holds }) => holds > 0))
  }

  /** Removes what is left, lets go of every file, and refuses whatever is asked from then on. */
  end(): Promise<void> {
    return this.#change(async () => {
      try {
        await this.#life.removeUnless(() => false)
      } finally {
        this.#ended = true
        this.physical.closeAll()
      }
    })
  }

  // ── for the engine's own API ────────────────────────────────────────────────────────────────────────────────────────

  /** Creates a device called `wanted`, or like it if that is taken, and keeps it open for the engine's own API until `takeDown`. */
  createHeld(wanted: string, table: string | undefined, options: CreateOptions = {}): Promise<MappedDevice> {
    return this.#change(async () => {
      const device = await this.#life.create(this.#devices.freeName(wanted), table, { ...options, isOwn: true })
      try {
        await this.#life.opened(device)
      } catch (error) {
        await this.#life.dismantle(device)
        throw error
      }
      device.holds++
      return device
    })
  }

  /** Removes devices that the engine's own API holds, in this order. Fails with DEVICE_BUSY if somebody else uses any. */
  takeDown(devices: readonly MappedDevice[]): Promise<void> {
    return this.#change(async () => {
      for (const { name, users, volumes } of devices) {
        const user = [...users].find((other) => !devices.includes(other))
        if (user !== undefined) throw busy('remove', name, `${user.name} uses it`)
        if (volumes.size > 0) throw busy('remove', name, 'it is open')
      }
      for (const device of devices) await this.#life.dismantle(device)
    })
  }

  /** Lets go of a device that the engine's own API held: it is removed, at its last close if somebody else uses it. */
  giveUp(device: MappedDevice): Promise<void> {
    return this.#change(async () => {
      device.holds--
      this.#life.defer(device)
    })
  }

  /** Swaps a merge in whose pair the engine's own API holds; `beforeSwap` is called when nothing stands in its way any more. */
  startHeldMerge(pair: MergePair, merge: Merge, beforeSwap: () => void): Promise<void> {
    return this.#change(() => startMerge(this.#life, pair, { merge, meanwhile: 'origin', isOwn: true, beforeSwap }))
  }

  /** Lets a merge that the engine's own API holds go on after it was cancelled, or has failed. */
  goOnHeldMerge(instance: StoreInstance, merge: Merge): Promise<void> {
    return this.#change(() => this.#life.mergeOn(instance, merge))
  }

  #device(name: string, ioctl: Ioctl): MappedDevice {
    return this.#devices.find(name, ioctl)
  }

  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(async () => {
      if (this.#ended) throw new CowringError('ENGINE_CLOSED', 'the engine is closed; start another one')
      try {
        return await act()
      } finally {
        await this.#life.removeDeferred()
      }
    })
    this.#changes = result.catch(() => {})
    return result
  }
}

function refuseHeld({ holds, name }: MappedDevice, ioctl: Ioctl): void {
  if (holds > 0) throw busy(ioctl, name, 'it is an origin, or a snapshot, that the program has open')
}
