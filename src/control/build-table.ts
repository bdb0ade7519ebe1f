/**
 * From the text of a table to targets with their devices open and their stores read. A table that is refused leaves nothing
 * behind: what was opened for it is closed again, and no COW was written that was not taken.
 */
import { isAbsolute } from 'node:path'
import { CowringError } from '../base/errors.js'
import { validateChunkSectors } from '../format/geometry.js'
import { stripeFailuresBytes } from '../shm/stripe-failures.js'
import { parseStore, type SnapshotSpec, type StoreSpec } from '../targets/snapshot.js'
import { faultErrno, TableFault } from '../targets/table-fault.js'
import { parseTableText, type TableLine } from '../targets/table-text.js'
import { parseTarget, type TargetSpec } from '../targets/target-types.js'
import { hasCowOn, leadsToFamily, makesCircle } from './circles.js'
import type { Device, UseMode } from './device.js'
import type { Family } from './family.js'
import type { MappedDevice } from './mapped-device.js'
import { openInstance, type StoreOptions } from './open-instance.js'
import { OriginMemory } from './origin-memory.js'
import { PhysicalDevice, type PhysicalDevices } from './physical-devices.js'
import { faultOf, tableRefusal } from './refusal.js'
import type { Stack } from './stack.js'
import { Table, type Target, tooSmall, tooSmallFor, type Use } from './table.js'

export interface BuildOptions extends StoreOptions {
  readonly readOnly: boolean
  readonly folder: string
  /** The table of an origin or a snapshot of the engine's own API. */
  readonly isOwn: boolean
}

export interface Surroundings {
  readonly stack: Stack
  readonly physical: PhysicalDevices
  /** A mapped device by name. */
  readonly named: (name: string) => MappedDevice | undefined
  readonly numbered: (minor: number) => MappedDevice | undefined
}

/** Fails with TABLE_INVALID. */
export async function buildTable(
  owner: MappedDevice,
  text: string,
  around: Surroundings,
  options: BuildOptions,
): Promise<Table> {
  const builder = new TableBuilder(owner, around, options)
  let type = 'table'
  try {
    const lines = parseTableText(text)
    if (lines.length === 0) throw new TableFault('a table needs at least one line', faultErrno.EINVAL, false)
    for (const line of lines) {
      type = line.type
      await builder.add(line)
    }
    refuse(builder.targets.map(tooSmall).find((small) => small !== undefined))
    return new Table(builder.targets, builder.uses, options.readOnly)
  } catch (error) {
    await dropTable(owner, new Table(builder.targets, builder.uses, options.readOnly), around)
    throw error instanceof TableFault ? tableRefusal(error, owner, type) : error
  }
}

/** Takes a table apart: its stores are given up, its devices let go of. Its owner holds still. */
export async function dropTable(owner: MappedDevice, table: Table, { physical, stack }: Surroundings): Promise<void> {
  for (const instance of table.instances) {
    instance.loop?.stop()
    await stack.detach(instance)
    const { family } = instance.plan
    family.instances.delete(instance)
    // Whoever waited for its exceptions waits in vain.
    if (!instance.isLost && instance.store !== undefined) {
      for (const other of family.instances) {
        if (other.plan.cow === instance.plan.cow && other.store === undefined) other.isLost = true
      }
    }
    stack.leaveFamily(family)
  }
  for (const family of table.families) stack.leaveFamily(family)
  for (const { device, mode } of table.uses) {
    device.release(owner, mode)
    if (device instanceof PhysicalDevice) physical.closeIfUnused(device)
  }
}

class TableBuilder {
  readonly targets: Target[] = []
  readonly uses: Use[] = []
  readonly #owner: MappedDevice
  readonly #around: Surroundings
  readonly #options: BuildOptions

  constructor(owner: MappedDevice, around: Surroundings, options: BuildOptions) {
    this.#owner = owner
    this.#around = around
    this.#options = options
  }

  async add(line: TableLine): Promise<void> {
    const spec = parseTarget(line)
    this.targets.push({ start: line.start, length: line.length, ...(await this.#build(spec, line)) } as Target)
  }

  async #build(spec: TargetSpec, line: TableLine): Promise<object> {
    const mode = this.#options.readOnly ? 'r' : 'w'
    switch (spec.type) {
      case 'linear':
      case 'flakey': {
        const devices = [this.#use(spec.device, mode, 'Device lookup failed')]
        return { type: spec.type, spec, devices, ...(spec.type === 'flakey' ? { startedMs: Date.now() } : {}) }
      }
      case 'striped': {
        const devices = spec.columns.map(({ device }) => this.#use(device, mode, "Couldn't parse stripe destination"))
        const failures = new SharedArrayBuffer(stripeFailuresBytes(devices.length))
        return { type: 'striped', spec, devices, failures }
      }
      case 'snapshot-origin': {
        const device = this.#use(spec.device, mode, 'Cannot get target device')
        return { type: 'snapshot-origin', devices: [device], family: this.#joinFamily(device) }
      }
      case 'snapshot':
      case 'snapshot-merge':
        return this.#buildSnapshot(spec, line, mode)
      default:
        return { type: spec.type, devices: [] }
    }
  }

  async #buildSnapshot(spec: SnapshotSpec, line: TableLine, mode: UseMode): Promise<object> {
    const merges = spec.type === 'snapshot-merge'
    const origin = this.#use(spec.origin, merges ? mode : 'r', 'Cannot get origin device')
    const cow = this.#use(spec.cow, mode, 'Cannot get COW device')
    if (cow === origin) throw new TableFault('COW device cannot be the same as origin device')
    const store = parseStore(spec)
    refuseChunk(store, [cow, origin])
    // Before its COW is touched, which a blank one would be.
    refuse(tooSmallFor({ device: origin, start: 0, length: line.length }))
    const { stack } = this.#around
    const family = this.#joinFamily(origin)
    // Once more for the part of the origin that it takes.
    if (merges) stack.joinFamily(origin)
    try {
      if (leadsToFamily(stack, cow, family, this.#owner)) {
        throw new TableFault(`Cannot get COW device: ${cow.name} lies on a target of the same origin`)
      }
      const instance = await openInstance(stack, { owner: this.#owner, family, cow, spec, store, line }, this.#options)
      family.instances.add(instance)
      return { type: spec.type, spec, devices: [origin, cow], instance }
    } catch (error) {
      stack.leaveFamily(family)
      if (merges) stack.leaveFamily(family)
      throw error
    }
  }

  /** The device that a word of a table names, in use from here on. */
  #use(word: string, mode: UseMode, refused: string): Device {
    const device = this.#find(word, refused)
    const reason = this.#whyNot(device, mode)
    if (reason !== undefined) {
      if (device instanceof PhysicalDevice) this.#around.physical.closeIfUnused(device)
      throw new TableFault(`${refused}: ${reason.text}`, reason.errno)
    }
    device.use(this.#owner, mode)
    this.uses.push({ device, mode })
    return device
  }

  #whyNot(device: Device, mode: UseMode): { text: string; errno: number } | undefined {
    const { name } = this.#owner
    if (device === this.#owner) return { text: `${name} cannot lie on itself`, errno: faultErrno.EINVAL }
    if (makesCircle(this.#around.stack, this.#owner, device)) {
      return { text: `${device.name} lies on ${name} itself`, errno: faultErrno.EINVAL }
    }
    if (mode === 'w' && !device.writable) {
      return { text: `${device.name} cannot be written`, errno: faultErrno.EACCES }
    }
    const spoils = mode === 'w' && device instanceof PhysicalDevice && !this.#options.isOwn
    const text = spoils ? whatWritesSpoil(device) : undefined
    return text === undefined ? undefined : { text, errno: faultErrno.EBUSY }
  }

  #find(word: string, refused: string): Device {
    const { named, numbered, physical } = this.#around
    const { folder, readOnly } = this.#options
    const pair = /^(\d+):(\d+)$/.exec(word)
    const mappedName = /^\/dev\/mapper\/([^/]+)$/.exec(word)?.[1] ?? (word.includes('/') ? undefined : word)
    try {
      const device =
        pair === null
          ? named(mappedName ?? '')
          : (mappedWithNumber(word, numbered) ?? physical.numbered(Number(pair[1]), Number(pair[2]), readOnly))
      // A bare name that is the device's own can only mean a file.
      if (device !== undefined && (device !== this.#owner || pair !== null || word.includes('/'))) return device
      if (pair === null && (isAbsolute(word) || folder !== '')) return physical.at(word, folder, readOnly)
    } catch (error) {
      throw faultOf(refused, error)
    }
    throw new TableFault(`${refused}: there is no device ${word}`, faultErrno.ENODEV)
  }

  /** The device becomes a target of an origin's family; `leaveFamily` undoes it. */
  #joinFamily(origin: Device): Family {
    const { stack } = this.#around
    const family = stack.joinFamily(origin)
    if (!hasCowOn(stack, family, this.#owner)) return family
    stack.leaveFamily(family)
    throw new TableFault(`Cannot get origin device: a COW of ${origin.name} lies on ${this.#owner.name}`)
  }
}

/** Writes to an image by the side of its snapshots would spoil them; `engine.open` promises that this needs a decision. */
function whatWritesSpoil(device: PhysicalDevice): string | undefined {
  if (device.holds > 0) return `${device.name} is an open origin, or a COW of one`
  // Whoever has it open for writing already has been asked.
  if (device.usedCount > 0 || device.path === undefined) return undefined
  const memory = OriginMemory.at(device.path, device.isBlockDevice)
  try {
    const names = memory.load().map(({ name }) => `'${name}'`)
    if (names.length === 0) return undefined
    const snapshots = names.join(', ')
    return `${device.name} remembers the snapshots ${snapshots}: use engine.open, or give them up by removing ${memory.file}`
  } catch (error) {
    if (error instanceof CowringError) return error.message
    throw error
  }
}

function refuse(small: string | undefined): void {
  if (small !== undefined) throw new TableFault(small, faultErrno.EINVAL, false)
}

function mappedWithNumber(word: string, numbered: (minor: number) => MappedDevice | undefined): Device | undefined {
  const device = numbered(Number(word.split(':')[1]))
  return device?.number === word ? device : undefined
}

function refuseChunk({ chunkSectors }: StoreSpec, devices: readonly Device[]): void {
  if (chunkSectors === 0) return
  const refused = validateChunkSectors(
    chunkSectors,
    devices.map((device) => device.blockSectors()),
  )
  if (refused !== undefined) throw new TableFault(`Couldn't create exception store: ${refused}`)
}
