/** A mapped device: a name, a minor, a live and an inactive table, and what is open on it. */
import { type Status, statusNumbers } from '../base/errors.js'
import { sectorBytes, sectorsToBytes } from '../base/units.js'
import type { Client } from '../coordinator/client.js'
import { Gate } from '../coordinator/gate.js'
import type { PlaceFacts } from '../coordinator/in-place.js'
import type { Machinery } from '../coordinator/machinery.js'
import type { Seats } from '../coordinator/seats.js'
import type { Transfer } from '../coordinator/transfer.js'
import type { VolumeState } from '../coordinator/volume.js'
import type { BlockFileDescriptor } from '../io/block-file.js'
import { changesBytes } from '../wire/operation.js'
import { MapRoute, type Route } from '../wire/route.js'
import { Device } from './device.js'
import type { DeviceVolume } from './device-volume.js'
import type { DeviceInfo } from './mapper-types.js'
import { mappedMajor } from './physical-devices.js'
import type { Table } from './table.js'

/** The route of a device that has not been opened yet. */
const nowhere = new MapRoute([])

export class MappedDevice extends Device {
  readonly major = mappedMajor
  readonly minor: number
  name: string
  uuid: string | undefined
  live: Table | undefined
  inactive: Table | undefined
  suspended = false
  deferredRemove = false
  eventNumber = 0
  readonly volumes = new Set<DeviceVolume>()
  /** In front of everything that is done through its volumes. */
  readonly gate: Gate<Transfer>
  /** Set while its gate is held because it, or something below it, is suspended: resolves when it is drained. */
  held: Promise<void> | undefined
  /** Held open by the engine's own API, as an origin or a snapshot. */
  holds = 0
  /** What its open volumes see. The route is stale when nobody has it open: its volumes answer that they are closed. */
  readonly state: VolumeState = { route: nowhere, sizeBytes: 0, readOnly: false, bufferAlignment: sectorBytes }
  /** What the route was made of; empty when it is stale. */
  routeKey = ''
  readonly waiters = new Set<() => void>()
  readonly #seats: Seats
  /** By which threads that do requests in place know it; `undefined` while none has asked. */
  #number: number | undefined

  constructor(name: string, minor: number, client: Pick<Client, 'begin' | 'refuse'>, seats: Seats) {
    super()
    this.#seats = seats
    this.name = name
    this.minor = minor
    this.gate = new Gate<Transfer>(
      (transfer) => client.begin(transfer),
      (transfer) => {
        const refused = this.#refusal(transfer)
        if (refused === statusNumbers.OK) client.begin(transfer)
        else client.refuse(transfer, refused)
      },
    )
  }

  get kernelName(): string {
    return `dm-${this.minor}`
  }

  get writable(): boolean {
    return !this.readOnly
  }

  get readOnly(): boolean {
    return this.live?.readOnly ?? false
  }

  get openCount(): number {
    return this.volumes.size + this.holds + this.usedCount
  }

  sizeBytes(): number {
    return sectorsToBytes(this.live?.sectors ?? 0)
  }

  blockSectors(): number {
    return Math.max(1, ...(this.live?.devices ?? []).map((device) => device.blockSectors()))
  }

  descriptor(): BlockFileDescriptor {
    return this.live?.descriptor() ?? { kind: 'map', sizeBytes: 0, parts: [] }
  }

  info(): DeviceInfo {
    const { deferredRemove, eventNumber, major, minor, name, openCount, readOnly, suspended, uuid } = this
    return {
      name,
      uuid,
      major,
      minor,
      sectors: this.live?.sectors ?? 0,
      suspended,
      readOnly,
      deferredRemove,
      live: this.live !== undefined,
      inactive: this.inactive !== undefined,
      openCount,
      eventNumber,
      targetCount: this.live?.targets.length ?? 0,
    }
  }

  /** A request was checked before it waited; the device may have another table now, or be closed or gone. */
  #refusal({ end, operation }: Transfer): Status {
    if (this.routeKey === '') return statusNumbers.DEVICE_CLOSED
    if (end > this.state.sizeBytes) return statusNumbers.OUT_OF_RANGE
    return changesBytes(operation) && this.state.readOnly ? statusNumbers.READ_ONLY : statusNumbers.OK
  }

  /** Its open volumes see the table of now, by this route. Nobody has a request in flight. */
  showState(route: Route): void {
    this.state.route = route
    this.state.sizeBytes = this.sizeBytes()
    this.state.readOnly = this.readOnly
    this.state.bufferAlignment = sectorsToBytes(this.blockSectors())
    if (this.#number !== undefined) this.#show(this.#number)
  }

  /** Its number for requests in place. It is open. Fails with LIMIT_EXCEEDED. */
  numbered(): number {
    if (this.#number !== undefined) return this.#number
    this.#number = this.#seats.numberDevice()
    this.#show(this.#number)
    this.gate.share(this.#seats, this.#number)
    return this.#number
  }

  /** Nobody has it open any more: its route is stale, and threads that do requests in place have ended theirs and forget it. */
  async close(): Promise<void> {
    this.routeKey = ''
    if (this.#number === undefined) return
    this.gate.unshare()
    this.#seats.hideDevice(this.#number)
    this.#number = undefined
    await this.#seats.rested()
  }

  #show(number: number): void {
    const { readOnly, route, sizeBytes } = this.state
    this.#seats.showDevice({ number, route: route.onWire(), sizeBytes, readOnly }, route)
  }

  /** Lets those who wait for an event look again. */
  wake(): void {
    for (const waiter of [...this.waiters]) waiter()
  }
}

/** Where requests in place on a device go. */
export const placeOf = (device: MappedDevice, machinery: Machinery): PlaceFacts => ({
  numbered: () => device.numbered(),
  inPlace: () => machinery.inPlace(),
})
