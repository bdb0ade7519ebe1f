/**
 * The devices that a recording prepares: mapped devices over storage of their own. They are made and changed through the
 * layer, never below it, so that what uses them sees them change as it saw the recorder's change.
 */
import { patternBytes } from '../pattern.js'
import { initialCow } from '../prepared-devices.js'
import { type PrepRecord, parseTable } from '../recording.js'
import type { DeviceStorage } from './device-storage.js'
import { type DeviceLayer, deviceInfo, withVolume } from './layer.js'
import { removeWithUsers } from './removal.js'

const writeBytesMax = 1 << 20

export class Preparation {
  readonly #layer: DeviceLayer
  readonly #storage: DeviceStorage
  readonly #sectors = new Map<string, number>()
  /** COWs: devices that were given a COW's first content. */
  readonly #cows = new Set<string>()

  constructor(layer: DeviceLayer, storage: DeviceStorage) {
    this.#layer = layer
    this.#storage = storage
  }

  get cows(): ReadonlySet<string> {
    return this.#cows
  }

  /** The length of a prepared device; `undefined` of another. */
  sectors(device: string): number | undefined {
    return this.#sectors.get(device)
  }

  async prepare(record: PrepRecord): Promise<void> {
    switch (record.do) {
      case 'linear':
        return this.#make(record.dev, record.sectors)
      case 'grow':
        return this.resize(record.dev, record.sectors)
      case 'table':
        this.#sectors.set(record.dev, lengthOf(record.table))
        return this.#replace(record.dev, this.#onOwnStorage(record.dev, record.table))
      case 'fill':
        return this.#fill(record.dev, patternBytes(0, this.#length(record.dev), record.salt))
      case 'cowinit':
        this.#cows.add(record.dev)
        return this.#fill(record.dev, initialCow(this.#length(record.dev)))
    }
  }

  /** Gives a device another length over the same storage. */
  async resize(device: string, sectors: number): Promise<void> {
    this.#sectors.set(device, sectors)
    this.#storage.provide(device, sectors)
    await this.#replace(device, this.#plain(device, sectors))
  }

  /** Zeroes the first sectors of a device. */
  async zero(device: string, sectors: number): Promise<void> {
    await withVolume(this.#layer, device, (volume) => volume.write(0, new Uint8Array(sectors * 512)))
  }

  async #make(device: string, sectors: number): Promise<void> {
    if (deviceInfo(this.#layer, device) !== undefined) await removeWithUsers(this.#layer, device)
    this.#cows.delete(device)
    this.#sectors.set(device, sectors)
    this.#storage.provide(device, sectors)
    await this.#layer.create(device, this.#plain(device, sectors))
  }

  async #replace(device: string, table: string): Promise<void> {
    await this.#layer.suspend(device)
    await this.#layer.load(device, table)
    await this.#layer.resume(device)
  }

  async #fill(device: string, bytes: Uint8Array): Promise<void> {
    await withVolume(this.#layer, device, async (volume) => {
      for (let at = 0; at < bytes.length; at += writeBytesMax) {
        await volume.write(at, bytes.subarray(at, Math.min(at + writeBytesMax, bytes.length)))
      }
    })
  }

  #plain(device: string, sectors: number): string {
    return `0 ${sectors} linear ${this.#storage.path(device)} 0`
  }

  /** A recorded table with the recorder's number of the storage (`1:N`) replaced by the file that stands for it. */
  #onOwnStorage(device: string, table: string): string {
    return table.replace(/\b1:\d+\b/g, this.#storage.path(device))
  }

  #length(device: string): number {
    const sectors = this.#sectors.get(device)
    if (sectors === undefined) throw new Error(`${device} gets content before it was made`)
    return sectors
  }
}

const lengthOf = (table: string): number => parseTable(table).reduce((sum, { sectors }) => sum + sectors, 0)
