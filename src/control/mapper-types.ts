/**
 * What the mapper says about devices, in the words of dmsetup: the shapes that programs, the daemon and the command line
 * share. Plain data; it crosses sockets.
 */
import type { SnapshotState, SnapshotUsage } from './snapshot.js'
import type { Durability } from './snapshot-options.js'

/** A device as `dmsetup info` shows it. */
export interface DeviceInfo {
  readonly name: string
  readonly uuid: string | undefined
  readonly major: number
  readonly minor: number
  /** Length of the live table in sectors of 512 bytes; 0 without one. */
  readonly sectors: number
  readonly suspended: boolean
  readonly readOnly: boolean
  /** Marked for removal at its last close. */
  readonly deferredRemove: boolean
  /** Whether there is a live and an inactive table. */
  readonly live: boolean
  readonly inactive: boolean
  /** Volumes opened on it, and devices whose live or inactive table uses it. */
  readonly openCount: number
  readonly eventNumber: number
  /** Targets of the live table. */
  readonly targetCount: number
}

/** A device that another one uses. */
export interface DeviceNumber {
  readonly major: number
  readonly minor: number
  /** The name of a mapped device; `undefined` for a file, a block device or memory. */
  readonly name: string | undefined
  /** Absolute path of a file or block device; `undefined` for mapped devices and memory. */
  readonly path: string | undefined
}

/** The store of a mapped device. */
export interface StoreUsage extends Omit<SnapshotUsage, 'state'> {
  /** Of which target it is. */
  readonly target: 'snapshot' | 'snapshot-merge'
  /** `merging` is every merge that is well, also one that is paused, or done with its table still there. */
  readonly state: Exclude<SnapshotState, 'merged'>
}

export interface LoadOptions {
  /** Refuses writes through this table; what it uses is opened for reading where that is enough. */
  readonly readOnly?: boolean
  /** What relative paths in the table are relative to: an absolute path; the process's own folder by default. */
  readonly folder?: string
  /** For the persistent snapshots of this table: `power-loss` by default. */
  readonly durability?: Exclude<Durability, 'none'>
}

export interface CreateOptions extends LoadOptions {
  /** At most 128 characters, unique; can be set once. */
  readonly uuid?: string
  /** The minor number; the lowest free one by default. */
  readonly minor?: number
}

export interface SuspendOptions {
  /** Do not wait for the requests that are in flight. */
  readonly noFlush?: boolean
}

export interface RemoveDeviceOptions {
  /** Swap in an `error` table first, so that what still uses the device fails instead of waiting. */
  readonly force?: boolean
  /** If it is open, remove it at its last close. */
  readonly deferred?: boolean
  /** If it is open, try again for some seconds. */
  readonly retry?: boolean
}

export interface TargetVersion {
  readonly name: string
  readonly version: readonly [number, number, number]
}

/**
 * Something that happened to a device. `eventNumber` is the device's after it. Kinds that count raise it by one, so that
 * `wait` cannot miss them: `invalid`, `overflow`, `watermark`, `renamed`, `removed`, `io-error`. A table swap and an extension
 * wake those who wait, and are not counted, as in the kernel.
 */
export type MapperEvent = { readonly device: string; readonly eventNumber: number } & (
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'overflow' }
  /** A store's usage passed `watermark` percent. */
  | { readonly kind: 'watermark'; readonly watermark: number; readonly percent: number }
  /** A file-backed COW was extended; or could not be, and says why. */
  | { readonly kind: 'extended'; readonly fromSectors: number; readonly toSectors: number }
  | { readonly kind: 'extend-failed'; readonly reason: string }
  /** A snapshot-merge target has merged everything, or could not; see its status. */
  | { readonly kind: 'merged' }
  | { readonly kind: 'merge-failed'; readonly reason: string }
  | { readonly kind: 'table' }
  | { readonly kind: 'renamed'; readonly from: string }
  | { readonly kind: 'removed' }
  /** A stripe has seen an I/O error. */
  | { readonly kind: 'io-error'; readonly target: string }
)

export interface MapperOptions {
  /** Percentages of a store's usage that raise an event when they are passed; none by default. */
  readonly watermarks?: readonly number[]
  /** Extends file-backed COWs as LVM2 does; off by default. */
  readonly autoExtend?: {
    /** LVM2's `snapshot_autoextend_threshold`: 50 to 100 percent; 100 never extends. */
    readonly threshold: number
    /** LVM2's `snapshot_autoextend_percent`: by how much of the present size at least. */
    readonly percent: number
  }
}
