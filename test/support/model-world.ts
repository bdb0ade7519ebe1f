/**
 * One origin with its snapshots, twice: the engine's and the oracle's, and how to bring both to life, to close and reopen
 * them, and to compare them.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine, Merge, Origin, Snapshot } from 'cowring'
import { mustEqual, mustFail } from './model-compare.js'
import { anyCowSectors, usefulSectors } from './model-cow-size.js'
import {
  atRest,
  compareMerged,
  endedByClose,
  endMerge,
  isAtRest,
  isUnderWay,
  mergeOf,
  noteMerged,
  settle,
} from './model-merge.js'
import { type OracleOptions, OracleOrigin, type OracleSnapshot, sectorBytes } from './model-oracle.js'
import type { Random } from './model-random.js'
import { checkedStore, strandEntries } from './model-store-file.js'
import { stampSectors } from './self-describing.js'

export interface ModelConfig {
  readonly workers: number
  readonly io: 'libc' | 'node'
  readonly sources: 'file' | 'memory'
  readonly direct: boolean
}

/** The origin's number in stamps; snapshots count from 1. */
const originDevice = 0
export const writeSectorsMax = 600
const snapshotsMax = 4

export class ModelWorld {
  readonly engine: Engine
  readonly config: ModelConfig
  readonly random: Random
  readonly oracle: OracleOrigin
  origin: Origin
  /** The merge of which the oracle knows what is left. */
  resting: Merge | undefined
  readonly handles = new Map<OracleSnapshot, Snapshot>()
  readonly #folder: string
  readonly #source: string | { readonly memory: Uint8Array }
  /** COW files whose snapshot was removed: blank in their first bytes, full of old entries behind. */
  readonly #usedCows: { readonly path: string; readonly chunkSectors: number }[] = []
  /** Whether the merge was cancelled that was not done when the origin was closed. */
  #wasCancelled = false
  #devices = originDevice
  #sequence = 0

  static async create(engine: Engine, config: ModelConfig, random: Random, folder: string): Promise<ModelWorld> {
    const large = random.chance(0.1)
    const sectors = large ? random.int(5000, 9000) : random.int(3, random.pick([40, 400, 2000]))
    const oracle = new OracleOrigin(new Uint8Array(sectors * sectorBytes))
    stampSectors(oracle.image, { device: originDevice, firstSector: 0, sequence: 0 })
    const path = join(folder, 'origin.img')
    const source = config.sources === 'memory' ? { memory: shared(oracle.image) } : path
    if (typeof source === 'string') writeFileSync(source, oracle.image)
    const origin = await engine.open(source, { direct: config.direct })
    return new ModelWorld(engine, config, random, folder, source, oracle, origin)
  }

  private constructor(
    engine: Engine,
    config: ModelConfig,
    random: Random,
    folder: string,
    source: string | { readonly memory: Uint8Array },
    oracle: OracleOrigin,
    origin: Origin,
  ) {
    this.engine = engine
    this.config = config
    this.random = random
    this.#folder = folder
    this.#source = source
    this.oracle = oracle
    this.origin = origin
  }

  // ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A range of sectors: mostly small, sometimes up to 300 KiB, sometimes whole chunks of a snapshot. */
  range(): { sector: number; sectors: number } {
    const { random } = this
    const all = this.oracle.sectors
    if (this.oracle.snapshots.length > 0 && random.chance(0.25)) {
      const { chunkSectors } = random.pick(this.oracle.snapshots).options
      const first = random.int(0, Math.floor((all - 1) / chunkSectors))
      const count = random.int(1, Math.max(1, Math.min(4, Math.floor(writeSectorsMax / chunkSectors))))
      return { sector: first * chunkSectors, sectors: Math.min(count * chunkSectors, all - first * chunkSectors) }
    }
    const sector = random.int(0, all - 1)
    return { sector, sectors: Math.min(random.int(1, random.pick([1, 8, 8, 64, 64, writeSectorsMax])), all - sector) }
  }

  /** Bytes that nobody has written before. */
  freshBytes(device: number, sector: number, sectors: number): Uint8Array {
    const bytes = new Uint8Array(sectors * sectorBytes)
    stampSectors(bytes, { device, firstSector: sector, sequence: ++this.#sequence })
    return bytes
  }

  /** Lends bytes in a buffer such as callers have: their own, at any address, or in the arena. */
  async withBuffer<Result>(byteLength: number, use: (buffer: Uint8Array) => Promise<Result>): Promise<Result> {
    const shift = this.random.pick([0, 0, 512, 3])
    if (this.random.chance(0.5)) return await use(new Uint8Array(byteLength + shift).subarray(shift))
    const whole = this.engine.alloc(byteLength + shift)
    try {
      return await use(whole.subarray(shift))
    } finally {
      this.engine.free(whole)
    }
  }

  handle(snapshot: OracleSnapshot): Snapshot {
    const handle = this.handles.get(snapshot)
    if (handle === undefined) throw new Error(`${snapshot.options.name} has no handle`)
    return handle
  }

  // ── snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────

  get hasRoomForSnapshot(): boolean {
    return this.oracle.snapshots.length < snapshotsMax
  }

  /** `ample`: with a COW that cannot become full. */
  newOptions(ample = false): OracleOptions & { readonly createBytes: number | undefined } {
    const { random } = this
    const store = random.pick(['P', 'P', 'PO', 'N'] as const)
    const anyChunk = random.chance(0.05) ? 2048 : 2 ** random.int(0, 7)
    const device = ++this.#devices
    const used = store !== 'N' && !ample && random.chance(0.6) ? this.#takeUsedCow(anyChunk) : undefined
    const reused = used?.path
    // With its old chunk size, its old entries lie where new ones will.
    const chunkSectors = used !== undefined && random.chance(0.7) ? used.chunkSectors : anyChunk
    const sectors = ample
      ? usefulSectors(this.oracle.sectors, chunkSectors)
      : anyCowSectors(random, this.oracle.sectors, chunkSectors)
    const cow = reused ?? this.#newCow(device, sectors)
    const cowSectors = reused === undefined ? sectors : Math.floor(statSync(reused).size / sectorBytes)
    const durability = store === 'N' ? ('none' as const) : random.pick(['power-loss', 'process-crash'] as const)
    const createBytes = reused === undefined ? sectors * sectorBytes : undefined
    const readOnly = random.chance(0.1)
    return {
      name: `snapshot-${device}`,
      store,
      chunkSectors,
      cowSectors,
      durability,
      readOnly,
      cow,
      device,
      createBytes,
    }
  }

  /** Asks the engine for it; the oracle's fork is the caller's. */
  async take(options: OracleOptions & { readonly createBytes?: number | undefined }): Promise<Snapshot> {
    const { chunkSectors, cow, createBytes, durability, name, readOnly, store } = options
    const cowBytes = createBytes === undefined ? {} : { cowBytes: createBytes }
    return await this.origin.snapshot({ cow, chunkSectors, durability, name, readOnly, store, ...cowBytes })
  }

  async remove(snapshot: OracleSnapshot): Promise<void> {
    await this.handle(snapshot).remove()
    this.oracle.forget(snapshot)
    this.handles.delete(snapshot)
    this.reuseCow(snapshot)
  }

  /** The COW of a snapshot that is gone is for another one. */
  reuseCow({ options: { chunkSectors, cow }, persistent }: OracleSnapshot): void {
    if (typeof cow !== 'string') return
    if (persistent) this.#usedCows.push({ path: cow, chunkSectors })
    else rmSync(cow)
  }

  grow(snapshot: OracleSnapshot, sectors: number): boolean {
    const { cow } = snapshot.options
    if (typeof cow !== 'string') return false
    const bytes = (snapshot.cowSectors + sectors) * sectorBytes
    truncateSync(cow, bytes)
    snapshot.cowSectors += sectors
    return true
  }

  // ── closing and reopening ───────────────────────────────────────────────────────────────────────────────────────────

  async close(): Promise<void> {
    // What is in memory is not remembered: nobody would go on.
    if (this.config.sources === 'memory') {
      await endMerge(this)
      settle(this)
    }
    const closed = this.closed()
    await this.origin.close()
    await closed()
    this.#forgetTransient()
    const { merging } = this.oracle
    if (merging !== undefined) this.oracle.learnLeft(merging, this.#listed(merging) ?? new Set())
    settle(this, (snapshot) => this.#listed(snapshot))
    for (const snapshot of this.oracle.snapshots) this.#mustBeStore(snapshot)
  }

  /** Asked before a close, it tells after it what has become of the merge. */
  closed(): () => Promise<void> {
    const merge = mergeOf(this)
    const wasCancelled = merge?.state === 'cancelled'
    return async () => {
      const { merging } = this.oracle
      if (merge === undefined || merging === undefined) return
      this.handles.delete(merging)
      if ((await endedByClose(merge, wasCancelled)) === 'merged') await noteMerged(this, merging)
      else this.#wasCancelled = wasCancelled
    }
  }

  /** After a close while requests were in flight, of which the oracle does not know yet what came. */
  async reopenUnsettled(): Promise<void> {
    this.#forgetTransient()
    await this.reopen()
  }

  /** What a power failure may have left behind the lists; they mean the same. */
  strandEntries(): void {
    for (const { options } of this.oracle.snapshots) {
      if (typeof options.cow === 'string') strandEntries(options.cow, this.random.int(1, 300))
    }
  }

  async reopen(abandoned: readonly OracleSnapshot[] = [], readOnly = false): Promise<void> {
    const abandon = abandoned.map(({ options }) => options.name)
    for (const snapshot of abandoned) this.oracle.forget(snapshot)
    const inMemory = typeof this.#source !== 'string'
    const options = inMemory ? {} : { abandon, direct: this.config.direct, readOnly }
    this.origin = await this.engine.open(this.#source, options)
    const present = this.origin.snapshots
    await this.#goOnMerging(present, readOnly)
    for (const snapshot of this.oracle.snapshots) {
      if (snapshot === this.oracle.merging) continue
      // Overflow is not on disk: the kernel forgets it too.
      if (snapshot.state === 'Overflow') snapshot.state = 'Valid'
      const handle = inMemory ? await this.take(snapshot.options) : this.#remembered(snapshot)
      this.handles.set(snapshot, handle)
    }
    const names = this.origin.snapshots.map(({ name }) => name)
    if (isAtRest(this) && names.length !== this.oracle.snapshots.length) {
      throw new Error(`the origin has [${names}] and must have ${this.oracle.snapshots.length} snapshots`)
    }
  }

  async destroy(): Promise<void> {
    await this.origin.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** An unfinished merge goes on by itself, which may be over before anybody looks; a cancelled one does not. */
  async #goOnMerging(present: readonly Snapshot[], readOnly: boolean): Promise<void> {
    const { merging } = this.oracle
    if (merging === undefined) return
    const wasCancelled = this.#wasCancelled
    const handle = present.find(({ name }) => name === merging.options.name)
    if (handle === undefined) {
      if (wasCancelled || readOnly) throw new Error(`${merging.options.name} was merged, and nobody asked for it`)
      await noteMerged(this, merging)
      return
    }
    this.handles.set(merging, handle)
    const { merging: merge } = handle
    if (merge === undefined || (merge.state === 'cancelled') !== wasCancelled) {
      throw new Error(`${merging.options.name} was being merged, and is ${merge?.state} after reopening`)
    }
    if (!wasCancelled && this.random.chance(0.7)) void merge.pause()
  }

  // ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Beside a merge that goes on only what it leaves alone; nothing else may be in flight. */
  checkStatuses(): void {
    if (isAtRest(this)) settle(this)
    for (const snapshot of this.oracle.snapshots) {
      if (!isAtRest(this) && snapshot.state !== 'Invalid') continue
      const handle = this.handle(snapshot)
      const found = handle.status()
      const { name } = snapshot.options
      const wanted = snapshot.status(isUnderWay(this, snapshot))
      if (found !== wanted) throw new Error(`status of ${name} is '${found}', not '${wanted}'`)
      const { exceptions, state } = handle.usage()
      if (snapshot === this.oracle.merging && state !== 'merging') throw new Error(`${name} is merging, not ${state}`)
      if (snapshot.state === 'Valid' && exceptions !== snapshot.mapped.size) {
        throw new Error(`${name} reports ${exceptions} exceptions, not ${snapshot.mapped.size}`)
      }
    }
  }

  /** Every sector of every volume. Nothing may be in flight; a merge is brought to rest for it. */
  async compareAll(): Promise<void> {
    await atRest(this, async () => {
      this.checkStatuses()
      await this.compareContent()
      for (const snapshot of this.oracle.snapshots) {
        if (snapshot.state !== 'Invalid' && snapshot.persistent) this.#mustBeStore(snapshot)
      }
      if (typeof this.#source === 'string') compareMerged(this, this.#source)
      const held = this.engine.machinery.heldLocks()
      if (held !== 0) throw new Error(`${held} locks are held with nothing in flight`)
    })
  }

  /** What every volume shows, while a merge may go on; it must not have been merged altogether when this ends. */
  async compareContent(): Promise<void> {
    mustEqual('the origin', await this.origin.read(0, this.origin.sizeBytes), this.oracle.image)
    for (const snapshot of this.oracle.snapshots) {
      const handle = this.handle(snapshot)
      if (snapshot.state === 'Invalid') {
        await mustFail('SNAPSHOT_INVALID', () => handle.read(0, sectorBytes))
        await mustFail('SNAPSHOT_INVALID', () => handle.flush())
      } else {
        mustEqual(snapshot.options.name, await handle.read(0, handle.sizeBytes), snapshot.image)
      }
    }
  }

  /** The chunks that a store lists which nobody uses now; `undefined` when it is invalid. */
  #listed({ options: { cow } }: OracleSnapshot): ReadonlySet<number> | undefined {
    if (typeof cow !== 'string') throw new Error('stores in memory are not looked at')
    const store = checkedStore(cow, this.oracle.sectors)
    return store.valid ? new Set(store.exceptions.map(({ oldChunk }) => oldChunk)) : undefined
  }

  #forgetTransient(): void {
    for (const snapshot of this.oracle.snapshots.filter(({ persistent }) => !persistent)) this.oracle.forget(snapshot)
    this.handles.clear()
  }

  #mustBeStore({ cowSectors, mapped, options, state }: OracleSnapshot): void {
    if (typeof options.cow !== 'string') return
    const store = checkedStore(options.cow, this.oracle.sectors)
    if (store.valid !== (state !== 'Invalid')) throw new Error(`${options.cow}: valid ${store.valid}, but ${state}`)
    if (!store.valid) return
    const strangers = store.exceptions.filter(({ oldChunk }) => !mapped.has(oldChunk)).length
    if (strangers > 0 || store.exceptions.length !== mapped.size) {
      const found = `${store.exceptions.length} chunks, ${strangers} of them wrong`
      throw new Error(`${options.cow} lists ${found}, not ${mapped.size}`)
    }
    if (statSync(options.cow).size !== cowSectors * sectorBytes) throw new Error(`${options.cow} changed its size`)
  }

  #remembered({ options }: OracleSnapshot): Snapshot {
    const handle = this.origin.snapshots.find(({ name }) => name === options.name)
    if (handle === undefined) throw new Error(`the origin forgot ${options.name}`)
    const { chunkSectors, durability, store } = handle
    if (chunkSectors !== options.chunkSectors || durability !== options.durability || store !== options.store) {
      throw new Error(`${options.name} came back as ${store} ${chunkSectors} ${durability}`)
    }
    return handle
  }

  #takeUsedCow(chunkSectors: number): { readonly path: string; readonly chunkSectors: number } | undefined {
    const index = this.#usedCows.findIndex(({ path }) => statSync(path).size >= 2 * chunkSectors * sectorBytes)
    return index < 0 ? undefined : this.#usedCows.splice(index, 1)[0]
  }

  #newCow(device: number, sectors: number): OracleOptions['cow'] {
    if (this.config.sources === 'memory') return { memory: shared(new Uint8Array(sectors * sectorBytes)) }
    const path = join(this.#folder, `snapshot-${device}.cow`)
    if (this.random.chance(0.5)) return path
    const fd = openSync(path, 'w')
    ftruncateSync(fd, sectors * sectorBytes)
    closeSync(fd)
    return path
  }
}

function shared(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(content.length))
  bytes.set(content)
  return bytes
}
