/** What a caller asks of a snapshot, checked and with its defaults filled in. */
import { CowringError } from '../base/errors.js'
import { validateChunkSectors } from '../format/geometry.js'
import type { Source } from '../io/open-source.js'
import type { Discards } from '../wire/control-message.js'
import { isSnapshotName } from './remembered-snapshots.js'

/** `P` persistent; `PO` persistent, and a full store overflows instead of becoming invalid; `N` transient. */
export type StoreType = 'P' | 'PO' | 'N'

/**
 * What a resolved write survives. `power-loss`: entries and data are each followed by a barrier, as in the kernel.
 * `process-crash`: the page cache, which outlives the process and not the machine. `none`: nothing.
 */
export type Durability = 'power-loss' | 'process-crash' | 'none'

export interface SnapshotOptions {
  /** Where the copies go: a path of a file or block device, or memory. */
  readonly cow: Source
  /** Size of a new COW file in bytes (sparse); the largest useful size by default. An existing COW keeps its size. */
  readonly cowBytes?: number
  /** A power of two from 1 (512 bytes) to 2,097,152 (1 GiB); 32 (16 KiB) by default. An existing store keeps its own. */
  readonly chunkSectors?: number
  /** `P` by default. */
  readonly store?: StoreType
  /** `power-loss` by default for `P` and `PO`; a transient store has `none`. */
  readonly durability?: Durability
  /** Refuses writes to the snapshot. Its COW is written to all the same. */
  readonly readOnly?: boolean
  /** Unique among the origin's snapshots; the COW's file name without its ending by default. */
  readonly name?: string
}

export interface SnapshotPlan {
  readonly cow: Source
  readonly cowBytes: number | undefined
  readonly chunkSectors: number | undefined
  readonly store: StoreType
  readonly durability: Durability
  readonly readOnly: boolean
  readonly name: string
  /** `refused` by default; only table lines can ask for more. */
  readonly discards?: Discards
}

/** The kernel's default for a table that names no chunk size: 16 KiB. */
export const chunkSectorsDefault = 32

/** Fails with INVALID_ARGUMENT. */
export function planSnapshot(options: SnapshotOptions, defaultName: string): SnapshotPlan {
  const store = options.store ?? 'P'
  if (!['P', 'PO', 'N'].includes(store)) throw invalid(`store '${store}' is not one of P, PO, N`)
  const durability = options.durability ?? (store === 'N' ? 'none' : 'power-loss')
  const fitting: readonly Durability[] = store === 'N' ? ['none'] : ['power-loss', 'process-crash']
  if (!fitting.includes(durability)) {
    throw invalid(`durability '${durability}' does not go with store ${store}; use ${fitting.join(' or ')}`)
  }
  const { chunkSectors } = options
  const refused = chunkSectors === undefined ? undefined : validateChunkSectors(chunkSectors, [1])
  if (refused !== undefined) throw invalid(`chunkSectors ${chunkSectors}: ${refused}`)
  const name = options.name ?? defaultName
  if (!isSnapshotName(name)) {
    throw invalid(`'${name}' is no name for a snapshot: 1 to 127 characters, no '/' and no control characters`)
  }
  return {
    cow: options.cow,
    cowBytes: options.cowBytes,
    chunkSectors,
    store,
    durability,
    readOnly: options.readOnly ?? false,
    name,
  }
}

const invalid = (text: string) => new CowringError('INVALID_ARGUMENT', text, { reason: text })
