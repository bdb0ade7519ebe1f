/** A snapshot: what an origin looked like at one instant, and what was written to the snapshot since. */
import { errnoName } from '../base/errno-name.js'
import type { ErrorCode } from '../base/errors.js'
import { bytesToSectors } from '../base/units.js'
import type { Client } from '../coordinator/client.js'
import type { Gate } from '../coordinator/gate.js'
import type { Transfer } from '../coordinator/transfer.js'
import { Volume, type VolumeFacts } from '../coordinator/volume.js'
import { percentOf, statusText, type Usage, usageOf } from '../format/usage.js'
import type { BlockFile } from '../io/block-file.js'
import type { OpenedSource } from '../io/open-source.js'
import { invalidationReason, storeState } from '../shm/commit-cursor.js'
import type { LoadedStore } from './load-store.js'
import type { Durability, SnapshotPlan, StoreType } from './snapshot-options.js'

export type SnapshotState = 'Valid' | 'Overflow' | 'Invalid'

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
  readonly gate: Gate<Transfer>
  remove(snapshot: Snapshot, options: RemoveOptions): Promise<void>
}

export interface SnapshotParts {
  readonly owner: SnapshotOwner
  readonly client: Client
  readonly arena: ArrayBufferLike
  readonly facts: VolumeFacts
  readonly plan: SnapshotPlan
  readonly source: OpenedSource
  readonly file: BlockFile
  readonly store: LoadedStore
}

export class Snapshot extends Volume implements AsyncDisposable {
  readonly #parts: SnapshotParts

  /** Made by `origin.snapshot()` and `engine.open()`. */
  constructor(parts: SnapshotParts) {
    super(parts.client, parts.arena, parts.facts, parts.owner.gate)
    this.#parts = parts
  }

  /** Chunk size in sectors: the store's, whatever was asked for. */
  get chunkSectors(): number {
    return this.#parts.store.geometry.chunkSectors
  }

  get store(): StoreType {
    return this.#parts.plan.store
  }

  get durability(): Durability {
    return this.#parts.plan.durability
  }

  /** Path of the COW; `undefined` when it is memory. */
  get cowPath(): string | undefined {
    return this.#parts.source.path
  }

  /**
   * The kernel's status text: `Invalid`, `Overflow`, or `<allocated>/<total> <metadata>` in sectors. Exact when no write is
   * in flight; otherwise as of a moment ago. Fails with DEVICE_CLOSED. Source: the `snapshot` target's status line.
   */
  status(): string {
    const state = this.#state()
    return state === 'Valid' ? statusText(this.#counts()) : state
  }

  /** How full the store is, and whether it is still good. As current as `status()`. Fails with DEVICE_CLOSED. */
  usage(): SnapshotUsage {
    const state = this.#state()
    const counts = this.#counts()
    const percent = state === 'Valid' ? percentOf(counts) : 100
    return { state, ...counts, exceptions: this.#parts.store.cursor.claimed(), percent }
  }

  /**
   * Removes the snapshot: drains the origin for a moment, forgets the snapshot, and blanks the first bytes of its COW so
   * that the store cannot be continued by mistake. The COW file stays. Fails with IO_ERROR, DEVICE_CLOSED.
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

  protected explain(code: ErrorCode, errno: number): string {
    if (code === 'SNAPSHOT_INVALID') return `the snapshot is invalid (${this.#whyInvalid()}); remove it`
    if (code === 'SNAPSHOT_OVERFLOW') {
      return 'its store is full; it can still be read. Copy what you need, or take a new one with a larger COW'
    }
    if (code === 'WORKER_DIED') return 'a worker thread died; the snapshot is unharmed, try again'
    if (code === 'NOT_SUPPORTED') return this.#whyNoDiscard(errno)
    return `the system answered ${errnoName(errno)} on the origin or on the COW ${this.cowPath ?? 'in memory'}; check both`
  }

  #state(): SnapshotState {
    this.mustBeOpen()
    const state = this.#parts.store.cursor.state()
    if (state >= storeState.invalidating) return 'Invalid'
    return state === storeState.overflow ? 'Overflow' : 'Valid'
  }

  #counts(): Usage {
    const { cursor, dataIndexOffset, geometry } = this.#parts.store
    const bytesNow = this.#parts.file.sizeBytes()
    const cowSectors = bytesToSectors(bytesNow < 0 ? cursor.cowBytes() : bytesNow)
    if (this.store === 'N') {
      return usageOf({
        kind: 'transient',
        chunkSectors: geometry.chunkSectors,
        allocated: cursor.claimed(),
        cowSectors,
      })
    }
    const next = cursor.claimed() + dataIndexOffset
    return usageOf({
      kind: 'persistent',
      geometry,
      nextDataIndex: next,
      committedEntries: cursor.committed(),
      cowSectors,
    })
  }

  #whyNoDiscard(errno: number): string {
    if (errno !== 0)
      return 'the system cannot discard in its COW or in the origin; use writeZeroes to have zeroes there'
    return this.#parts.plan.discards === 'zeroes-and-passdown'
      ? 'passed down to the origin it would spoil the other snapshots; remove them first, or use writeZeroes'
      : 'the snapshot takes no discards; use writeZeroes to have zeroes there'
  }

  #whyInvalid(): string {
    const { cursor } = this.#parts.store
    const errno = cursor.errno() === 0 ? '' : `, ${errnoName(cursor.errno())}`
    switch (cursor.reason()) {
      case invalidationReason.full:
        return 'its store was full'
      case invalidationReason.originReadFailed:
        return `a chunk of the origin could not be read${errno}`
      case invalidationReason.cowWriteFailed:
        return `a chunk could not be written to its COW${errno}`
      case invalidationReason.metadataWriteFailed:
        return `its list of exceptions could not be written${errno}`
      case invalidationReason.storeShrank:
        return 'its COW became smaller while in use'
      default:
        return 'its header says so'
    }
  }
}
