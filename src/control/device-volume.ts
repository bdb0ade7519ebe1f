/** A mapped device, opened: reads and writes it until it is closed, whatever table it has by then. */

import { errnoName } from '../base/errno-name.js'
import type { ErrorCode } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Volume } from '../coordinator/volume.js'
import { type MappedDevice, placeOf } from './mapped-device.js'

export interface DeviceVolumeParts {
  readonly machinery: Machinery
  readonly device: MappedDevice
  readonly readOnly: boolean
  readonly onClose: (volume: DeviceVolume) => Promise<void>
}

export class DeviceVolume extends Volume implements AsyncDisposable {
  readonly device: MappedDevice
  readonly #onClose: (volume: DeviceVolume) => Promise<void>

  /** Made by `mapper.open()`. */
  constructor({ device, machinery, onClose, readOnly }: DeviceVolumeParts) {
    const place = placeOf(device, machinery)
    const facts = { state: device.state, name: device.name, path: undefined, readOnly, place }
    super(machinery.client, machinery.arena.buffer, facts, device.gate)
    this.device = device
    this.#onClose = onClose
  }

  /** The device's name now: it may be renamed while it is open. */
  override get name(): string {
    return this.device.name
  }

  /** Waits for nothing: what is in flight goes on. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.closed) return
    this.shut()
    await this.#onClose(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  protected explain(code: ErrorCode, errno: number): string {
    if (code === 'WORKER_DIED') return 'a worker thread died; the device is unharmed, try again'
    if (code === 'SNAPSHOT_INVALID') return `the snapshot is invalid (${this.#whyInvalid()}); remove it`
    if (code === 'SNAPSHOT_OVERFLOW') {
      return 'its store is full; it can still be read. Copy what you need, or take a new one with a larger COW'
    }
    if (code === 'NOT_SUPPORTED' && errno !== 0) {
      return 'what lies below cannot discard; use writeZeroes to have zeroes there'
    }
    if (code === 'NOT_SUPPORTED') return this.#whyNoDiscard()
    if (code === 'DEVICE_CLOSED') return 'the device was removed'
    if (code === 'OUT_OF_RANGE') return 'it got a shorter table while the request waited'
    if (code === 'READ_ONLY') return 'it got a table to read only while the request waited'
    return `the system answered ${errnoName(errno)} on a device below it; check what its table names`
  }

  #whyNoDiscard(): string {
    const passesDown = this.device.live?.instances.some(({ plan }) => plan.discards === 'zeroes-and-passdown') ?? false
    return passesDown
      ? 'passed down to the origin it would spoil the other snapshots; remove them first, or use writeZeroes'
      : 'a snapshot-origin takes no discards, and a snapshot only with discard_zeroes_cow; use writeZeroes'
  }

  #whyInvalid(): string {
    const invalid = this.device.live?.instances.find((instance) => instance.state() === 'Invalid')
    return invalid?.whyInvalid() ?? 'one below it'
  }
}
