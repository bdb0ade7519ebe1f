/** What a table can be laid over: a file, block device or memory, or a mapped device. */
import type { BlockFileDescriptor } from '../io/block-file.js'
import type { MappedDevice } from './mapped-device.js'

/** How a table uses a device; a device is open once for each way that a mapped device uses it in. */
export type UseMode = 'r' | 'w'

export abstract class Device {
  /** Mapped devices whose live table uses this one. */
  readonly uppers = new Set<MappedDevice>()
  /** Who uses it, by live or inactive tables: how often in each mode. */
  readonly #uses = new Map<MappedDevice, Record<UseMode, number>>()

  abstract readonly major: number
  abstract readonly minor: number
  /** For messages: a name or a path. */
  abstract readonly name: string
  abstract readonly writable: boolean
  /** Its length now. */
  abstract sizeBytes(): number
  abstract blockSectors(): number
  /** What serves its bytes, tables below it resolved. */
  abstract descriptor(): BlockFileDescriptor
  /** What the kernel's messages call it. */
  abstract readonly kernelName: string

  get number(): string {
    return `${this.major}:${this.minor}`
  }

  use(by: MappedDevice, mode: UseMode): void {
    const uses = this.#uses.get(by) ?? { r: 0, w: 0 }
    uses[mode]++
    this.#uses.set(by, uses)
  }

  release(by: MappedDevice, mode: UseMode): void {
    const uses = this.#uses.get(by)
    if (uses === undefined) return
    uses[mode]--
    if (uses.r + uses.w === 0) this.#uses.delete(by)
  }

  /** Opens by mapped devices: one for each that uses it and each way it does so. */
  get usedCount(): number {
    let count = 0
    for (const { r, w } of this.#uses.values()) count += (r > 0 ? 1 : 0) + (w > 0 ? 1 : 0)
    return count
  }

  get users(): Iterable<MappedDevice> {
    return this.#uses.keys()
  }
}
