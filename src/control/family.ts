/**
 * A family: one origin device with the snapshots of it. Tables do not name each other; what links a snapshot-origin target to
 * its snapshots is the identity of the device below, as in the kernel's registry.
 */
import { sectorsToBytes } from '../base/units.js'
import { extentBytesMax } from '../wire/operation.js'
import { VolumeRoute } from '../wire/route.js'
import type { Device } from './device.js'
import type { MappedDevice } from './mapped-device.js'
import type { StoreInstance } from './store-instance.js'

export class Family {
  readonly device: Device
  /** The origin's volume at the workers. */
  readonly route: VolumeRoute
  /** The snapshots of loaded tables, live or not, in the order they were loaded. */
  readonly instances = new Set<StoreInstance>()
  /** Mapped devices with a live snapshot-origin target on the device. */
  readonly originOwners = new Set<MappedDevice>()
  /** Targets of any table that belong here. */
  targets = 0
  /** Level in a stack of volumes that write to each other; 0 outside of one. */
  nested = 0

  constructor(device: Device, volume: number) {
    this.device = device
    this.route = new VolumeRoute(volume)
  }

  get volume(): number {
    return this.route.volume
  }

  /** Snapshots that the workers know: every write to the origin is seen by them. */
  get active(): StoreInstance[] {
    return [...this.instances].filter(({ isAttached }) => isAttached)
  }

  /** True if the workers need its volume. */
  get isNeeded(): boolean {
    return this.originOwners.size > 0 || this.active.length > 0
  }

  /** Requests of one key go to one worker: they would only wait for each other on two. */
  routeByKey(worker: number): void {
    const active = this.active
    const keyBytes = Math.max(...active.map(({ chunkSectors }) => sectorsToBytes(chunkSectors)), 65536)
    // A cut never divides a chunk, which would not count as discarded whole.
    const discardBytes = Math.max(keyBytes, extentBytesMax)
    for (const { route } of [this, ...active]) {
      route.routeBytes = keyBytes
      route.discardBytes = discardBytes
      route.worker = worker
    }
  }
}
