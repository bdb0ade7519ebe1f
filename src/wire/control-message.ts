/**
 * Control messages: how the coordinator tells the workers about volumes. msgpackr encodes them; shared memory travels
 * beside the bytes, because it is shared and not copied.
 *
 * The coordinator sends a change of an origin only while that origin is drained, so a worker that carries a message out
 * has no piece of it.
 */
import { Packr } from 'msgpackr'
import type { DeviceOnWire } from './device-on-wire.js'
import type { EngineMemory } from './engine-memory.js'
import type { FileOnWire } from './file-on-wire.js'

export interface OriginOnWire {
  readonly volume: number
  readonly file: FileOnWire
  readonly sizeBytes: number
  /** Level in a stack in which one copy-on-write volume writes to another, 1 the lowest, 0 for others: see workers/nested. */
  readonly nested: number
  /** A snapshot-origin, which takes no discards even while it has no snapshots. */
  readonly refusesDiscards: boolean
}

/**
 * What a snapshot does with discards: refuse them, zero the store's copies, or pass them down to the origin as well. The
 * kernel's features `discard_zeroes_cow` and `discard_passdown_origin`.
 */
export type Discards = 'refused' | 'zeroes' | 'zeroes-and-passdown'

export interface SnapshotOnWire {
  readonly volume: number
  readonly origin: number
  readonly cow: FileOnWire
  /** Length of the snapshot, which may end before its origin does. */
  readonly sizeBytes: number
  readonly chunkSectors: number
  readonly kind: 'persistent' | 'transient'
  /** PO: a snapshot write that finds no room overflows the snapshot instead of invalidating it. */
  readonly overflows: boolean
  readonly discards: Discards
  /** True for `power-loss`: data and entries are each followed by a barrier. */
  readonly barriers: boolean
  /** Data index minus position, for stores whose list has holes. */
  readonly dataIndexOffset: number
  /** Metadata is written in units of this many bytes: the COW's logical block. */
  readonly metadataUnitBytes: number
  /** Of a snapshot that is being merged: the memory of its merge's window. */
  readonly windowBuffer: number | undefined
  readonly cursorBuffer: number
  readonly mapBuffers: readonly number[]
}

export type ControlMessage =
  | ({ readonly kind: 'attach-origin' } & OriginOnWire)
  /** The files below an origin or a snapshot are others now: a table was swapped there. */
  | ({ readonly kind: 'change-origin' } & OriginOnWire)
  | { readonly kind: 'change-snapshot'; readonly volume: number; readonly cow: FileOnWire }
  | { readonly kind: 'detach-origin'; readonly volume: number }
  | { readonly kind: 'attach-snapshot'; readonly snapshot: SnapshotOnWire }
  | { readonly kind: 'detach-snapshot'; readonly volume: number }
  /** Scratch in the arena for nested writes, one for each level; for the one worker that serves such stacks. */
  | { readonly kind: 'nested-scratch'; readonly worker: number; readonly offsets: readonly number[] }
  /** Carried out like any other: passing it means that a turn boundary was passed. */
  | { readonly kind: 'sync' }
  /**
   * Finish what the runner of this number left that died: a worker's predecessor, or a seat; see workers/recover. `claimed` says
   * how far each store's claims went when it was found dead, `deadOwners` which owners of lock and commit words are dead now.
   */
  | {
      readonly kind: 'recover'
      readonly runner: number
      readonly claimed: readonly (readonly [volume: number, claimedEnd: number])[]
      readonly deadOwners: readonly number[]
    }
  /** To seats only: what a device is now, and that nobody has it open any more. */
  | { readonly kind: 'device'; readonly device: DeviceOnWire }
  | { readonly kind: 'device-gone'; readonly number: number }
  | { readonly kind: 'stop' }

export interface ControlFrame {
  readonly body: Uint8Array
  readonly buffers: readonly SharedArrayBuffer[]
}

const packr = new Packr({ useRecords: false })

export function encodeControl(message: ControlMessage, buffers: readonly SharedArrayBuffer[]): ControlFrame {
  return { body: packr.pack(message), buffers }
}

export function decodeControl(frame: ControlFrame): ControlMessage {
  return packr.unpack(frame.body) as ControlMessage
}

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly worker: number
  readonly memory: EngineMemory
  readonly scratchOffset: number
  /** The coordinator's `performance.timeOrigin`: latencies are counted on its clock. */
  readonly clockOriginMs: number
}
