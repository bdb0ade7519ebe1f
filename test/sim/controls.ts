/** What changes devices: snapshots taken, removed, reloaded, extended and merged; suspension; all one after the other, beside requests. */
import { CowringError } from '../../src/base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../../src/base/units.js'
import type { Merge } from '../../src/control/merge.js'
import { encodeEntry, entryBytes } from '../../src/format/exception.js'
import { maximumCowSectors } from '../../src/format/sizing.js'
import { Random } from '../support/model-random.js'
import type { OperationOf } from './operations.js'
import { Violation } from './oracle.js'
import { codeOf } from './requests.js'
import { sectorBytes } from './system/simulated-disk.js'
import type { SimSnapshot, World } from './world.js'

/** What a disk's errors lead to. */
const errorCodes = new Set(['IO_ERROR', 'SNAPSHOT_INVALID', 'STORE_CORRUPT', 'COW_NOT_A_STORE', 'STORE_VERSION'])

export class Controls {
  readonly #world: World
  /** COWs whose snapshots are gone. */
  readonly #usedCows: string[] = []
  #suspended: { readonly name: string; readonly snapshot: SimSnapshot | undefined; left: number } | undefined

  constructor(world: World) {
    this.#world = world
  }

  async take({ chunkSectors, durability, reuse, room, store }: OperationOf<'take'>): Promise<void> {
    const world = this.#world
    // None can be taken until a merge is done.
    if (world.origin === undefined || world.snapshots.length >= 4 || world.merging !== undefined) return
    const device = world.nextDevice++
    const used = reuse && store !== 'N' ? this.#usedCows.shift() : undefined
    if (reuse && used === undefined && store !== 'N') this.#makeStale(`s${device}.cow`, chunkSectors, room)
    const isPowerSafe = world.plan.crashes === 'power' || durability < 0.7
    const snapshot: SimSnapshot = {
      device,
      name: `s${device}`,
      cow: used ?? `s${device}.cow`,
      store,
      chunkSectors,
      durability: store === 'N' ? 'none' : isPowerSafe ? 'power-loss' : 'process-crash',
      // Of a dead worker's claims in a transient store, chunks are lost.
      mayFill: room < 1 || used !== undefined || (store === 'N' && world.plan.kills),
      isExcused: world.isOriginExcused || (used !== undefined && world.plan.faults !== 'none'),
      isSuspect: world.isOriginSuspect,
      fate: 'taking',
      handle: undefined,
      isInvalid: false,
      isUncovered: false,
      takesDiscards: false,
    }
    world.oracle.take(device)
    world.snapshots.push(snapshot)
    const handle = await this.#control(
      'a take',
      snapshot,
      () =>
        this.#world.origin?.snapshot({
          cow: world.pathOf(snapshot.cow),
          name: snapshot.name,
          chunkSectors,
          durability: snapshot.durability,
          store,
          ...(room < 1 ? { cowBytes: this.#cowBytes(chunkSectors, room) } : {}),
        }) ?? Promise.reject(new Violation('the origin is closed')),
    )
    if (world.hasCrashed) return
    if (handle === undefined || handle === 'failed') {
      this.#forget(snapshot)
      return
    }
    world.oracle.taken(device)
    snapshot.fate = 'there'
    snapshot.handle = handle
  }

  async remove({ snapshot: choice }: OperationOf<'remove'>): Promise<void> {
    const world = this.#world
    const snapshot = this.#pick(choice)
    if (snapshot === undefined) return
    snapshot.fate = 'removing'
    const { handle } = snapshot
    const outcome = await this.#control('a removal', snapshot, () => handle?.remove() ?? Promise.resolve())
    if (world.hasCrashed) return
    if (outcome === 'failed' && handle?.closed !== true) {
      snapshot.fate = 'there'
      return
    }
    this.#forget(snapshot)
    // One that could not be blanked still holds its store, and would be continued.
    if (snapshot.store !== 'N' && !snapshot.isSuspect && outcome !== 'failed') this.#usedCows.push(snapshot.cow)
  }

  async suspend({ resumeAfter, volume }: OperationOf<'suspend'>): Promise<void> {
    const volumes = this.#world.volumes()
    const chosen = volumes[Math.floor(volume * volumes.length)]
    const { deviceName: name } = (chosen?.volume ?? {}) as { deviceName?: string }
    const world = this.#world
    if (name === undefined || !world.engine.mapper.list().some((device) => device.name === name)) return
    const outcome = await this.#control('a suspension', chosen?.snapshot, () => this.#world.engine.mapper.suspend(name))
    if (outcome === 'failed') return
    this.#suspended = { name, snapshot: chosen?.snapshot, left: resumeAfter }
  }

  /** Operations go by; what is suspended is resumed after some. */
  async passed(isControl: boolean): Promise<void> {
    const world = this.#world
    const suspended = this.#suspended
    if (suspended === undefined) return
    if (!isControl && suspended.left-- > 0) return
    this.#suspended = undefined
    // Its snapshot may have been merged meanwhile.
    if (!world.engine.mapper.list().some(({ name }) => name === suspended.name)) return
    await this.#control('a resumption', suspended.snapshot, () => this.#world.engine.mapper.resume(suspended.name))
  }

  get isSuspended(): boolean {
    return this.#suspended !== undefined
  }

  /** Its table again, perhaps with another feature: its store is handed over. */
  async reload({ discards, snapshot: choice }: OperationOf<'reload'>): Promise<void> {
    const world = this.#world
    const snapshot = this.#pick(choice)
    const { handle } = snapshot ?? {}
    if (snapshot === undefined || handle === undefined || snapshot.durability === 'none') return
    const { mapper } = world.engine
    const name = handle.deviceName
    const { durability } = snapshot
    await this.#control('a reload', snapshot, async () => {
      const words = mapper.table(name).split(' ').slice(0, 7)
      await mapper.load(name, [...words, ...(discards ? ['1', 'discard_zeroes_cow'] : [])].join(' '), {
        isOwn: true,
        durability,
      })
      await mapper.suspend(name)
      await mapper.resume(name)
      snapshot.takesDiscards = discards
    })
  }

  extend({ chunks, snapshot: choice }: OperationOf<'extend'>): void {
    const snapshot = this.#pick(choice)
    if (snapshot === undefined) return
    const { disk } = this.#world.file(snapshot.cow)
    disk.resize(disk.size + sectorsToBytes(chunks * snapshot.chunkSectors))
    // The new size of a file that somebody else made longer is theirs to make durable.
    disk.barrier()
  }

  async merge({ rate, snapshot: choice }: OperationOf<'merge'>): Promise<void> {
    const world = this.#world
    const snapshot = this.#pick(choice)
    if (snapshot?.handle === undefined || world.merging !== undefined) return
    if (snapshot.store === 'N' || snapshot.isInvalid || snapshot.isSuspect || snapshot.isUncovered) return
    const { handle } = snapshot
    if (handle.usage().state !== 'Valid' && handle.usage().state !== 'Overflow') return
    world.oracle.beginMerge(snapshot.device)
    snapshot.fate = 'merging'
    await world.schedule.submit(() => {
      this.follow(snapshot, handle.merge(rate === undefined ? {} : { rateLimit: rate }))
    })
  }

  /** When a merge ends, its snapshot is gone; one that could not begin has changed nothing. */
  follow(snapshot: SimSnapshot, merge: Merge): void {
    const world = this.#world
    const { epoch } = world
    merge.finished.then(
      () => {
        if (world.epoch === epoch) this.merged(snapshot)
      },
      () => {
        if (world.epoch !== epoch || snapshot.fate !== 'merging' || snapshot.handle?.merging !== undefined) return
        world.oracle.undoMerge()
        snapshot.fate = 'there'
        // It became invalid before its merge could begin.
        snapshot.isInvalid = true
        if (!snapshot.mayFill && !snapshot.isExcused)
          world.violation ??= new Violation(`${snapshot.name} could not be merged`)
      },
    )
  }

  /** Everything of it is in the origin: it is gone. */
  merged(snapshot: SimSnapshot): void {
    const world = this.#world
    if (snapshot.handle?.merging?.state === 'cancelled' || !world.snapshots.includes(snapshot)) return
    world.oracle.endMerge()
    this.#forget(snapshot)
    this.#usedCows.push(snapshot.cow)
  }

  async steerMerge(kind: 'merge-pause' | 'merge-resume' | 'merge-cancel' | 'merge-end'): Promise<void> {
    const world = this.#world
    const { merging: snapshot } = world
    const merge = world.mergeOf()
    if (merge === undefined || snapshot === undefined) return
    if (kind === 'merge-pause') await this.#control('a pause', snapshot, () => merge.pause())
    else if (kind === 'merge-cancel') await this.#control('a cancellation', snapshot, () => merge.cancel())
    else if (kind === 'merge-resume') await this.#goOn(snapshot)
    else await this.endMerge()
  }

  /** Lets a merge come to its end, if it can. */
  async endMerge(): Promise<void> {
    const world = this.#world
    for (let attempt = 0; attempt < 20 && world.merging !== undefined && !world.hasCrashed; attempt++) {
      const snapshot = world.merging
      await this.#goOn(snapshot)
      const merge = snapshot.handle?.merging
      if (merge === undefined) return
      await this.#control('the end of a merge', snapshot, () => merge.finished)
      await world.schedule.drain()
      if (world.hasCrashed) return
      if (world.merging === snapshot && !snapshot.isExcused && !world.isOriginExcused && merge.state === 'failed') {
        throw new Violation(`the merge of ${snapshot.name} failed, and no disk did`)
      }
    }
  }

  /** What can be done about a crash's remains is the business of whoever opens them. */
  forgetAfterCrash(snapshot: SimSnapshot): void {
    const { cow, fate, isExcused, isSuspect, store } = snapshot
    // Whatever a take that was cut off has left there is blank, or an empty store.
    if (fate === 'taking' && store !== 'N' && !isExcused && !isSuspect && this.#world.files.named(cow) !== undefined)
      this.#usedCows.push(cow)
    this.#forget(snapshot)
  }

  crashed(): void {
    this.#suspended = undefined
  }

  async #goOn(snapshot: SimSnapshot): Promise<void> {
    const { handle } = snapshot
    await this.#control('going on with a merge', snapshot, async () => {
      const last = handle?.merging
      const merge = handle?.merge({ rateLimit: undefined })
      if (merge !== undefined && merge !== last) this.follow(snapshot, merge)
    })
  }

  /** Answers what came of it, `failed` for an error that a disk is to blame for. */
  async #control<Result>(
    what: string,
    snapshot: SimSnapshot | undefined,
    asked: () => Promise<Result>,
  ): Promise<Result | 'failed' | undefined> {
    const world = this.#world
    try {
      return await world.answer(what, asked)
    } catch (error) {
      if (error instanceof Violation || !(error instanceof CowringError)) throw error
      const code = codeOf(error) ?? ''
      const isExcused = world.isOriginExcused || snapshot?.isExcused === true || snapshot?.isSuspect === true
      if (isExcused && (errorCodes.has(code) || code === 'TABLE_INVALID')) return 'failed'
      // A store that is full, or was lost with its merge, takes no part in a reload; a merge that has just ended cannot be steered.
      if (code === 'TABLE_INVALID' && snapshot?.mayFill === true) return 'failed'
      if (code === 'INVALID_ARGUMENT' && (snapshot?.fate === 'merging' || snapshot?.isInvalid === true)) return 'failed'
      if (code === 'DEVICE_CLOSED' && snapshot?.fate !== 'there') return 'failed'
      // Its snapshot was merged a moment ago.
      if (/suspension|resumption/.test(what) && String(error).includes('no such device')) return 'failed'
      if (code === 'COW_TOO_SMALL' && snapshot?.mayFill === true) return 'failed'
      if (code === 'WORKER_DIED' && world.plan.kills) return 'failed'
      throw new Violation(`${what} failed: ${String(error)}`)
    }
  }

  #pick(choice: number): SimSnapshot | undefined {
    const there = this.#world.snapshots.filter(({ fate, handle }) => fate === 'there' && handle !== undefined)
    return there[Math.floor(choice * there.length)]
  }

  #forget(snapshot: SimSnapshot): void {
    const { oracle, snapshots } = this.#world
    if (snapshot.fate !== 'merging') oracle.forget(snapshot.device)
    snapshot.fate = 'removing'
    snapshots.splice(snapshots.indexOf(snapshot), 1)
  }

  /** A COW that is blank to whoever looks at its first bytes, and full of what could be entries of a list. */
  #makeStale(name: string, chunkSectors: number, room: number): void {
    const random = new Random(this.#world.nextDevice)
    const bytes = new Uint8Array(this.#cowBytes(chunkSectors, room))
    const view = new DataView(bytes.buffer)
    for (let at = sectorBytes; at < bytes.length; at += entryBytes) {
      encodeEntry(view, at, random.int(0, this.#world.plan.sectors / chunkSectors), random.int(2, 40))
    }
    this.#world.files.make(name, bytes)
  }

  /** From one chunk more than nothing to all that can be of use. */
  #cowBytes(chunkSectors: number, room: number): number {
    const useful = maximumCowSectors(bytesToSectors(this.#world.byteLength), chunkSectors)
    const least = 3 * chunkSectors
    return sectorsToBytes(Math.max(least, Math.floor((useful * room) / chunkSectors) * chunkSectors))
  }
}
