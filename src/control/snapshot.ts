/** A snapshot: what an origin looked like at one instant, and what was written to the snapshot since. */

import { present } from '../base/assert.js'
import { errnoName } from '../base/errno-name.js'
import type { ErrorCode } from '../base/errors.js'
import type { Client } from '../coordinator/client.js'
import { Volume } from '../coordinator/volume.js'
import type { MappedDevice } from './mapped-device.js'
import type { PhysicalDevice } from './physical-devices.js'
import type { Durability, SnapshotPlan, StoreType } from './snapshot-options.js'
import type { StoreInstance } from './store-instance.js'

export type SnapshotState = 'Valid' | 'Overflow' | 'Invalid' | 'Merge failed'

export interface SnapshotUsage {
  readonly state: SnapshotState
  /** Sectors of the COW in use, metadata included; what the status line shows first. */
  readonly allocatedSectors: number
  readonly totalSectors: number
  readonly metadataSectors: number
  readonly exceptions: number
  /** As LVM2's Data%: two decimals, 100 exactly when full or invalid, 0 exactly when empty. */
  readonly percent: number
}

export interface RemoveOptions {
  /** Leave a valid store on the COW. Writes to the origin from now on spoil it; its use is to hand the COW to the kernel. */
  readonly keepStore?: boolean
}

/** What a snapshot needs of the origin that owns it. */
export interface SnapshotOwner {
  remove(snapshot: Snapshot, options: RemoveOptions): Promise<void>
}

export interface SnapshotParts {
  readonly owner: SnapshotOwner
  readonly client: Client
  readonly arena: ArrayBufferLike
  readonly plan: SnapshotPlan
  readonly cow: PhysicalDevice
  /** The mapped device that it is. */
  readonly device: MappedDevice
}

export class Snapshot extends Volume implements AsyncDisposable {
  readonly #parts: SnapshotParts

  /** Made by `origin.snapshot()` and `engine.open()`. */
  constructor(parts: SnapshotParts) {
    const { cow, device, plan } = parts
    const facts = { state: device.state, name: plan.name, path: cow.path, readOnly: plan.readOnly }
    super(parts.client, parts.arena, facts, device.gate)
    this.#parts = parts
  }

  /** Chunk size in sectors: the store's, whatever was asked for. */
  get chunkSectors(): number {
    return this.instance.chunkSectors
  }

  get store(): StoreType {
    return this.#parts.plan.store
  }

  get durability(): Durability {
    return this.#parts.plan.durability
  }

  /** Path of the COW; `undefined` when it is memory. */
  get cowPath(): string | undefined {
    return this.#parts.cow.path
  }

  /** Its name among the devices of `engine.mapper`. */
  get deviceName(): string {
    return this.#parts.device.name
  }

  /**
   * The kernel's status text: `Invalid`, `Overflow`, or `<allocated>/<total> <metadata>` in sectors. Exact when no write is
   * in flight; otherwise as of a moment ago. Fails with DEVICE_CLOSED. Source: the `snapshot` target's status line.
   */
  status(): string {
    this.mustBeOpen()
    return this.instance.status()
  }

  /** How full the store is, and whether it is still good. As current as `status()`. Fails with DEVICE_CLOSED. */
  usage(): SnapshotUsage {
    this.mustBeOpen()
    const { instance } = this
    const percent = instance.percent()
    return { state: instance.state(), ...instance.counts(), exceptions: instance.exceptions(), percent }
  }

  /**
   * Removes the snapshot: drains the origin for a moment, forgets the snapshot, and blanks the first bytes of its COW so
   * that the store cannot be continued by mistake. The COW file stays. Fails with IO_ERROR, DEVICE_BUSY, DEVICE_CLOSED.
   */
  async remove(options: RemoveOptions = {}): Promise<void> {
    this.mustBeOpen()
    await this.#parts.owner.remove(this, options)
  }

  get parts(): SnapshotParts {
    return this.#parts
  }

  /** Removes the snapshot if it is still there: `await using` is for snapshots that last as long as a block of code. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.closed) await this.remove()
  }

  get instance(): StoreInstance {
    return present(this.#parts.device.live?.instances[0], `${this.name} is a snapshot's device`)
  }

  protected explain(code: ErrorCode, errno: number): string {
    if (code === 'SNAPSHOT_INVALID') return `the snapshot is invalid (${this.instance.whyInvalid()}); remove it`
    if (code === 'SNAPSHOT_OVERFLOW') {
      return 'its store is full; it can still be read. Copy what you need, or take a new one with a larger COW'
    }
    if (code === 'WORKER_DIED') return 'a worker thread died; the snapshot is unharmed, try again'
    if (code === 'NOT_SUPPORTED') return 'the snapshot takes no discards; use writeZeroes to have zeroes there'
    return `the system answered ${errnoName(errno)} on the origin or on the COW ${this.cowPath ?? 'in memory'}; check both`
  }
}
