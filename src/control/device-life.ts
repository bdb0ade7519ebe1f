/**
 * What happens in the life of a mapped device: made, loaded, suspended, resumed, taken apart. Each step leaves tables, stack and
 * workers in agreement, or fails and says what is left.
 *
 * Requires: one step at a time, which is the mapper's to see to.
 */
import type { CowringError } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { storeState } from '../shm/commit-cursor.js'
import { TableFault } from '../targets/table-fault.js'
import { type BuildOptions, buildTable, dropTable, type Surroundings } from './build-table.js'
import type { DeviceList } from './device-list.js'
import type { DeviceVolume } from './device-volume.js'
import { beforeResume, takeOver } from './handover.js'
import type { LoadedStore } from './load-store.js'
import { MappedDevice } from './mapped-device.js'
import type { MapperEvents } from './mapper-events.js'
import type { CreateOptions, LoadOptions } from './mapper-types.js'
import { Merge } from './merge.js'
import { MergeLoop } from './merge-loop.js'
import { readStore } from './open-instance.js'
import type { PhysicalDevices } from './physical-devices.js'
import { invalid, tableRefusal, withNumber } from './refusal.js'
import type { Stack } from './stack.js'
import type { InstancePlan, StoreInstance } from './store-instance.js'
import type { Table } from './table.js'

/** What the engine's own API asks of a load beside a table's words. */
export interface OwnLoadOptions extends LoadOptions {
  /**
   * Of a device that the engine's own API holds: nobody else may give it a table, which could bypass its snapshots; and only
   * such a table may write to files that the API holds.
   */
  readonly isOwn?: true
  readonly cowUse?: BuildOptions['cowUse']
  readonly onHeaderFailed?: () => void
  readonly merge?: Merge
}

export interface DeviceLifeParts {
  readonly machinery: Machinery
  readonly devices: DeviceList
  readonly stack: Stack
  readonly physical: PhysicalDevices
  readonly events: MapperEvents
}

export class DeviceLife {
  readonly #machinery: Machinery
  readonly #devices: DeviceList
  readonly #stack: Stack
  readonly #events: MapperEvents
  readonly #around: Surroundings
  /** Marked for removal at their last close. */
  readonly #deferred = new Set<MappedDevice>()

  constructor({ devices, events, machinery, physical, stack }: DeviceLifeParts) {
    this.#machinery = machinery
    this.#devices = devices
    this.#stack = stack
    this.#events = events
    this.#around = {
      stack,
      physical,
      named: (name) => devices.named(name),
      numbered: (minor) => devices.numbered(minor),
    }
  }

  /** Makes a device; with a table, loaded and resumed. What fails leaves none. */
  async create(
    name: string,
    table: string | undefined,
    options: CreateOptions & OwnLoadOptions,
  ): Promise<MappedDevice> {
    const minor = this.#devices.minorFor(name, options.minor, options.uuid)
    const device = new MappedDevice(name, minor, this.#machinery.client, this.#machinery.seats)
    device.uuid = options.uuid
    this.#devices.add(device)
    if (table === undefined) return device
    try {
      await this.load(device, table, options)
      await this.resume(device)
      return device
    } catch (error) {
      await this.dismantle(device)
      throw withNumber(error, device.number)
    }
  }

  /** Removes devices, open or not, those above first; a volume that is open on one is shut. */
  async removeUnless(isKept: (device: MappedDevice) => boolean): Promise<void> {
    for (const { volumes } of this.#devices) {
      for (const volume of volumes) volume.shut()
      volumes.clear()
    }
    for (let progress = true; progress; ) {
      progress = false
      for (const device of [...this.#devices]) {
        if (device.usedCount > 0 || isKept(device)) continue
        await this.dismantle(device)
        progress = true
      }
    }
  }

  /** Somebody will send it requests. */
  async opened(device: MappedDevice): Promise<void> {
    if (device.routeKey === '') await this.#stack.route(device)
  }

  /** A table into the inactive slot, whose old one is gone in any case. */
  async load(device: MappedDevice, text: string, options: OwnLoadOptions): Promise<void> {
    // First, as nothing else can be done about a COW that the old inactive table holds.
    await this.clear(device)
    device.inactive = await buildTable(device, text, this.#around, {
      readOnly: options.readOnly ?? false,
      folder: options.folder ?? process.cwd(),
      durability: options.durability ?? 'power-loss',
      cowUse: options.cowUse ?? 'take',
      isOwn: options.isOwn ?? false,
      ...(options.onHeaderFailed === undefined ? {} : { onHeaderFailed: options.onHeaderFailed }),
      ...(options.merge === undefined ? {} : { merge: options.merge }),
    })
  }

  /** Drops the inactive table. */
  async clear(device: MappedDevice): Promise<void> {
    const { inactive } = device
    device.inactive = undefined
    if (inactive !== undefined) await dropTable(device, inactive, this.#around)
  }

  /** Holds the device and all that reach it; resolves when they are drained, or with `noFlush` at once. */
  async suspend(device: MappedDevice, noFlush: boolean): Promise<void> {
    device.suspended = true
    const concerned = this.#stack.above([device])
    this.#stack.updateHolds(concerned)
    if (!noFlush) await Promise.all([...concerned].map(({ held }) => held))
  }

  /** The inactive table, if there is one, becomes the live one; requests go on. */
  async resume(device: MappedDevice): Promise<void> {
    const next = device.inactive
    if (next === undefined && !device.suspended) return
    if (next !== undefined && !device.suspended) await this.suspend(device, false)
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
    for (const instance of device.live?.instances ?? []) {
      if (instance.loop === undefined) this.startMerging(instance, instance.plan.merge ?? new Merge())
    }
    // A store may be fuller than its watermarks from the first moment on.
    this.#events.look()
  }

  /** Lets an instance that merges begin, or go on after it was cancelled; what only reads shows the content and merges nothing. */
  startMerging(instance: StoreInstance, merge: Merge): void {
    const { plan, store, windowMemory } = instance
    if (!plan.merges || store === undefined || windowMemory === undefined) return
    if (plan.owner.readOnly || instance.state() !== 'Valid') return
    const onEnd = (failure: CowringError | undefined): void => {
      if (failure === undefined) this.#events.tell(plan.owner, { kind: 'merged' })
      else this.#events.tell(plan.owner, { kind: 'merge-failed', reason: failure.message })
    }
    instance.loop = new MergeLoop(this.#machinery, instance, { merge, store, window: windowMemory, onEnd })
    void instance.loop.run()
  }

  /**
   * Lets a merge that was cancelled, or has failed, go on. After a failure its store is read again from its COW, because what is in
   * memory is not to be merged on; requests wait for the swap. Fails with TABLE_INVALID when it cannot be read, and then nothing
   * has changed.
   */
  async mergeOn(instance: StoreInstance, merge: Merge): Promise<void> {
    if (instance.mergeFailure !== undefined) await this.#reloadStore(instance)
    this.startMerging(instance, merge)
  }

  async #reloadStore(instance: StoreInstance): Promise<void> {
    const { plan } = instance
    const store = await this.#readAgain(plan)
    await this.#stack.quiesced(this.#stack.around([plan.family], [plan.owner]), async () => {
      await this.#stack.detach(instance)
      instance.loadAgain(store)
      await this.#stack.attach(instance)
    })
  }

  async #readAgain(plan: InstancePlan): Promise<LoadedStore> {
    try {
      const store = await readStore(this.#stack, plan, 'attach')
      if (store.cursor.state() === storeState.valid) return store
      throw new TableFault(`${plan.cow.name} holds a store that is invalid`)
    } catch (error) {
      throw error instanceof TableFault ? tableRefusal(error, plan.owner, 'snapshot-merge') : error
    }
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
  async fail(device: MappedDevice): Promise<void> {
    const sectors = device.live?.sectors ?? 0
    // What was only loaded must not come to life: it might take a snapshot's exceptions over.
    if (sectors === 0) return await this.clear(device)
    await this.load(device, `0 ${sectors} error`, {})
    await this.resume(device)
  }

  /** Removes a device that nobody uses: its tables are taken apart, what waits for it is refused. */
  async dismantle(device: MappedDevice): Promise<void> {
    const families = familiesOf(device.live)
    await this.clear(device)
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
    this.#devices.delete(device)
    // What waits for a suspended device to go on learns that it is gone.
    device.suspended = false
    this.#stack.updateHolds(concerned)
    this.#events.count(device, { kind: 'removed' })
  }

  /** A volume is closed; the last one takes the route with it, unless the engine's own API has the device open. */
  async closed(volume: DeviceVolume): Promise<void> {
    const { device } = volume
    if (!device.volumes.delete(volume) || device.volumes.size + device.holds > 0) return
    await this.#stack.quiesced([device], () => this.#stack.unroute(device))
  }

  /** Until nothing more can be removed: one that goes may have been the last that had another one open. */
  async removeDeferred(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false
      for (const device of [...this.#deferred]) {
        if (!device.deferredRemove) this.#deferred.delete(device)
        else if (device.openCount === 0) {
          await this.dismantle(device)
          progress = true
        }
      }
    }
  }

  /** It is to go at its last close. */
  defer(device: MappedDevice): void {
    device.deferredRemove = true
    this.#deferred.add(device)
  }
}

const familiesOf = (table: Table | undefined) => [
  ...(table?.families ?? []),
  ...(table?.instances ?? []).map(({ plan }) => plan.family),
]
