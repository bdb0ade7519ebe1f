/** A snapshot: what an origin looked like at one instant, and what was written to the snapshot since. */

import { present } from '../base/assert.js'
import { errnoName } from '../base/errno-name.js'
import type { ErrorCode } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Volume } from '../coordinator/volume.js'
import { type MappedDevice, placeOf } from './mapped-device.js'
import type { Merge, MergeOptions } from './merge.js'
import { mergingOn } from './merge-swap.js'
import type { PhysicalDevice } from './physical-devices.js'
import type { Durability, SnapshotPlan, StoreType } from './snapshot-options.js'
import type { StoreInstance } from './store-instance.js'

/** The kernel's words, and two of our own for a snapshot that goes back into its origin. */
export type SnapshotState = 'Valid' | 'Overflow' | 'Invalid' | 'Merge failed' | 'merging' | 'merged'

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
  merge(snapshot: Snapshot, options: MergeOptions): Merge
}

export interface SnapshotParts {
  readonly owner: SnapshotOwner
  readonly machinery: Machinery
  readonly plan: SnapshotPlan
  readonly cow: PhysicalDevice
  /** The mapped device that it is. */
  readonly device: MappedDevice
  /** Of one that was being merged when its origin was opened. */
  readonly merge?: Merge
}

export class Snapshot extends Volume implements AsyncDisposable {
  readonly #parts: SnapshotParts
  #merge: Merge | undefined
  /** The device that shows its content while it is merged, and is its origin. */
  #mergesInto: MappedDevice | undefined
  #isMerged = false
  #instance: StoreInstance | undefined

  /** Made by `origin.snapshot()` and `engine.open()`. */
  constructor(parts: SnapshotParts) {
    const { cow, device, machinery, plan } = parts
    const place = placeOf(device, machinery)
    const facts = { state: device.state, name: plan.name, path: cow.path, readOnly: plan.readOnly, place }
    super(machinery.client, machinery.arena.buffer, facts, device.gate)
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
   * The kernel's status text: `Invalid`, `Overflow`, `Merge failed`, or `<allocated>/<total> <metadata>` in sectors, which get
   * fewer while it is merged; and `merged` afterwards. Exact when no write is in flight; otherwise as of a moment ago. Fails
   * with DEVICE_CLOSED. Source: the status lines of the targets `snapshot` and `snapshot-merge`.
   */
  status(): string {
    if (this.#isMerged) return 'merged'
    this.mustBeOpen()
    return this.instance.status()
  }

  /** How full the store is, and whether it is still good. As current as `status()`. Fails with DEVICE_CLOSED. */
  usage(): SnapshotUsage {
    if (this.#isMerged) {
      return { state: 'merged', allocatedSectors: 0, totalSectors: 0, metadataSectors: 0, exceptions: 0, percent: 0 }
    }
    this.mustBeOpen()
    const usage = this.instance.usage()
    return this.#merge !== undefined && usage.state === 'Valid' ? { ...usage, state: 'merging' } : usage
  }

  /**
   * Rolls the origin back to this snapshot, and to what was written to the snapshot since: its exceptions go back into the
   * origin, and when all have, the snapshot is gone. The origin shows the snapshot's content from this call on, and can be used
   * all the time: a request submitted after the call sees that content, and no write submitted after it is rolled back. This
   * handle stays readable meanwhile, shows what the origin shows, and refuses writes. Other snapshots keep their content.
   *
   * A crash at any moment loses nothing that was acknowledged: opened again, an origin that remembers its snapshots goes on. One
   * snapshot of an origin can be merged at a time. Called again, it is the merge under way, or one that goes on with what a
   * cancelled or failed one has left; a paused one is resumed. Limits that are not given stay, `undefined` lifts one. Throws
   * INVALID_ARGUMENT, READ_ONLY, DEVICE_BUSY, DEVICE_CLOSED; what fails later is told by `finished`. Source: the
   * `snapshot-merge` target; lvconvert(8), `--merge`.
   */
  merge(options: MergeOptions = {}): Merge {
    this.mustBeOpen()
    return this.#parts.owner.merge(this, options)
  }

  /**
   * The merge under way, or the last one; `undefined` for a snapshot that nobody has merged. When the origin was opened to be read
   * it is paused, and cannot go on.
   */
  get merging(): Merge | undefined {
    return this.#merge
  }

  override get readOnly(): boolean {
    return super.readOnly || this.#merge !== undefined
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

  /** What has its exceptions; the last one that had, while its merge is being loaded again. */
  get instance(): StoreInstance {
    const merging = this.#mergesInto === undefined ? undefined : mergingOn(this.#mergesInto)
    this.#instance = merging ?? this.#parts.device.live?.instances[0] ?? this.#instance
    return present(this.#instance, `${this.name} is a snapshot's device`)
  }

  // ── for the origin that merges it ───────────────────────────────────────────────────────────────────────────────────

  /** It is the merge's from now on; without one, its own again. */
  becomeMerging(merge: Merge | undefined): void {
    this.#merge = merge
  }

  /** Its exceptions go to the snapshot-merge target of this device, or have gone there; of none, if its merge has not begun. */
  showOn(device: MappedDevice | undefined): void {
    this.#mergesInto = device
  }

  becomeMerged(): void {
    this.#isMerged = true
    this.shut()
  }

  protected override whyReadOnly(): string {
    return this.#merge === undefined ? super.whyReadOnly() : 'is being merged; write to the origin'
  }

  protected override whyClosed(): string {
    return this.#isMerged ? 'was merged into its origin; that has its content now' : super.whyClosed()
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
