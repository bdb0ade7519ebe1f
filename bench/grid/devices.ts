/** An origin and snapshots of it to be measured: opened with `engine.open`, or made of tables by `engine.mapper`. */
import { sectorBytes } from '../../src/base/units.js'
import type { DeviceVolume, Engine, Mapper, Origin } from '../../src/index.js'
import type { DrivenVolume } from './drive.js'
import type { GridCase } from './grid-case.js'
import type { Workplace } from './workplace.js'

export interface MeasuredSnapshot extends DrivenVolume {
  readonly name: string
  remove(): Promise<void>
}

export interface MeasuredDevices {
  readonly origin: DrivenVolume
  takeSnapshot(name: string, grid: GridCase): Promise<MeasuredSnapshot>
}

export class OpenedDevices implements MeasuredDevices {
  readonly origin: Origin
  readonly #place: Workplace

  static async open(engine: Engine, image: string, place: Workplace): Promise<OpenedDevices> {
    return new OpenedDevices(await engine.open(image), place)
  }

  private constructor(origin: Origin, place: Workplace) {
    this.origin = origin
    this.#place = place
  }

  takeSnapshot(name: string, { chunkBytes, durability, store }: GridCase): Promise<MeasuredSnapshot> {
    const cow = this.#place.path(name)
    return this.origin.snapshot({ cow, chunkSectors: chunkBytes / sectorBytes, durability, store, name })
  }
}

export class MappedDevices implements MeasuredDevices {
  readonly origin: DeviceVolume
  readonly #mapper: Mapper
  readonly #place: Workplace
  readonly #sectors: number

  /** `base` over `base-real` over the image, as LVM2 has it. */
  static async create({ mapper }: Engine, image: string, place: Workplace): Promise<MappedDevices> {
    const sectors = place.originBytes / sectorBytes
    await mapper.create('base-real', `0 ${sectors} linear ${image} 0`)
    await mapper.create('base', `0 ${sectors} snapshot-origin base-real`)
    return new MappedDevices(mapper, await mapper.open('base'), place, sectors)
  }

  private constructor(mapper: Mapper, origin: DeviceVolume, place: Workplace, sectors: number) {
    this.#mapper = mapper
    this.origin = origin
    this.#place = place
    this.#sectors = sectors
  }

  async takeSnapshot(name: string, { chunkBytes, durability, store }: GridCase): Promise<MeasuredSnapshot> {
    const chunkSectors = chunkBytes / sectorBytes
    const cow = this.#place.makeCow(name, chunkBytes)
    await this.#mapper.suspend('base')
    const line = `0 ${this.#sectors} snapshot base-real ${cow} ${store} ${chunkSectors}`
    await this.#mapper.create(name, line, durability === 'none' ? {} : { durability })
    await this.#mapper.resume('base')
    const volume = await this.#mapper.open(name)
    return {
      name,
      read: (offset, into) => volume.read(offset, into),
      write: (offset, bytes) => volume.write(offset, bytes),
      readSync: (offset, into) => volume.readSync(offset, into),
      writeSync: (offset, bytes) => volume.writeSync(offset, bytes),
      remove: async () => {
        await volume.close()
        await this.#mapper.remove(name)
      },
    }
  }
}
