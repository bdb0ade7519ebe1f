/**
 * The store of one snapshot target: what it is, how full it is, and whether it waits for a handover, is in use, or gave its
 * exceptions away.
 *
 *     loaded ──resume──▶ active ──another takes over──▶ handed over (Invalid for good)
 *                        └─ merges: until its store is empty, or a step fails (Merge failed)
 *     waiting (another active target has the COW) ──resume──▶ active
 *             └─ the other goes away first ──▶ cancelled (Invalid)
 */
import { errnoName } from '../base/errno-name.js'
import type { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { percentOf, statusText, type Usage, usageOf } from '../format/usage.js'
import { invalidationReason, storeState } from '../shm/commit-cursor.js'
import { mergeWindowBytes } from '../shm/merge-window.js'
import type { StoreSpec } from '../targets/snapshot.js'
import type { Discards, SnapshotOnWire } from '../wire/control-message.js'
import type { FileOnWire } from '../wire/file-on-wire.js'
import { VolumeRoute } from '../wire/route.js'
import type { Device } from './device.js'
import type { Family } from './family.js'
import type { LoadedStore } from './load-store.js'
import type { MappedDevice } from './mapped-device.js'
import type { Merge } from './merge.js'
import type { MergeLoop } from './merge-loop.js'
import type { Durability } from './snapshot-options.js'

export interface InstancePlan {
  readonly owner: MappedDevice
  readonly family: Family
  readonly cow: Device
  readonly spec: StoreSpec
  readonly durability: Durability
  readonly discards: Discards
  readonly sectors: number
  /** Of a `snapshot-merge` target: its exceptions go back to the origin. */
  readonly merges: boolean
  /** What steers it. */
  readonly merge: Merge | undefined
  /** Makes an invalidation durable whose header could not be written; without one nothing can. */
  readonly onHeaderFailed: (() => void) | undefined
}

export type InstanceState = 'Valid' | 'Overflow' | 'Invalid' | 'Merge failed'

export class StoreInstance {
  /** Its table's; a handover adds what comes with the store. */
  plan: InstancePlan
  readonly route: VolumeRoute
  /** None while waiting for a handover, and after one. */
  store: LoadedStore | undefined
  /** The workers know it: it has been resumed once. */
  isAttached = false
  /** Its exceptions went to another target, or will never come. */
  isLost = false
  /** What was last reported, so that an event is raised once. */
  reported: InstanceState = 'Valid'
  /** The highest watermark that was told. */
  watermarkPassed = 0
  /** Of one that merges: its loop, since it was resumed. */
  loop: MergeLoop | undefined
  /** Some of its exceptions have gone back to the origin. */
  hasMerged = false
  /** Why merging ended before its end. */
  mergeFailure: CowringError | undefined
  #windowMemory: SharedArrayBuffer | undefined

  constructor(plan: InstancePlan, volume: number, store: LoadedStore | undefined) {
    this.plan = plan
    this.route = new VolumeRoute(volume)
    this.store = store
    this.reported = this.state()
  }

  get volume(): number {
    return this.route.volume
  }

  /** Where workers keep the window of its merge. */
  get windowMemory(): SharedArrayBuffer | undefined {
    if (this.plan.merges) this.#windowMemory ??= new SharedArrayBuffer(mergeWindowBytes)
    return this.#windowMemory
  }

  /** Its store as its COW has it, after its merge has failed: nothing of the merge is left. */
  loadAgain(store: LoadedStore): void {
    this.store = store
    this.mergeFailure = undefined
    this.#windowMemory = undefined
    this.reported = this.state()
  }

  /** The store's chunk; 0 while it has none. */
  get chunkSectors(): number {
    return this.store?.geometry.chunkSectors ?? 0
  }

  state(): InstanceState {
    if (this.isLost) return 'Invalid'
    const state = this.store?.cursor.state() ?? storeState.valid
    if (state >= storeState.invalidating) return 'Invalid'
    // An overflow does not hide how far a merge is; the kernel's does.
    if (this.plan.merges) return this.mergeFailure === undefined ? 'Valid' : 'Merge failed'
    return state === storeState.overflow ? 'Overflow' : 'Valid'
  }

  /** The status line's arguments. */
  status(): string {
    const state = this.state()
    return state === 'Valid' ? statusText(this.counts()) : state
  }

  /** As LVM2's Data%; 100 for a store that is not valid. */
  percent(): number {
    return this.state() === 'Valid' ? percentOf(this.counts()) : 100
  }

  exceptions(): number {
    return this.store?.cursor.claimed() ?? 0
  }

  /** How full the store is, and whether it is still good. */
  usage(): Usage & { readonly state: InstanceState; readonly exceptions: number; readonly percent: number } {
    return { state: this.state(), ...this.counts(), exceptions: this.exceptions(), percent: this.percent() }
  }

  counts(): Usage {
    const cowSectors = bytesToSectors(this.plan.cow.sizeBytes())
    if (this.store === undefined) return { allocatedSectors: 0, totalSectors: cowSectors, metadataSectors: 0 }
    const { cursor, dataIndexOffset, geometry } = this.store
    if (this.plan.spec.store === 'N') {
      const { chunkSectors } = geometry
      return usageOf({ kind: 'transient', chunkSectors, allocated: cursor.claimed(), cowSectors })
    }
    const committed = cursor.committed()
    // Once something is merged the kernel counts as if the list had no holes.
    const nextDataIndex = this.hasMerged ? committed : cursor.claimed() + dataIndexOffset
    const committedEntries = this.loop?.hasSteppedBack === true ? committed - 1 : committed
    return usageOf({ kind: 'persistent', geometry, nextDataIndex, committedEntries, cowSectors })
  }

  whyInvalid(): string {
    if (this.isLost) return 'another target has taken its exceptions over'
    const cursor = this.store?.cursor
    const errno = cursor?.errno() ?? 0
    const cause = errno === 0 ? '' : `, ${errnoName(errno)}`
    switch (cursor?.reason()) {
      case invalidationReason.full:
        return 'its store was full'
      case invalidationReason.originReadFailed:
        return `a chunk of the origin could not be read${cause}`
      case invalidationReason.cowWriteFailed:
        return `a chunk could not be written to its COW${cause}`
      case invalidationReason.metadataWriteFailed:
        return `its list of exceptions could not be written${cause}`
      case invalidationReason.flushFailed:
        return `its COW could not be flushed${cause}`
      case invalidationReason.storeShrank:
        return 'its COW became smaller while in use'
      default:
        return 'its header says so'
    }
  }

  /** What the workers are told, with the places of the shared memory that travels beside it. */
  onWire(
    store: LoadedStore,
    cow: FileOnWire,
    { cursorBuffer, mapBuffers, windowBuffer }: Pick<SnapshotOnWire, 'cursorBuffer' | 'mapBuffers' | 'windowBuffer'>,
  ): SnapshotOnWire {
    const { cow: cowDevice, durability, family, sectors, spec } = this.plan
    return {
      volume: this.volume,
      origin: family.volume,
      cow,
      sizeBytes: sectorsToBytes(sectors),
      chunkSectors: store.geometry.chunkSectors,
      kind: spec.store === 'N' ? 'transient' : 'persistent',
      overflows: spec.store === 'PO',
      discards: this.plan.discards,
      barriers: durability === 'power-loss',
      dataIndexOffset: store.dataIndexOffset,
      metadataUnitBytes: sectorsToBytes(cowDevice.blockSectors()),
      cursorBuffer,
      mapBuffers,
      windowBuffer,
    }
  }
}
