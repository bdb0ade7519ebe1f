/**
 * What a worker knows of volumes: its own view of each origin and snapshot, made from control messages. The state that
 * threads share (map, cursor, locks) is behind these views; the views themselves change only between turns.
 */
import type { Geometry } from '../src/format/geometry.js'
import type { BlockFile } from '../src/io/block-file.js'
import type { CommitCursor } from '../src/shm/commit-cursor.js'
import type { ExceptionMap } from '../src/shm/exception-map.js'
import type { FlushFailures } from '../src/shm/flush-failures.js'
import { type MergeWindow, windowMax } from '../src/shm/merge-window.js'
import type { Discards } from '../src/wire/control-message.js'
import type { DeviceOnWire } from '../src/wire/device-on-wire.js'
import type { Route } from '../src/wire/route.js'

export interface OriginView {
  readonly kind: 'origin'
  readonly volume: number
  file: BlockFile
  flushFailures: FlushFailures
  /** Places in the arena must be aligned for its file. */
  isDirect: boolean
  sizeBytes: number
  /**
   * Level in a stack in which copy-on-write volumes write to each other, 1 the lowest: see workers/nested. 0 for all others,
   * whose requests run side by side.
   */
  nested: number
  readonly refusesDiscards: boolean
  /** Largest chunk first; equal sizes keep the order they were attached in, as in the kernel's registry. */
  snapshots: readonly SnapshotView[]
  /** The snapshot that is being merged into it, which is not among `snapshots`. */
  merging: MergingView | undefined
  /** L1: one key is one largest chunk among the snapshots, the merging one included. */
  keyBytes: number
  /** The last turn in which its stores were committed. */
  committedInTurn: number
}

export interface SnapshotView {
  readonly kind: 'snapshot'
  readonly volume: number
  readonly origin: OriginView
  cow: BlockFile
  cowFlushFailures: FlushFailures
  cowIsDirect: boolean
  /** Its length; the origin may go on after it, and no chunk there is ever saved for it. */
  readonly sizeBytes: number
  readonly geometry: Geometry
  readonly chunkBytes: number
  readonly map: ExceptionMap
  readonly cursor: CommitCursor
  readonly persistent: boolean
  readonly overflows: boolean
  readonly discards: Discards
  readonly barriers: boolean
  readonly dataIndexOffset: number
  readonly metadataUnitBytes: number
  /** First position that does not fit, for the COW size it was computed from. */
  endPosition: number
  endForCowBytes: number
  /** The last turn in which the COW was found no shorter than it was. */
  sizeSeenInTurn: number
  /** This turn's copies into the store, a list through `CopyPlan`; -1 when empty. */
  firstJob: number
  lastJob: number
}

/** A snapshot that is being merged: no exception is ever added to it. */
export interface MergingView {
  readonly snapshot: SnapshotView
  readonly window: MergeWindow
  /** The stripes of the window that this worker is taking, each once and ascending, and how many it has. */
  readonly stripes: Int32Array
  stripeCount: number
  stripesHeld: number
}

export type VolumeView = OriginView | SnapshotView

/** A device that requests in place name; its route leads to volumes. */
export type DeviceView = Omit<DeviceOnWire, 'route'> & { readonly route: Route }

export const originOf = (volume: VolumeView): OriginView => (volume.kind === 'snapshot' ? volume.origin : volume)

/** True if a place in the arena must be aligned for requests to a volume. */
export const needsAlignment = (volume: VolumeView): boolean =>
  volume.kind === 'origin'
    ? volume.isDirect || volume.merging?.snapshot.cowIsDirect === true
    : volume.cowIsDirect || volume.origin.isDirect

/** A key when the origin has no snapshots yet: never used to lock, only to route. */
export const keyBytesWithoutSnapshots = 65536

export function orderSnapshots(origin: OriginView, snapshots: readonly SnapshotView[]): void {
  origin.snapshots = [...snapshots].sort((a, b) => b.chunkBytes - a.chunkBytes || a.volume - b.volume)
  chooseKey(origin)
}

export function startMerging(origin: OriginView, snapshot: SnapshotView, window: MergeWindow): void {
  origin.merging = { snapshot, window, stripes: new Int32Array(windowMax), stripeCount: 0, stripesHeld: 0 }
  chooseKey(origin)
}

export function stopMerging(origin: OriginView): void {
  origin.merging = undefined
  chooseKey(origin)
}

function chooseKey(origin: OriginView): void {
  const largest = origin.snapshots[0]?.chunkBytes ?? 0
  origin.keyBytes = Math.max(largest, origin.merging?.snapshot.chunkBytes ?? 0) || keyBytesWithoutSnapshots
}
