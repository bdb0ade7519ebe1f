/**
 * The mapper: devices made of tables, with the words and rules of dmsetup. One change at a time; requests go on beside it,
 * but those that a change concerns wait until it is made.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { faultErrno } from '../targets/table-fault.js'
import { targetTypes } from '../targets/target-types.js'
import { type BuildOptions, buildTable, dropTable, type Surroundings } from './build-table.js'
import { conciseOf, parseConcise } from './concise.js'
import { DeviceVolume } from './device-volume.js'
import { beforeResume, takeOver } from './handover.js'
import { MappedDevice } from './mapped-device.js'
import { checkName, checkUuid, deviceNameFrom, minorMax } from './mapped-names.js'
import { MapperEvents } from './mapper-events.js'
import type {
  CreateOptions,
  DeviceInfo,
  DeviceNumber,
  LoadOptions,
  MapperEvent,
  MapperOptions,
  RemoveDeviceOptions,
  SuspendOptions,
  TargetVersion,
} from './mapper-types.js'
import { PhysicalDevice, PhysicalDevices } from './physical-devices.js'
import { type Ioctl, refusal, withNumber } from './refusal.js'
import { Stack } from './stack.js'
import type { Table } from './table.js'
import { waitForEvent } from './wait-for-event.js'

/** What the engine's own API asks of a load beside a table's words. */
export interface OwnLoadOptions extends LoadOptions {
  /**
   * Of a device that the engine's own API holds: nobody else may give it a table, which could bypass its snapshots; and only
   * such a table may write to files that the API holds.
   */
  readonly isOwn?: true
  readonly cowUse?: BuildOptions['cowUse']
  readonly onHeaderFailed?: () => void
}

const retryEveryMs = 100
const retriesMax = 25

export class Mapper {
  readonly #machinery: Machinery
  readonly #devices = new Map<string, MappedDevice>()
  readonly #byMinor = new Map<number, MappedDevice>()
  /** Every minor below this is taken. */
  #minorsTakenBelow = 0
  /** Marked for removal at their last close. */
  readonly #deferred = new Set<MappedDevice>()
  readonly #events: MapperEvents
  readonly #stack: Stack
  readonly #around: Surroundings
  readonly physical: PhysicalDevices
  #changes: Promise<unknown> = Promise.resolve()
  #ended = false

  /** Made by the engine. */
  constructor(machinery: Machinery, options: MapperOptions = {}) {
    this.#machinery = machinery
    this.physical = new PhysicalDevices(machinery.backend, machinery.arena)
    this.#stack = new Stack(machinery)
    this.#events = new MapperEvents(machinery, this.#stack, () => this.#devices.values(), options)
    this.#around = {
      stack: this.#stack,
      physical: this.physical,
      named: (name) => this.#devices.get(name),
      numbered: (minor) => this.#byMinor.get(minor),
    }
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
    return this.#change(async () => (await this.#create(name, table, options)).info())
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
      await this.#load(device, table, options)
    })
  }

  /** Drops the inactive table. Fails with DEVICE_MISSING. Source: dmsetup(8), `clear`. */
  clear(name: string): Promise<void> {
    return this.#change(() => this.#clear(this.#device(name, 'clear')))
  }

  /**
   * Stops the device: resolves when no request is in flight on it, nor on any device above it. Requests that arrive meanwhile
   * wait and are not lost. A suspended snapshot still receives the copies of its origin's writes. Fails with DEVICE_MISSING.
   * Source: dmsetup(8), `suspend`.
   */
  suspend(name: string, options: SuspendOptions = {}): Promise<void> {
    return this.#change(() => this.#suspend(this.#device(name, 'suspend'), options.noFlush ?? false))
  }

  /**
   * Makes an inactive table the live one, if there is one, and lets requests go on. A snapshot that waits for a handover takes
   * the other's exceptions over; if it may not yet, this fails, and the device stays suspended with its new table.
   * Fails with DEVICE_MISSING, INVALID_ARGUMENT. Source: dmsetup(8), `resume`.
   */
  resume(name: string): Promise<void> {
    return this.#change(() => this.#resume(this.#device(name, 'resume')))
  }

  /** Gives a device another name, which must be free. Fails with DEVICE_MISSING, DEVICE_BUSY, INVALID_ARGUMENT. */
  rename(name: string, newName: string): Promise<void> {
    return this.#change(async () => {
      const device = this.#device(name, 'rename')
      checkName(newName, 'rename')
      if (this.#devices.has(newName)) throw busy('rename', newName, 'the name is in use')
      this.#devices.delete(name)
      device.name = newName
      this.#devices.set(newName, device)
      this.#events.count(device, { kind: 'renamed', from: name })
    })
  }

  /** Gives a device a UUID; it can be set once. Fails with DEVICE_MISSING, DEVICE_BUSY, INVALID_ARGUMENT. */
  setUuid(name: string, uuid: string): Promise<void> {
    return this.#change(async () => {
      const device = this.#device(name, 'rename')
      if (device.uuid !== undefined) throw invalid('rename', name, `its UUID is ${device.uuid} and cannot change`)
      this.#refuseUuid(uuid, 'rename', name)
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
        await this.#fail(device)
      })
    }
    for (let retries = options.retry === true ? retriesMax : 0; ; retries--) {
      const removed = await this.#change(async () => {
        const device = this.#device(name, 'remove')
        if (device.openCount === 0) {
          await this.#dismantle(device)
          return true
        }
        if (options.deferred === true) this.#defer(device)
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
        for (const device of [...this.#devices.values()]) {
          if (options.force === true && device.openCount > 0 && device.holds === 0) await this.#fail(device)
          if (device.openCount > 0) {
            if (options.deferred === true) this.#defer(device)
            continue
          }
          await this.#dismantle(device)
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
    return this.#sorted().map((device) => device.info())
  }

  /** The target types there are. */
  targets(): readonly TargetVersion[] {
    return Object.entries(targetTypes).map(([name, { version }]) => ({ name, version }))
  }

  /** One device, or all, as `createConcise` takes them back. Files appear as paths. Fails with DEVICE_MISSING. */
  concise(name?: string): string {
    const devices = name === undefined ? this.#sorted() : [this.#device(name, 'table')]
    return conciseOf(devices)
  }

  /**
   * Creates every device of a concise text, those below first; if one fails, the others it made are removed again.
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
        client: this.#machinery.client,
        arena: this.#machinery.arena.buffer,
        device,
        readOnly: options.readOnly ?? false,
        onClose: (closed) => this.#closed(closed),
      })
      await this.#opened(device)
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
    return this.#change(() => this.#removeUnless(({ holds }) => holds > 0))
  }

  /** Removes what is left, lets go of every file, and refuses whatever is asked from then on. */
  end(): Promise<void> {
    return this.#change(async () => {
      try {
        await this.#removeUnless(() => false)
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
      const device = await this.#create(this.#freeName(wanted), table, { ...options, isOwn: true })
      try {
        await this.#opened(device)
      } catch (error) {
        await this.#dismantle(device)
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
      for (const device of devices) await this.#dismantle(device)
    })
  }

  // ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #create(
    name: string,
    table: string | undefined,
    options: CreateOptions & OwnLoadOptions,
  ): Promise<MappedDevice> {
    const device = this.#make(name, options)
    if (table === undefined) return device
    try {
      await this.#load(device, table, options)
      await this.#resume(device)
      return device
    } catch (error) {
      await this.#dismantle(device)
      throw withNumber(error, device.number)
    }
  }

  #freeName(wanted: string): string {
    const plain = deviceNameFrom(wanted)
    let name = plain
    for (let number = 2; this.#devices.has(name); number++) name = `${plain}-${number}`
    return name
  }

  /** Removes devices, open or not, those above first; a volume that is open on one is shut. */
  async #removeUnless(isKept: (device: MappedDevice) => boolean): Promise<void> {
    for (const { volumes } of this.#devices.values()) {
      for (const volume of volumes) volume.shut()
      volumes.clear()
    }
    for (let progress = true; progress; ) {
      progress = false
      for (const device of [...this.#devices.values()]) {
        if (device.usedCount > 0 || isKept(device)) continue
        await this.#dismantle(device)
        progress = true
      }
    }
  }

  async #opened(device: MappedDevice): Promise<void> {
    if (device.routeKey === '') await this.#stack.route(device)
  }

  #make(name: string, { minor, uuid }: CreateOptions): MappedDevice {
    checkName(name, 'create')
    if (this.#devices.has(name)) throw busy('create', name, 'the name is in use')
    if (uuid !== undefined) this.#refuseUuid(uuid, 'create', name)
    const taken = minor ?? this.#lowestFreeMinor()
    if (!Number.isInteger(taken) || taken < 0 || taken > minorMax) {
      throw invalid('create', name, `minor ${taken} is not a whole number from 0 to ${minorMax}`)
    }
    if (this.#byMinor.has(taken)) throw busy('create', name, `minor ${taken} is in use`)
    const device = new MappedDevice(name, taken, this.#machinery.client)
    device.uuid = uuid
    this.#devices.set(name, device)
    this.#byMinor.set(taken, device)
    return device
  }

  async #load(device: MappedDevice, text: string, options: OwnLoadOptions): Promise<void> {
    // First, as nothing else can be done about a COW that the old inactive table holds.
    await this.#clear(device)
    device.inactive = await buildTable(device, text, this.#around, {
      readOnly: options.readOnly ?? false,
      folder: options.folder ?? process.cwd(),
      durability: options.durability ?? 'power-loss',
      cowUse: options.cowUse ?? 'take',
      isOwn: options.isOwn ?? false,
      ...(options.onHeaderFailed === undefined ? {} : { onHeaderFailed: options.onHeaderFailed }),
    })
  }

  async #clear(device: MappedDevice): Promise<void> {
    const { inactive } = device
    device.inactive = undefined
    if (inactive !== undefined) await dropTable(device, inactive, this.#around)
  }

  async #suspend(device: MappedDevice, noFlush: boolean): Promise<void> {
    device.suspended = true
    const concerned = this.#stack.above([device])
    this.#stack.updateHolds(concerned)
    if (!noFlush) await Promise.all([...concerned].map(({ held }) => held))
  }

  async #resume(device: MappedDevice): Promise<void> {
    const next = device.inactive
    if (next === undefined && !device.suspended) return
    if (next !== undefined && !device.suspended) await this.#suspend(device, false)
    // Before the swap, too: an origin may be held because of a COW that is suspended and is not its snapshot's any more.
    const concerned = this.#concerned(device)
    try {
      if (next !== undefined) await this.#swap(device, next)
      else if (device.live === undefined) throw invalid('resume', device.name, 'it has no table; load one')
      else await this.#activate(device, device.live)
      device.suspended = false
    } finally {
      this.#stack.updateHolds([...concerned, ...this.#stack.above([device])])
    }
    if (next !== undefined) this.#events.tell(device, { kind: 'table' })
    // A store may be fuller than its watermarks from the first moment on.
    this.#events.look()
  }

  /** The inactive table becomes the live one, whatever comes of its activation; the old one is taken apart. */
  async #swap(device: MappedDevice, next: Table): Promise<void> {
    const last = device.live
    const families = [last, next].flatMap((table) => familiesOf(table))
    await this.#stack.quiesced(this.#concerned(device), async () => {
      device.inactive = undefined
      device.live = next
      for (const below of last?.devices ?? []) below.uppers.delete(device)
      for (const below of next.devices) below.uppers.add(device)
      for (const family of last?.families ?? []) family.originOwners.delete(device)
      for (const family of next.families) family.originOwners.add(device)
      try {
        await this.#activateDrained(device, next)
      } finally {
        if (last !== undefined) {
          await dropTable(device, last, this.#around)
          await this.#stack.dropUnneeded(families)
        }
        await this.#stack.refresh()
      }
    })
  }

  #activate(device: MappedDevice, table: Table): Promise<void> {
    return this.#stack.quiesced(this.#concerned(device), () => this.#activateDrained(device, table))
  }

  /** Whoever has to do with a device, by its live table or by the one that will be. */
  #concerned(device: MappedDevice): Set<MappedDevice> {
    return this.#stack.around([device.live, device.inactive].flatMap(familiesOf), [device])
  }

  async #activateDrained(device: MappedDevice, { instances }: Table): Promise<void> {
    for (const instance of instances) beforeResume(device, instance)
    for (const instance of instances) await takeOver(this.#stack, instance)
    await this.#stack.refresh()
  }

  /** Swaps an error table in, so that nobody waits for the device any more. */
  async #fail(device: MappedDevice): Promise<void> {
    const sectors = device.live?.sectors ?? 0
    // What was only loaded must not come to life: it might take a snapshot's exceptions over.
    if (sectors === 0) return await this.#clear(device)
    await this.#load(device, `0 ${sectors} error`, {})
    await this.#resume(device)
  }

  async #dismantle(device: MappedDevice): Promise<void> {
    const families = familiesOf(device.live)
    await this.#clear(device)
    const concerned = this.#concerned(device)
    await this.#stack.quiesced(concerned, async () => {
      const { live } = device
      for (const below of live?.devices ?? []) below.uppers.delete(device)
      for (const family of live?.families ?? []) family.originOwners.delete(device)
      device.live = undefined
      if (live !== undefined) await dropTable(device, live, this.#around)
      await this.#stack.unroute(device)
      await this.#stack.dropUnneeded(families)
      if (families.length > 0) await this.#stack.refresh()
    })
    this.#deferred.delete(device)
    this.#devices.delete(device.name)
    this.#byMinor.delete(device.minor)
    this.#minorsTakenBelow = Math.min(this.#minorsTakenBelow, device.minor)
    this.#deferred.delete(device)
    // What waits for a suspended device to go on learns that it is gone.
    device.suspended = false
    this.#stack.updateHolds(concerned)
    this.#events.count(device, { kind: 'removed' })
  }

  async #closed(volume: DeviceVolume): Promise<void> {
    await this.#change(async () => {
      const { device } = volume
      if (!device.volumes.delete(volume) || device.volumes.size > 0) return
      await this.#stack.quiesced([device], () => this.#stack.unroute(device))
    })
  }

  /** Until nothing more can be removed: one that goes may have been the last that had another one open. */
  async #removeDeferred(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false
      for (const device of [...this.#deferred]) {
        if (!device.deferredRemove) this.#deferred.delete(device)
        else if (device.openCount === 0) {
          await this.#dismantle(device)
          progress = true
        }
      }
    }
  }

  #defer(device: MappedDevice): void {
    device.deferredRemove = true
    this.#deferred.add(device)
  }

  #lowestFreeMinor(): number {
    while (this.#byMinor.has(this.#minorsTakenBelow)) this.#minorsTakenBelow++
    return this.#minorsTakenBelow
  }

  #refuseUuid(uuid: string, ioctl: Ioctl, name: string): void {
    checkUuid(uuid, ioctl, name)
    const other = [...this.#devices.values()].find((device) => device.uuid === uuid)
    if (other !== undefined) throw busy(ioctl, name, `the UUID ${uuid} is ${other.name}'s`)
  }

  #device(name: string, ioctl: Ioctl): MappedDevice {
    const device = this.#devices.get(name)
    if (device !== undefined) return device
    const reason = 'there is no such device'
    throw refusal({ ioctl, device: name, errno: faultErrno.ENXIO, reason, advice: 'list() names those there are' })
  }

  #sorted(): MappedDevice[] {
    return [...this.#devices.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(async () => {
      if (this.#ended) throw new CowringError('ENGINE_CLOSED', 'the engine is closed; start another one')
      try {
        return await act()
      } finally {
        await this.#removeDeferred()
      }
    })
    this.#changes = result.catch(() => {})
    return result
  }
}

const familiesOf = (table: Table | undefined) => [
  ...(table?.families ?? []),
  ...(table?.instances ?? []).map(({ plan }) => plan.family),
]

const busy = (ioctl: Ioctl, device: string, reason: string): CowringError =>
  refusal({ ioctl, device, errno: faultErrno.EBUSY, reason })

function refuseHeld({ holds, name }: MappedDevice, ioctl: Ioctl): void {
  if (holds > 0) throw busy(ioctl, name, 'it is an origin, or a snapshot, that the program has open')
}

const invalid = (ioctl: Ioctl, device: string, reason: string): CowringError =>
  refusal({ ioctl, device, errno: faultErrno.EINVAL, reason })
