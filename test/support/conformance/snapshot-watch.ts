/**
 * Follows what becomes of the snapshots from record to record: which have overflowed, which were taken without resuming the
 * origin afterwards, and which became invalid during a request over several chunks, because which of the exceptions then in
 * flight were committed depends on timing.
 */
import type { RequestRecord } from '../recording.js'
import { type DeviceLayer, deviceInfo } from './layer.js'

interface Snapshot {
  readonly status: string
  readonly origin: string
  readonly cow: string
  readonly chunkSectors: number
}

export class SnapshotWatch {
  readonly #layer: DeviceLayer
  readonly #overflowed = new Set<string>()
  readonly #resumedSince = new Set<string>()
  readonly #unsettled = new Map<string, number>()

  constructor(layer: DeviceLayer) {
    this.#layer = layer
  }

  hasOverflowed(device: string): 'yes' | 'no' {
    return this.#overflowed.has(device) ? 'yes' : 'no'
  }

  originResumed(device: string): 'yes' | 'no' {
    return this.#resumedSince.has(device) ? 'yes' : 'no'
  }

  /** How many exceptions a COW had before the request that left it unsettled; `undefined` if none did. */
  settledExceptions(cow: string): number | undefined {
    return this.#unsettled.get(cow)
  }

  deviceIsNew(device: string): void {
    this.#overflowed.delete(device)
    this.#resumedSince.delete(device)
  }

  /** To be told that a device was resumed: if it is an origin, its snapshots are no longer taken in passing. */
  resumed(device: string): void {
    const [, , target, on] = this.#tableWords(device)
    if (target !== 'snapshot-origin') return
    for (const [name, { origin }] of this.snapshots()) if (origin === on) this.#resumedSince.add(name)
  }

  cowIsNew(cow: string): void {
    this.#unsettled.delete(cow)
  }

  /** The live snapshots, by device. */
  snapshots(): ReadonlyMap<string, Snapshot> {
    const names = new Map(this.#layer.list().map(({ name, major, minor }) => [`${major}:${minor}`, name]))
    const found = new Map<string, Snapshot>()
    for (const { name } of this.#layer.list()) {
      const [, , target, origin = '', cow, , chunk] = this.#tableWords(name)
      if (target !== 'snapshot') continue
      const status = this.#layer.status(name).split(' ').slice(3).join(' ')
      found.set(name, { status, origin, cow: names.get(cow ?? '') ?? '', chunkSectors: Number(chunk) })
    }
    return found
  }

  /** To be told after a request what the snapshots were before it. */
  afterRequest(before: ReadonlyMap<string, Snapshot>, { off, len }: RequestRecord): void {
    for (const [device, { status }] of this.snapshots()) {
      if (status === 'Overflow') this.#overflowed.add(device)
      const earlier = before.get(device)
      if (status !== 'Invalid' || earlier === undefined || earlier.status === 'Invalid') continue
      const { chunkSectors, cow } = earlier
      if (Math.floor(off / chunkSectors) === Math.floor((off + len - 1) / chunkSectors)) continue
      const numbers = /^(\d+)\/\d+ (\d+)$/.exec(earlier.status)
      const dataSectors = numbers === null ? 0 : Number(numbers[1]) - Number(numbers[2])
      this.#unsettled.set(cow, dataSectors / chunkSectors)
    }
  }

  #tableWords(device: string): readonly string[] {
    return deviceInfo(this.#layer, device) === undefined ? [] : this.#layer.table(device).split(' ')
  }
}
