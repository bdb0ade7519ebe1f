/**
 * An origin and its snapshots. Everything that changes the set of snapshots happens here, with the origin drained: I/O that
 * arrives meanwhile waits in the gate and is not lost.
 */
import { errnoName } from '../base/errno-name.js'
import { CowringError, type ErrorCode } from '../base/errors.js'
import { sectorsToBytes } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Volume, type VolumeFacts } from '../coordinator/volume.js'
import type { BlockFile } from '../io/block-file.js'
import { identityOf, type OpenedSource } from '../io/open-source.js'
import { storeState } from '../shm/commit-cursor.js'
import { discardBytesMax, extentBytesMax } from '../wire/operation.js'
import { attachSnapshot, detachSnapshot, openCow, type PreparedSnapshot, snapshotFrom, wipeCow } from './attach.js'
import type { OriginMemory, RememberedSnapshot } from './origin-memory.js'
import type { RemoveOptions, Snapshot, SnapshotOwner } from './snapshot.js'
import { planSnapshot, type SnapshotOptions } from './snapshot-options.js'

export interface OriginParts {
  readonly machinery: Machinery
  readonly facts: VolumeFacts
  readonly source: OpenedSource
  readonly file: BlockFile
  readonly direct: boolean
  /** `undefined` for an origin in memory, which cannot outlive the engine. */
  readonly memory: OriginMemory | undefined
  readonly onClose: (origin: Origin) => void
}

export class Origin extends Volume implements SnapshotOwner, AsyncDisposable {
  readonly #parts: OriginParts
  readonly #snapshots: Snapshot[] = []
  readonly #stopListening: () => void
  /** Changes of the set of snapshots, one after the other. */
  #changes: Promise<unknown> = Promise.resolve()

  /** Made by `engine.open()`. */
  constructor(parts: OriginParts) {
    super(parts.machinery.client, parts.machinery.arena.buffer, parts.facts)
    this.#parts = parts
    this.#stopListening = parts.machinery.onStoreEvent(() => this.#finishInvalidations())
  }

  /** The snapshots in use, in the order they were taken or attached. */
  get snapshots(): readonly Snapshot[] {
    return [...this.#snapshots]
  }

  /** Absolute path of the origin; `undefined` when it is memory. */
  get path(): string | undefined {
    return this.#parts.source.path
  }

  get parts(): OriginParts {
    return this.#parts
  }

  /**
   * Takes a snapshot, or continues the one that the COW already holds.
   *
   * A COW whose first four bytes are zero, or a new file, becomes an empty store; one with a store of the kernel's format is
   * continued with its own chunk size; anything else is refused and left as it is. Every write that resolved before the
   * call is in the snapshot, and no write submitted after it resolved is; the origin's I/O is held for a moment and none of
   * it is lost. A persistent snapshot of a file or device is remembered: `engine.open` attaches it again.
   * Fails with INVALID_ARGUMENT, SNAPSHOT_EXISTS, COW_IS_ORIGIN, COW_TOO_SMALL, COW_NOT_A_STORE, STORE_CORRUPT,
   * STORE_VERSION, DEVICE_BUSY, DEVICE_MISSING, DEVICE_UNSUPPORTED, IO_ERROR, LIMIT_EXCEEDED, DEVICE_CLOSED.
   */
  snapshot(options: SnapshotOptions): Promise<Snapshot> {
    return this.#change(async () => {
      this.mustBeOpen()
      const plan = planSnapshot(options, this.#freeName(options))
      if (this.#snapshots.some(({ name }) => name === plan.name)) {
        const text = `${this.name} has a snapshot '${plan.name}' already; remove it or choose another name`
        throw new CowringError('SNAPSHOT_EXISTS', text, { device: this.name, snapshot: plan.name })
      }
      if (identityOf(plan.cow) === this.#parts.source.identity) {
        const text = `COW device cannot be the same as origin device (${this.path ?? this.name}); give another COW`
        throw new CowringError('COW_IS_ORIGIN', text, { device: this.name })
      }
      const prepared = await openCow(this.#parts, plan, 'take')
      try {
        this.#remember([...this.#remembered(), ...this.#asRemembered(prepared)])
        return await this.#adopt(prepared)
      } catch (error) {
        prepared.source.remove()
        prepared.source.close()
        this.#remember(this.#remembered())
        throw error
      }
    })
  }

  /** Attaches a snapshot that was remembered. */
  attach(prepared: PreparedSnapshot): Promise<Snapshot> {
    return this.#change(() => this.#adopt(prepared))
  }

  remove(snapshot: Snapshot, options: RemoveOptions): Promise<void> {
    return this.#change(async () => {
      if (!this.#snapshots.includes(snapshot)) return
      snapshot.shut()
      try {
        await this.#drained(async () => {
          this.#remember(this.#remembered().filter(({ name }) => name !== snapshot.name))
          await this.#drop(snapshot)
        })
      } catch (error) {
        snapshot.reopen()
        throw error
      }
      try {
        if (options.keepStore !== true && snapshot.store !== 'N') await wipeCow(this.#parts.machinery, snapshot)
      } finally {
        snapshot.parts.source.close()
      }
    })
  }

  /**
   * Closes the origin and all its snapshots: waits for their I/O, makes it durable, and lets go of the files. Persistent
   * snapshots stay remembered; transient ones end. Closing again does nothing. Fails with IO_ERROR if what was written
   * cannot be made durable; it is closed all the same.
   */
  async close(): Promise<void> {
    if (this.closed) return
    this.shut()
    await this.#change(async () => {
      for (const snapshot of this.#snapshots) snapshot.shut()
      let failure: unknown
      await this.#drained(async () => {
        failure = this.#makeDurable()
        for (const snapshot of [...this.#snapshots]) {
          await this.#drop(snapshot)
          snapshot.parts.source.close()
        }
        await this.#parts.machinery.detach(this.volumeNumber, { kind: 'detach-origin', volume: this.volumeNumber })
      })
      this.#stopListening()
      this.#parts.source.close()
      this.#parts.onClose(this)
      if (failure !== undefined) throw failure
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  protected explain(code: ErrorCode, errno: number): string {
    if (code === 'WORKER_DIED') return 'a worker thread died; the volume is unharmed, try again'
    if (code === 'NOT_SUPPORTED' && errno === 0) {
      return 'an origin with snapshots takes no discards; remove them first, or use writeZeroes'
    }
    if (code === 'NOT_SUPPORTED') {
      return `the file system or device of ${this.path ?? this.name} cannot discard; use writeZeroes to have zeroes there`
    }
    return `the system answered ${errnoName(errno)} on ${this.path ?? this.name}; check the device and try again`
  }

  async #adopt(prepared: PreparedSnapshot): Promise<Snapshot> {
    const snapshot = snapshotFrom(this, prepared)
    await this.#drained(async () => {
      await attachSnapshot(this.#parts.machinery, this.volumeNumber, snapshot)
      this.#snapshots.push(snapshot)
      this.#routeByKey()
    })
    return snapshot
  }

  async #drop(snapshot: Snapshot): Promise<void> {
    await detachSnapshot(this.#parts.machinery, snapshot)
    this.#snapshots.splice(this.#snapshots.indexOf(snapshot), 1)
    this.#routeByKey()
  }

  /** Requests of one key go to one worker: they would only wait for each other on two. */
  #routeByKey(): void {
    const keyBytes = Math.max(...this.#snapshots.map(({ chunkSectors }) => sectorsToBytes(chunkSectors)), 65536)
    const discardBytes = this.#snapshots.length === 0 ? discardBytesMax : Math.max(keyBytes, extentBytesMax)
    for (const volume of [this, ...this.#snapshots]) {
      volume.routeBytes = keyBytes
      volume.discardBytes = discardBytes
    }
  }

  async #drained<Result>(act: () => Promise<Result>): Promise<Result> {
    await this.gate.hold()
    try {
      await this.#parts.machinery.recovered()
      return await act()
    } finally {
      this.gate.open()
    }
  }

  #change<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(act)
    this.#changes = result.catch(() => {})
    return result
  }

  #makeDurable(): unknown {
    const files = [this.readOnly ? undefined : this.#parts.file, ...this.#snapshots.map(({ parts }) => parts.file)]
    for (const file of files) {
      const errno = file?.barrier() ?? 0
      if (errno === 0) continue
      const text = `${this.name} was closed, but the system answered ${errnoName(errno)} when it made the last writes durable`
      return new CowringError('IO_ERROR', text, { device: this.name, errno })
    }
    return undefined
  }

  #freeName(options: SnapshotOptions): string {
    const base = typeof options.cow === 'string' ? (options.cow.split('/').pop() ?? '') : 'snapshot'
    const stem = base.replace(/\.(cow|img|raw|snap)$/, '') || 'snapshot'
    let name = stem
    for (let number = 2; this.#snapshots.some((other) => other.name === name); number++) name = `${stem}-${number}`
    return name
  }

  // ── the origin's memory ─────────────────────────────────────────────────────────────────────────────────────────────

  #remembered(): RememberedSnapshot[] {
    return this.#snapshots.flatMap(({ parts }) => this.#asRemembered(parts))
  }

  #asRemembered({ plan, source, store }: Pick<PreparedSnapshot, 'plan' | 'source' | 'store'>): RememberedSnapshot[] {
    const { memory } = this.#parts
    if (memory === undefined || source.path === undefined || plan.store === 'N' || plan.durability === 'none') return []
    const { durability, name, readOnly } = plan
    const entry = { name, cow: memory.storeCow(source.path), store: plan.store, durability, readOnly }
    const invalid = store.cursor.headerFailed() ? { invalid: true as const } : {}
    return [{ ...entry, chunkSectors: store.geometry.chunkSectors, ...invalid }]
  }

  #remember(snapshots: RememberedSnapshot[]): void {
    this.#parts.memory?.save(snapshots)
  }

  /**
   * W5, the second way: a store's header could not be marked invalid, so the origin remembers that the snapshot is. Only
   * then may the origin writes that skipped it go on. If that fails too, the snapshot is at least invalid in memory.
   */
  #finishInvalidations(): void {
    const failed = this.#snapshots.filter(({ parts: { store } }) => {
      return store.cursor.state() === storeState.invalidating && store.cursor.headerFailed()
    })
    if (failed.length === 0) return
    try {
      this.#remember(this.#remembered())
    } catch (error) {
      process.emitWarning(`the invalidation of ${failed.map(({ name }) => name).join(', ')} could not be recorded`, {
        type: 'CowringWarning',
        detail: String(error),
      })
    }
    for (const { parts } of failed) parts.store.cursor.finishInvalidation()
    this.#parts.machinery.client.signals.ringParked()
  }
}
