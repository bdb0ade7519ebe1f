/**
 * The routes of the devices that somebody has open: where their requests go, and the volumes of their own that this takes.
 *
 * A device that lies on files only is one volume. One that lies on copy-on-write volumes sends requests to those, at the
 * places that its tables say.
 */
import type { Machinery } from '../coordinator/machinery.js'
import type { BlockFileDescriptor, MapPart } from '../io/block-file.js'
import { MapRoute, type Route, StripeRoute, VolumeRoute } from '../wire/route.js'
import { fileKey, type KnownVolumes } from './known-volumes.js'
import type { MappedDevice } from './mapped-device.js'

/** A volume of its own for a device, or a part of one, that is laid over files only or must pass through a filter. */
export interface PlainVolume {
  readonly route: VolumeRoute
  readonly file: BlockFileDescriptor
}

export class DeviceRoutes {
  readonly #machinery: Machinery
  readonly #known: KnownVolumes
  /** The route of a volume that belongs to a family. */
  readonly #volumeRoute: (volume: number) => VolumeRoute
  readonly #plain = new Map<MappedDevice, PlainVolume[]>()
  readonly #routed = new Set<MappedDevice>()

  constructor(machinery: Machinery, known: KnownVolumes, volumeRoute: (volume: number) => VolumeRoute) {
    this.#machinery = machinery
    this.#known = known
    this.#volumeRoute = volumeRoute
  }

  /** The volumes that routes need beside those of families. */
  get plainVolumes(): PlainVolume[] {
    return [...this.#plain.values()].flat()
  }

  /** From the next refresh on it has a route. */
  add(device: MappedDevice): void {
    this.#routed.add(device)
  }

  /** Nobody has it open any more: what only its route needed goes. */
  async drop(device: MappedDevice): Promise<void> {
    this.#routed.delete(device)
    await device.close()
    await this.#dropPlain(device)
  }

  /** Brings all routes in step with the tables. */
  async refresh(): Promise<void> {
    for (const device of this.#routed) await this.#make(device)
  }

  async #make(device: MappedDevice): Promise<void> {
    const file = device.descriptor()
    const key = fileKey(file)
    if (device.routeKey === key) {
      // What is read-only now need not be made of anything else.
      device.showState(device.state.route)
      return
    }
    const [only] = this.#plain.get(device) ?? []
    let { route } = device.state
    if (only !== undefined && route === only.route && !passesVolumes(file)) {
      // Still files only: the volume stays, and lies on others now.
      this.#plain.set(device, [{ route: only.route, file }])
    } else {
      await this.#dropPlain(device)
      const made: PlainVolume[] = []
      route = this.#routeOf(file, made)
      this.#plain.set(device, made)
    }
    device.routeKey = key
    device.showState(route)
  }

  async #dropPlain(device: MappedDevice): Promise<void> {
    for (const { route } of this.#plain.get(device) ?? []) await this.#known.dropOrigin(route.volume)
    this.#plain.delete(device)
  }

  #routeOf(file: BlockFileDescriptor, made: PlainVolume[]): Route {
    if (file.kind === 'volume') return this.#volumeRoute(file.volume)
    if (file.kind === 'map' && passesVolumes(file)) {
      const [only] = file.parts
      if (file.parts.length === 1 && only?.fileOffset === 0) return this.#routeOf(only.file, made)
      return new MapRoute(
        joinPlainParts(file.parts).map(({ byteLength, file: below, fileOffset, start }) => ({
          start,
          byteLength,
          route: this.#routeOf(below, made),
          offset: fileOffset,
        })),
      )
    }
    if (file.kind === 'stripes' && passesVolumes(file)) {
      const columns = file.columns.map((column) => ({
        route: this.#routeOf(column.file, made),
        offset: column.fileOffset,
      }))
      return new StripeRoute(columns, file.chunkBytes)
    }
    const plain = { route: new VolumeRoute(this.#machinery.nextVolume()), file }
    made.push(plain)
    return plain.route
  }
}

/** True if requests should be sent to the volumes below instead of to one of the device's own. */
export function passesVolumes(file: BlockFileDescriptor): boolean {
  switch (file.kind) {
    case 'volume':
      return true
    case 'map':
      return file.parts.some((part) => passesVolumes(part.file))
    case 'stripes':
      return file.columns.some((column) => passesVolumes(column.file))
    default:
      return false
  }
}

/** Neighbouring parts that lie on files need one volume, not one each. */
function joinPlainParts(parts: readonly MapPart[]): MapPart[] {
  const joined: MapPart[] = []
  let run: MapPart[] = []
  const endRun = (): void => {
    const [first] = run
    const last = run.at(-1)
    if (first === undefined || last === undefined) return
    const sizeBytes = last.start + last.byteLength - first.start
    const rebased = run.map((part) => ({ ...part, start: part.start - first.start }))
    joined.push({
      start: first.start,
      byteLength: sizeBytes,
      file: { kind: 'map', sizeBytes, parts: rebased },
      fileOffset: 0,
    })
    run = []
  }
  for (const part of parts) {
    if (passesVolumes(part.file)) {
      endRun()
      joined.push(part)
    } else run.push(part)
  }
  endRun()
  return joined
}
