/**
 * The devices of an origin: NAME over its image; while there are snapshots NAME-real between the two, and NAME a target over
 * that one. What tables they have, and the files they lie on.
 */
import { present } from '../base/assert.js'
import { bytesToSectors } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import type { OwnLoadOptions } from './device-life.js'
import type { MappedDevice } from './mapped-device.js'
import type { Mapper } from './mapper.js'
import type { PhysicalDevice } from './physical-devices.js'

export interface OriginDeviceParts {
  readonly machinery: Machinery
  readonly mapper: Mapper
  /** The image, and the mapped device over it. */
  readonly image: PhysicalDevice
  readonly device: MappedDevice
  readonly readOnly: boolean
}

export class OriginDevices {
  readonly machinery: Machinery
  readonly mapper: Mapper
  readonly image: PhysicalDevice
  readonly device: MappedDevice
  readonly readOnly: boolean
  #real: MappedDevice | undefined

  constructor({ device, image, machinery, mapper, readOnly }: OriginDeviceParts) {
    this.machinery = machinery
    this.mapper = mapper
    this.image = image
    this.device = device
    this.readOnly = readOnly
  }

  get sectors(): number {
    return bytesToSectors(this.device.sizeBytes())
  }

  /** NAME and NAME-real, those above first. */
  get all(): readonly MappedDevice[] {
    return this.#real === undefined ? [this.device] : [this.device, this.#real]
  }

  get real(): MappedDevice {
    return present(this.#real, 'what is made of the real device is made after it')
  }

  /** The tables that NAME may have. */
  get plainLine(): string {
    return `0 ${this.sectors} linear ${this.image.number} 0`
  }

  get originLine(): string {
    return `0 ${this.sectors} snapshot-origin ${this.real.number}`
  }

  /** The image's own table moves to a device below. */
  async makeReal(): Promise<MappedDevice> {
    const { device, mapper, readOnly } = this
    this.#real ??= await mapper.createHeld(`${device.name}-real`, this.plainLine, { readOnly })
    return this.#real
  }

  async dropRealIfUnused(): Promise<void> {
    const real = this.#real
    if (real === undefined || real.usedCount > 0) return
    this.#real = undefined
    await this.mapper.takeDown([real])
  }

  /** A table into the inactive slot of NAME. */
  load(line: string, options: OwnLoadOptions = {}): Promise<void> {
    return this.mapper.load(this.device.name, line, { ...options, isOwn: true, readOnly: this.readOnly })
  }

  /** Drops the table that was loaded: it does not become live. */
  clear(): Promise<void> {
    return this.mapper.clear(this.device.name)
  }

  /** Runs `act` while NAME is suspended; what was loaded is live afterwards. */
  async suspended(act: () => Promise<void>): Promise<void> {
    const { device, mapper } = this
    await mapper.suspend(device.name)
    try {
      await act()
    } finally {
      await mapper.resume(device.name)
    }
  }

  /** Closes a file if nothing else uses it; `undo` takes back what opening it did to the file system. */
  letGo(file: PhysicalDevice, undo: boolean): void {
    file.holds--
    if (undo) file.source.remove()
    this.mapper.physical.closeIfUnused(file)
  }
}
