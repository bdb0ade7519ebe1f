/**
 * Exports of mapped devices, as they come and go. A device with a table is listed; a connection holds it open, so that it cannot
 * be removed meanwhile, and follows it through every new table.
 */
import { CowringError, type DeviceVolume, type Mapper } from '../index.js'
import type { ExportContext, ExportListing, ExportSource, NbdExport } from './exports.js'
import { commonContexts, dirtyContext, preferredBytesOf } from './exports-common.js'
import { type FamilyTarget, familyTargetOf } from './family-target.js'

export class MapperExports implements ExportSource {
  readonly #mapper: Mapper

  constructor(mapper: Mapper) {
    this.#mapper = mapper
  }

  list(): readonly ExportListing[] {
    return this.#mapper
      .list()
      .filter(({ live, sectors }) => live && sectors > 0)
      .map(({ name }) => ({ name, description: this.#mapper.table(name).split('\n', 1)[0] ?? '' }))
  }

  async open(name: string): Promise<NbdExport | undefined> {
    const listing = this.list().find((each) => each.name === name)
    if (listing === undefined) return undefined
    const held: DeviceVolume[] = []
    const hold = async (device: string): Promise<DeviceVolume> => {
      const volume = await this.#mapper.open(device)
      held.push(volume)
      return volume
    }
    try {
      const volume = await hold(name)
      const { readOnly, sizeBytes } = volume
      const close = async () => void (await Promise.all(held.splice(0).map((each) => each.close())))
      const device = volume.deviceNumber()
      return { ...listing, sizeBytes, readOnly, ...this.#family(name, hold), device, close }
    } catch (error) {
      if (error instanceof CowringError && error.code === 'DEVICE_MISSING') return undefined
      throw error
    }
  }

  /** What its table says of an origin and its snapshots, and the tables of the others on that origin. */
  #family(name: string, hold: (device: string) => Promise<DeviceVolume>) {
    const own = familyTargetOf(this.#mapper.table(name))
    const snapshots = own === undefined ? [] : this.#snapshotsOn(own.origin)
    const measured = own !== undefined && own.type !== 'snapshot-origin' ? [own] : snapshots.map(({ target }) => target)
    const contexts: ExportContext[] = snapshots
      .filter((each) => each.name !== name)
      .map((each) => dirtyContext(each.name, async () => (await hold(each.name)).deviceNumber()))
    return {
      preferredBytes: preferredBytesOf(measured.map(({ chunkBytes }) => chunkBytes)),
      contexts: [...commonContexts, ...contexts],
    }
  }

  #snapshotsOn(origin: string): readonly { readonly name: string; readonly target: FamilyTarget }[] {
    return this.#mapper.list().flatMap(({ live, name }) => {
      const target = live ? familyTargetOf(this.#mapper.table(name)) : undefined
      return target?.type === 'snapshot' && target.origin === origin ? [{ name, target }] : []
    })
  }
}
