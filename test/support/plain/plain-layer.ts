/**
 * A second device-mapper layer in the plainest way: one thread, nothing shared, no durability, files without locks. It does
 * what the kernel does, accidents included, as far as recordings show it: with it a replay is proved right, so that a replay
 * which the engine fails is the engine's fault.
 *
 * Leaves out on purpose: waiting, renaming, limits, everything that no recording asks for.
 */
import { existsSync, realpathSync } from 'node:fs'
import type { DeviceInfo, DeviceNumber } from '../../../src/control/mapper-types.js'
import type { DeviceLayer } from '../conformance/layer.js'
import { PlainDevice, plainMajor, plainVolume } from './plain-device.js'
import { refusal, TargetRefusal } from './plain-error.js'
import { PlainMerge } from './plain-merge.js'
import { PlainSnapshot } from './plain-snapshot.js'
import { PlainFile, type PlainStorage } from './plain-storage.js'
import { makeTarget, type PlainWorld, parseLines } from './plain-table.js'
import type { PlainTarget } from './plain-target.js'

const fileMajor = 259
const source = 'Unable to perform snapshot handover until source is suspended.'

export class PlainLayer implements DeviceLayer, PlainWorld {
  readonly #devices = new Map<string, PlainDevice>()
  readonly #files = new Map<string, PlainFile>()

  async create(name: string, table?: string): Promise<DeviceInfo> {
    const minors = new Set([...this.#devices.values()].map(({ minor }) => minor))
    const minor = [...minors, minors.size].findIndex((_, index) => !minors.has(index))
    const device = new PlainDevice(name, minor)
    this.#devices.set(name, device)
    if (table === undefined) return this.info(name)
    try {
      device.inactive = this.#makeTable(device, table, device.number)
      await this.resume(name)
    } catch (error) {
      this.#devices.delete(name)
      throw error
    }
    return this.info(name)
  }

  async load(name: string, table: string): Promise<void> {
    const device = this.#device(name, 'reload')
    device.inactive = this.#makeTable(device, table)
  }

  async suspend(name: string): Promise<void> {
    this.#device(name, 'suspend').suspended = true
  }

  async resume(name: string): Promise<void> {
    const device = this.#device(name, 'resume')
    if (device.inactive !== undefined) {
      device.live = device.inactive
      device.inactive = undefined
      device.suspended = true
    }
    for (const snapshot of (device.live ?? []).filter((target) => target instanceof PlainSnapshot)) {
      if (snapshot.source !== undefined && !this.#isAtRest(snapshot.source)) {
        const log = `device-mapper: table: ${device.number}: ${snapshot.name}: preresume failed, error = -22`
        throw refusal('resume', 'EINVAL', { log: [`device-mapper: snapshots: ${source}`, log] })
      }
      snapshot.takeOver()
      snapshot.active = true
      snapshot.onInvalid = () => {
        device.events += 1
      }
      if (snapshot instanceof PlainMerge) snapshot.merge()
    }
    device.suspended = false
  }

  async remove(name: string): Promise<void> {
    this.#device(name, 'remove')
    if (this.#users(name) > 0) throw refusal('remove', 'EBUSY')
    this.#devices.delete(name)
  }

  async message(name: string): Promise<string | undefined> {
    this.#device(name, 'message')
    throw refusal('message', 'EINVAL', { log: ['device-mapper: ioctl: Target type does not support messages'] })
  }

  table(name: string): string {
    return lines(this.#device(name, 'table'), (target) => target.parameters())
  }

  status(name: string): string {
    return lines(this.#device(name, 'status'), (target) => target.status())
  }

  info(name: string): DeviceInfo {
    const device = this.#device(name, 'info')
    const { minor, sectors, suspended, live, inactive, events } = device
    return {
      name,
      uuid: undefined,
      major: plainMajor,
      minor,
      sectors,
      suspended,
      readOnly: false,
      deferredRemove: false,
      live: live !== undefined,
      inactive: inactive !== undefined,
      openCount: this.#users(name),
      eventNumber: events,
      targetCount: live?.length ?? 0,
    }
  }

  deps(name: string, { inactive = false }: { readonly inactive?: boolean } = {}): readonly DeviceNumber[] {
    const device = this.#device(name, 'deps')
    return [...new Set(((inactive ? device.inactive : device.live) ?? []).flatMap((target) => target.uses))].map(
      (used) => {
        const [major, minor] = used.number.split(':').map(Number)
        const isDevice = used instanceof PlainDevice
        const path = used instanceof PlainFile ? used.path : undefined
        return { major: major ?? 0, minor: minor ?? 0, name: isDevice ? used.name : undefined, path }
      },
    )
  }

  list(): readonly DeviceInfo[] {
    return [...this.#devices.keys()].sort().map((name) => this.info(name))
  }

  targets() {
    return ['error', 'flakey', 'linear', 'snapshot', 'snapshot-merge', 'snapshot-origin'].map((name) => ({
      name,
      version: [1, 0, 0] as const,
    }))
  }

  async open(name: string) {
    return plainVolume(this.#device(name, 'open'))
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) file.close()
  }

  find(path: string): PlainStorage | undefined {
    const mapped = this.#devices.get(path.replace(/^\/dev\/mapper\//, ''))
    if (path.startsWith('/dev/mapper/') || !existsSync(path)) return mapped
    const real = realpathSync(path)
    const file = this.#files.get(real) ?? new PlainFile(real, `${fileMajor}:${this.#files.size}`)
    this.#files.set(real, file)
    return file
  }

  snapshotsOf(origin: PlainStorage): readonly PlainSnapshot[] {
    return [...this.#devices.values()]
      .flatMap(({ live, inactive }) => [...(live ?? []), ...(inactive ?? [])])
      .filter((target) => target instanceof PlainSnapshot)
      .filter((target) => target.origin === origin)
  }

  /** The device's number is in the refusal when the device is being made. */
  #makeTable(device: PlainDevice, table: string, deviceNumber?: string): readonly PlainTarget[] {
    let target = ''
    try {
      return parseLines(table).map((line) => {
        target = line.target
        return makeTarget(this, line)
      })
    } catch (error) {
      if (!(error instanceof TargetRefusal)) throw error
      const { errno, message, ofTarget } = error
      const cause = ofTarget ? `${target}: ${message} (-${errno})` : message
      const log = [`device-mapper: table: ${device.number}: ${cause}`]
      throw refusal('reload', errno, { log, ...(deviceNumber === undefined ? {} : { deviceNumber }) })
    }
  }

  #isAtRest(snapshot: PlainSnapshot): boolean {
    const owner = [...this.#devices.values()].find(({ live }) => live?.includes(snapshot))
    // Without an owner it has just been swapped out, which only a suspended device allows.
    return owner === undefined || owner.suspended
  }

  #users(name: string): number {
    const device = this.#device(name, 'info')
    return [...this.#devices.values()].filter(({ live, inactive }) =>
      [...(live ?? []), ...(inactive ?? [])].some((target) => target.uses.includes(device)),
    ).length
  }

  #device(name: string, ioctl: string): PlainDevice {
    const device = this.#devices.get(name)
    if (device === undefined) throw refusal(ioctl, 'ENXIO')
    return device
  }
}

const lines = ({ live = [] }: PlainDevice, text: (target: PlainTarget) => string): string =>
  live.map((target) => `${target.start} ${target.sectors} ${target.name} ${text(target)}`).join('\n')
