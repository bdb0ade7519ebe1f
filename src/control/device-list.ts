/** The mapped devices there are, by name and by minor. A name, a minor or a UUID is one device's at a time. */
import { faultErrno } from '../targets/table-fault.js'
import type { MappedDevice } from './mapped-device.js'
import { checkName, checkUuid, deviceNameFrom, minorMax } from './mapped-names.js'
import { busy, type Ioctl, invalid, refusal } from './refusal.js'

export class DeviceList {
  readonly #byName = new Map<string, MappedDevice>()
  readonly #byMinor = new Map<number, MappedDevice>()
  /** Every minor below this is taken. */
  #minorsTakenBelow = 0

  named(name: string): MappedDevice | undefined {
    return this.#byName.get(name)
  }

  [Symbol.iterator](): Iterator<MappedDevice> {
    return this.#byName.values()
  }

  numbered(minor: number): MappedDevice | undefined {
    return this.#byMinor.get(minor)
  }

  /** The device of a name. Fails with DEVICE_MISSING. */
  find(name: string, ioctl: Ioctl): MappedDevice {
    const device = this.#byName.get(name)
    if (device !== undefined) return device
    const reason = 'there is no such device'
    throw refusal({ ioctl, device: name, errno: faultErrno.ENXIO, reason, advice: 'list() names those there are' })
  }

  byName(): MappedDevice[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** A name that no device has: `wanted` or like it, or that and a number. */
  freeName(wanted: string): string {
    const plain = deviceNameFrom(wanted)
    let name = plain
    for (let number = 2; this.#byName.has(name); number++) name = `${plain}-${number}`
    return name
  }

  /** The minor that a new device of this name gets. Fails with INVALID_ARGUMENT, DEVICE_BUSY if it cannot be made. */
  minorFor(name: string, minor: number | undefined, uuid: string | undefined): number {
    checkName(name, 'create')
    if (this.#byName.has(name)) throw busy('create', name, 'the name is in use')
    if (uuid !== undefined) this.refuseUuid(uuid, 'create', name)
    const taken = minor ?? this.#lowestFreeMinor()
    if (!Number.isInteger(taken) || taken < 0 || taken > minorMax) {
      throw invalid('create', name, `minor ${taken} is not a whole number from 0 to ${minorMax}`)
    }
    if (this.#byMinor.has(taken)) throw busy('create', name, `minor ${taken} is in use`)
    return taken
  }

  add(device: MappedDevice): void {
    this.#byName.set(device.name, device)
    this.#byMinor.set(device.minor, device)
  }

  delete(device: MappedDevice): void {
    this.#byName.delete(device.name)
    this.#byMinor.delete(device.minor)
    this.#minorsTakenBelow = Math.min(this.#minorsTakenBelow, device.minor)
  }

  /** Fails with INVALID_ARGUMENT, DEVICE_BUSY. */
  rename(device: MappedDevice, name: string): void {
    checkName(name, 'rename')
    if (this.#byName.has(name)) throw busy('rename', name, 'the name is in use')
    this.#byName.delete(device.name)
    device.name = name
    this.#byName.set(name, device)
  }

  /** Fails with INVALID_ARGUMENT, DEVICE_BUSY unless no device has the UUID. */
  refuseUuid(uuid: string, ioctl: Ioctl, name: string): void {
    checkUuid(uuid, ioctl, name)
    for (const device of this) if (device.uuid === uuid) throw busy(ioctl, name, `the UUID ${uuid} is ${device.name}'s`)
  }

  #lowestFreeMinor(): number {
    while (this.#byMinor.has(this.#minorsTakenBelow)) this.#minorsTakenBelow++
    return this.#minorsTakenBelow
  }
}
