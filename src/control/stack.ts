/**
 * The stack: families, and how devices lie on each other. Keeps the workers' view of it in step, and finds out who must hold
 * still while it changes.
 *
 * Requires: one change at a time; `quiesced` around every change of what workers know.
 */
import { assert, present } from '../base/assert.js'
import { sectorsToBytes } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import type { BlockFileDescriptor } from '../io/block-file.js'
import { VolumeRoute } from '../wire/route.js'
import type { Device } from './device.js'
import { DeviceRoutes, type PlainVolume, passesVolumes } from './device-routes.js'
import { Family } from './family.js'
import { KnownVolumes } from './known-volumes.js'
import { MappedDevice } from './mapped-device.js'
import { type Nesting, type NestingNode, nestingOf, volumesIn } from './nesting.js'
import { RawVolume } from './raw-volume.js'
import type { StoreInstance } from './store-instance.js'

interface StackNode extends NestingNode {
  readonly family: Family | undefined
  readonly plain: PlainVolume | undefined
}

export class Stack {
  readonly machinery: Machinery
  readonly #known: KnownVolumes
  readonly #families = new Map<Device, Family>()
  readonly #routes: DeviceRoutes
  readonly #raw = new Set<PlainVolume>()

  constructor(machinery: Machinery) {
    this.machinery = machinery
    this.#known = new KnownVolumes(machinery)
    this.#routes = new DeviceRoutes(machinery, this.#known, (volume) => this.#volumeRoute(volume))
  }

  get families(): Iterable<Family> {
    return this.#families.values()
  }

  /** The family of an origin device, for one more target; `leaveFamily` gives it back. */
  joinFamily(device: Device): Family {
    const family = this.#families.get(device) ?? new Family(device, this.machinery.nextVolume())
    this.#families.set(device, family)
    family.targets++
    return family
  }

  leaveFamily(family: Family): void {
    family.targets--
    if (family.targets === 0) this.#families.delete(family.device)
  }

  // ── who lies on whom ────────────────────────────────────────────────────────────────────────────────────────────────

  /** These devices and all whose requests can reach them: through tables, and from an origin to its snapshots' COWs. */
  above(devices: Iterable<Device>): Set<MappedDevice> {
    const reached = new Set<MappedDevice>()
    const line: Device[] = [...devices]
    const reach = (device: MappedDevice): void => {
      if (reached.has(device)) return
      reached.add(device)
      line.push(device)
    }
    for (const device of line) {
      if (device instanceof MappedDevice) reached.add(device)
      for (const upper of device.uppers) {
        reach(upper)
        for (const { plan } of upper.live?.instances ?? []) {
          if (plan.cow === device || plan.family.device === device)
            for (const owner of plan.family.originOwners) reach(owner)
        }
      }
    }
    return reached
  }

  /** Everyone who has to do with these families, or those below them: origins, snapshots, and what lies on those. */
  around(families: Iterable<Family>, devices: Iterable<Device> = []): Set<MappedDevice> {
    const concerned = new Set(families)
    for (const { device, instances } of concerned) {
      const files = [device, ...[...instances].map(({ plan }) => plan.cow)].map((below) => below.descriptor())
      for (const family of this.#familiesIn(files)) concerned.add(family)
    }
    const members = [...concerned].flatMap(({ instances, originOwners }) => [
      ...originOwners,
      ...[...instances].map(({ plan }) => plan.owner),
    ])
    return this.above([...devices, ...members])
  }

  /** What a table on `device` may lead to: what lies below it, and from an origin the COWs of its snapshots. */
  leadsTo(from: Device, wanted: (device: Device) => boolean): boolean {
    const reached = new Set<Device>([from])
    for (const device of reached) {
      if (wanted(device)) return true
      if (!(device instanceof MappedDevice)) continue
      for (const table of [device.live, device.inactive]) {
        for (const below of table?.devices ?? []) reached.add(below)
        for (const family of table?.families ?? []) for (const { plan } of family.instances) reached.add(plan.cow)
      }
    }
    return false
  }

  // ── holding still ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs `act` while none of these devices has a request in flight; requests that arrive meanwhile wait. */
  async quiesced<Result>(devices: Iterable<MappedDevice>, act: () => Promise<Result>): Promise<Result> {
    const gates = [...devices].map(({ gate }) => gate)
    const held = gates.map((gate) => gate.hold())
    try {
      await Promise.all(held)
      await this.machinery.recovered()
      return await act()
    } finally {
      for (const gate of gates) gate.open()
    }
  }

  /** Holds or opens the gates of these devices as the suspended ones among them and below them ask. */
  updateHolds(devices: Iterable<MappedDevice>): void {
    const answers = new Map<Device, boolean>()
    const waits = (device: Device): boolean => {
      if (!(device instanceof MappedDevice)) return false
      const known = answers.get(device)
      if (known !== undefined) return known
      answers.set(device, device.suspended)
      const below = [
        ...(device.live?.devices ?? []),
        ...(device.live?.families ?? []).flatMap(({ active }) => active.map(({ plan }) => plan.cow)),
      ]
      const answer = device.suspended || below.some(waits)
      answers.set(device, answer)
      return answer
    }
    for (const device of devices) {
      if (waits(device)) device.held ??= device.gate.hold()
      else if (device.held !== undefined) {
        device.held = undefined
        device.gate.open()
      }
    }
  }

  // ── what the workers know ───────────────────────────────────────────────────────────────────────────────────────────

  /** Gives a device a route if it has none: somebody opens it. */
  async route(device: MappedDevice): Promise<void> {
    this.#routes.add(device)
    const file = device.descriptor()
    if (volumesIn(file).length === 0 || passesVolumes(file)) await this.refresh()
    else await this.quiesced(this.around(this.#familiesIn([file])), () => this.refresh())
  }

  /** Nobody has it open any more: what only its route needed goes. */
  async unroute(device: MappedDevice): Promise<void> {
    await this.#routes.drop(device)
  }

  /** Brings routes and the workers' view in step with the tables. */
  async refresh(): Promise<void> {
    await this.#routes.refresh()
    const nodes = this.#nodes()
    const nesting = nestingOf(nodes)
    await this.#giveScratch(nesting)
    const placeOf = (node: StackNode): Nesting => present(nesting.get(node), 'every node has a place')
    const tell = async (): Promise<void> => {
      for (const node of lowerFirst(nodes)) await this.#tell(node, placeOf(node))
    }
    // A table may make a stack of families that it does not name, and whose requests go on: other workers serve them then.
    const moved = nodes.flatMap((node) => (this.#hasMoved(node, placeOf(node)) ? [node.family] : []))
    if (moved.length === 0) await tell()
    else await this.quiesced(this.around(moved.filter((family) => family !== undefined)), tell)
  }

  #hasMoved({ family }: StackNode, place: Nesting): boolean {
    if (family === undefined || !this.#known.has(family.volume)) return false
    return family.nested !== place.level || (place.level > 0 && family.route.worker !== this.#workerOf(place))
  }

  #workerOf({ level, stack }: Nesting): number {
    return level === 0 ? -1 : stack % this.machinery.workerCount
  }

  /** The workers learn of a snapshot; those who reach its family are quiesced. */
  async attach(instance: StoreInstance): Promise<void> {
    instance.isAttached = true
    await this.refresh()
  }

  async detach(instance: StoreInstance): Promise<void> {
    if (!instance.isAttached) return
    instance.isAttached = false
    await this.#known.dropSnapshot(instance.volume)
    await this.dropUnneeded([instance.plan.family])
  }

  async dropUnneeded(families: Iterable<Family>): Promise<void> {
    for (const family of families) if (!family.isNeeded) await this.#known.dropOrigin(family.volume)
  }

  /** A device as the control path reads and writes it: a BlockFile of this thread, or a volume where it lies on others'. */
  async withFile<Result>(device: Device, use: (raw: RawVolume | undefined) => Promise<Result>): Promise<Result> {
    const file = device.descriptor()
    if (volumesIn(file).length === 0) return use(undefined)
    const plain: PlainVolume = { route: new VolumeRoute(this.machinery.nextVolume()), file }
    const concerned = () => this.around(this.#familiesIn([file]))
    try {
      this.#raw.add(plain)
      await this.quiesced(concerned(), () => this.refresh())
      const { arena, client } = this.machinery
      const raw = new RawVolume(client, arena, plain.route, device.name, device.sizeBytes())
      return await use(raw)
    } finally {
      this.#raw.delete(plain)
      await this.#known.dropOrigin(plain.route.volume)
      await this.quiesced(concerned(), () => this.refresh())
    }
  }

  #familiesIn(files: readonly BlockFileDescriptor[]): Family[] {
    const volumes = new Set(files.flatMap(volumesIn))
    if (volumes.size === 0) return []
    return [...this.#families.values()].filter(
      (family) => volumes.has(family.volume) || [...family.instances].some(({ volume }) => volumes.has(volume)),
    )
  }

  #nodes(): StackNode[] {
    const families = [...this.#families.values()].filter(({ isNeeded }) => isNeeded)
    const plain = [...this.#routes.plainVolumes, ...this.#raw]
    return [
      ...families.map((family) => ({
        family,
        plain: undefined,
        volumes: [family.volume, ...family.active.map(({ volume }) => volume)],
        written: [
          ...(family.originOwners.size > 0 ? [family.device.descriptor()] : []),
          ...family.active.map(({ plan }) => plan.cow.descriptor()),
        ],
      })),
      ...plain.map((each) => ({
        family: undefined,
        plain: each,
        volumes: [each.route.volume],
        written: [each.file],
      })),
    ]
  }

  async #tell({ family, plain }: StackNode, place: Nesting): Promise<void> {
    const { level } = place
    const worker = this.#workerOf(place)
    if (plain !== undefined) {
      plain.route.worker = worker
      const { file, route } = plain
      const { sizeBytes } = file
      await this.#known.origin(route.volume, { file, sizeBytes, reachBytes: sizeBytes, nested: level, isPlain: true })
      return
    }
    assert(family !== undefined, 'a node is a family or a volume of its own')
    const file = family.device.descriptor()
    family.nested = level
    const sizeBytes = family.device.sizeBytes()
    const reachBytes = Math.max(0, ...family.active.map(({ plan }) => sectorsToBytes(plan.sectors)))
    await this.#known.origin(family.volume, { file, sizeBytes, reachBytes, nested: level, isPlain: false })
    for (const instance of family.active) await this.#known.snapshot(instance)
    family.routeByKey(worker)
  }

  async #giveScratch(nesting: ReadonlyMap<StackNode, Nesting>): Promise<void> {
    const levels = new Map<number, number>()
    for (const { level, stack } of nesting.values()) {
      if (level === 0) continue
      const worker = stack % this.machinery.workerCount
      levels.set(worker, Math.max(level, levels.get(worker) ?? 0))
    }
    for (const [worker, count] of levels) await this.machinery.giveNestedScratch(worker, count)
  }

  #volumeRoute(volume: number): VolumeRoute {
    for (const family of this.#families.values()) {
      if (family.volume === volume) return family.route
      for (const instance of family.instances) if (instance.volume === volume) return instance.route
    }
    assert(false, `volume ${volume} belongs to a family`)
  }
}

/** Those that others lie on before those others. */
function lowerFirst(nodes: readonly StackNode[]): StackNode[] {
  const ownerOf = new Map(nodes.flatMap((node) => node.volumes.map((volume) => [volume, node] as const)))
  const ordered = new Set<StackNode>()
  const visit = (node: StackNode): void => {
    if (ordered.has(node)) return
    const files = [...node.written, ...(node.family === undefined ? [] : [node.family.device.descriptor()])]
    for (const volume of files.flatMap(volumesIn)) {
      const owner = ownerOf.get(volume)
      if (owner !== undefined && owner !== node) visit(owner)
    }
    ordered.add(node)
  }
  for (const node of nodes) visit(node)
  return [...ordered]
}
