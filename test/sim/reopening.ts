/** Opening what is there: at the start, after a close, and after a crash; and holding all of it against the oracle. */
import { inspectStore } from '../../src/control/inspect-store.js'
import type { Origin } from '../../src/control/origin.js'
import type { Snapshot } from '../../src/control/snapshot.js'
import type { Controls } from './controls.js'
import { mustEnd } from './list-end.js'
import { originDevice, Violation } from './oracle.js'
import { codeOf, type Requests } from './requests.js'
import { mayBeLost, originName, type SimSnapshot, type World } from './world.js'

export class Reopening {
  readonly #world: World
  readonly #controls: Controls
  readonly #requests: Requests

  constructor(world: World, controls: Controls, requests: Requests) {
    this.#world = world
    this.#controls = controls
    this.#requests = requests
  }

  /** A new engine opens what the last one has left. */
  async afterCrash(): Promise<void> {
    const world = this.#world
    const { crashWasPowerCut } = world
    await world.bury()
    this.#requests.forget()
    this.#controls.crashed()
    world.oracle.crash(crashWasPowerCut)
    this.#noteUncovered(crashWasPowerCut)
    for (const snapshot of [...world.snapshots]) {
      if (snapshot.store === 'N') this.#controls.forgetAfterCrash(snapshot)
    }
    await this.checkStores()
    await this.open()
    if (world.hasCrashed) return
    await this.#settleContent(crashWasPowerCut)
  }

  /** What a barrier has lost, nobody who opens the files later can know of; a power cut shows it. */
  #noteUncovered(isPowerCut: boolean): void {
    const { files, oracle, snapshots } = this.#world
    if (!isPowerCut && files.named(originName)?.disk.hasForgotten() === true) oracle.flushed(originDevice, 0, false)
    for (const snapshot of snapshots) {
      if (isPowerCut && snapshot.isUncovered) snapshot.isSuspect = true
      if (isPowerCut || files.named(snapshot.cow)?.disk.hasForgotten() !== true) continue
      snapshot.isUncovered = true
      oracle.flushed(snapshot.device, 0, false)
      // What is merged of it gets into the origin.
      if (snapshot.fate === 'merging') this.#world.isOriginSuspect = true
    }
  }

  /** Closed and opened again. */
  async closeAndOpen(): Promise<void> {
    const world = this.#world
    const { origin } = world
    if (origin === undefined) return
    const merge = world.mergeOf()
    world.isClosing = true
    const isDurable = await this.#excused('a close', () => origin.close())
    world.isClosing = false
    if (world.hasCrashed) return
    // All that was asked for has been answered, and then made durable; or who closed it was told otherwise.
    const closed = world.oracle.flush()
    for (const device of [originDevice, ...world.snapshots.map((snapshot) => snapshot.device)]) {
      world.oracle.flushed(device, closed, isDurable)
    }
    world.origin = undefined
    for (const snapshot of [...world.snapshots]) {
      snapshot.handle = undefined
      if (snapshot.store === 'N') this.#controls.forgetAfterCrash(snapshot)
    }
    if (merge?.state === 'merged' && world.merging !== undefined) this.#controls.merged(world.merging)
    await this.checkStores()
    await this.open()
  }

  async open(): Promise<void> {
    const world = this.#world
    if (!world.hasEngine) world.startEngine()
    const abandon: string[] = []
    for (let attempt = 0; ; attempt++) {
      const options = { abandon: [...abandon] }
      try {
        const origin = await world.answer('opening', () => world.engine.open(world.pathOf(originName), options))
        if (origin === undefined) return
        world.origin = origin
        world.hasFlushFailed = false
        this.#adopt(origin)
        return
      } catch (error) {
        if (attempt > 8) throw error
        this.#mayFail(error, abandon)
      }
    }
  }

  /** Every store on its own, as `cowring store check` looks at it. */
  async checkStores(): Promise<void> {
    const world = this.#world
    for (const snapshot of world.snapshots) {
      const { cow, isSuspect, store } = snapshot
      if (store === 'N' || isSuspect || world.files.named(cow) === undefined) continue
      if (world.file(cow).disk.size === 0) continue
      const isNew = snapshot.fate === 'taking'
      try {
        using inspection = await inspectStore(world.pathOf(cow), { originSectors: world.plan.sectors })
        const report = await inspection.report()
        if (report.kind !== 'store') {
          if (!isNew && snapshot.fate !== 'removing' && snapshot.fate !== 'merging')
            throw new Violation(`${cow} is no store: ${report.problems.join('; ')}`)
          continue
        }
        if (report.valid === false && !snapshot.isExcused && !snapshot.mayFill) throw new Violation(`${cow} is invalid`)
        const problems = report.problems.filter((problem) => !problem.startsWith('it was invalidated'))
        if (report.valid === true && problems.length > 0) throw new Violation(`${cow}: ${problems.join('; ')}`)
      } catch (error) {
        if (codeOf(error) === 'IO_ERROR' && (snapshot.isExcused || world.isOriginExcused)) continue
        throw error
      }
    }
  }

  /** Every sector of every device, and that nothing is left behind. Nothing may be in flight. */
  async compare(): Promise<void> {
    const world = this.#world
    const isOver = await world.schedule.until(
      () => this.#requests.inFlight === 0 || world.hasCrashed || world.violation !== undefined,
    )
    if (world.violation !== undefined) throw world.violation
    if (world.hasCrashed) return
    if (!isOver) throw new Violation(`${this.#requests.inFlight} requests were never answered`)
    await world.schedule.settle()
    if (world.hasCrashed) return
    world.oracle.settleOpen()
    for (const { device, snapshot, volume } of world.volumes()) {
      if (snapshot !== undefined && snapshot.fate !== 'there') continue
      const announced = world.oracle.read()
      const bytes = await this.#readAll(volume, snapshot)
      if (world.hasCrashed) return
      if (bytes === undefined || world.isUncertain(snapshot)) continue
      world.oracle.mayShow(device, announced, 0, bytes, volume.name)
    }
    await this.#mustBeAtRest()
  }

  async #mustBeAtRest(): Promise<void> {
    const world = this.#world
    const { engine, schedule } = world
    await schedule.settle()
    if (world.hasCrashed) return
    schedule.quietly(() => {
      const { machinery } = engine
      const inFlight = machinery.client.inFlight()
      const isMerging = world.mergeOf()?.hasEnded === false
      if (inFlight > 0 && !isMerging) throw new Violation(`${inFlight} tickets are in use with nothing in flight`)
      const held = machinery.heldLocks()
      if (held > 0 && !isMerging) throw new Violation(`${held} stripes are held with nothing in flight`)
      if (isMerging) return
      // Every worker has its scratch.
      const lost = machinery.allocator.takenCount() - machinery.workerCount
      if (lost > 0) throw new Violation(`${lost} blocks of the arena are in use with nothing in flight`)
      for (const { cow, fate, isExcused, isSuspect, store } of world.snapshots) {
        if (store !== 'N' && fate === 'there' && !isExcused && !isSuspect) mustEnd(world.file(cow).disk.bytes, cow)
      }
      for (const { ctx, hasEnded } of schedule.threads) {
        if (hasEnded) continue
        if (ctx.parked > 0)
          throw new Violation(`worker ${ctx.worker} has ${ctx.parked} pieces parked with nothing in flight`)
        if (ctx.extents.taken + ctx.pieces.taken > 0) {
          throw new Violation(
            `worker ${ctx.worker} has ${ctx.extents.taken} extents and ${ctx.pieces.taken} pieces in use with nothing in flight`,
          )
        }
      }
    })
  }

  async #readAll(
    volume: Origin | Snapshot | { read(offset: number, length: number): Promise<Uint8Array> },
    snapshot: SimSnapshot | undefined,
  ): Promise<Uint8Array | undefined> {
    const world = this.#world
    try {
      return await world.answer('a read of everything', () => volume.read(0, world.byteLength))
    } catch (error) {
      const code = codeOf(error)
      const isDamaged = snapshot !== undefined && mayBeLost(snapshot)
      if (code === 'SNAPSHOT_INVALID' && isDamaged) {
        snapshot.isInvalid = true
        return undefined
      }
      if (code === 'IO_ERROR' && (world.isOriginExcused || isDamaged || world.merging?.isExcused === true))
        return undefined
      if (code === 'WORKER_DIED' && world.plan.kills) return undefined
      if (error instanceof Violation) throw error
      throw new Violation(`reading all of ${snapshot?.name ?? 'the origin'} failed: ${String(error)}`)
    }
  }

  /** What the origin has come back with. */
  #adopt(origin: Origin): void {
    const world = this.#world
    const handles = new Map(origin.snapshots.map((handle) => [handle.name, handle]))
    for (const snapshot of [...world.snapshots]) {
      const handle = handles.get(snapshot.name)
      handles.delete(snapshot.name)
      snapshot.takesDiscards = false
      if (snapshot.fate === 'merging') this.#adoptMerging(snapshot, handle)
      else if (handle !== undefined) {
        if (handle.merging !== undefined)
          throw new Violation(`${snapshot.name} is being merged, and nobody asked for it`)
        if (snapshot.fate === 'taking') world.oracle.taken(snapshot.device)
        snapshot.fate = 'there'
        snapshot.handle = handle
      } else {
        if (snapshot.fate === 'there') throw new Violation(`${snapshot.name} did not come back`)
        this.#controls.forgetAfterCrash(snapshot)
      }
    }
    if (handles.size > 0) throw new Violation(`nobody took ${[...handles.keys()].join(', ')}`)
  }

  #adoptMerging(snapshot: SimSnapshot, handle: Snapshot | undefined): void {
    const { oracle } = this.#world
    if (handle === undefined) {
      // All of it was merged, and the origin said so before the process ended.
      this.#controls.merged(snapshot)
      return
    }
    snapshot.handle = handle
    const { merging } = handle
    if (merging === undefined) {
      oracle.undoMerge()
      snapshot.fate = 'there'
      return
    }
    this.#controls.follow(snapshot, merging)
  }

  async #settleContent(isPowerCut: boolean): Promise<void> {
    const world = this.#world
    for (const { device, snapshot, volume } of world.volumes()) {
      if (snapshot !== undefined && snapshot.fate !== 'there') continue
      const bytes = await this.#readAll(volume, snapshot)
      if (world.hasCrashed) return
      if (bytes === undefined || world.isUncertain(snapshot)) continue
      world.oracle.settleContent(device, bytes, isPowerCut, `after a crash ${volume.name}`)
    }
  }

  #mayFail(error: unknown, abandon: string[]): void {
    const world = this.#world
    if (error instanceof Violation) throw error
    const code = codeOf(error)
    const text = String(error)
    const named = world.snapshots.find(({ cow, name }) => text.includes(cow) || text.includes(`'${name}'`))
    if (text.includes('EIO') && (world.isOriginExcused || named?.isExcused === true)) {
      // The opening that failed has closed the origin again, and with it a barrier may have failed: whoever opens is told so.
      this.#noteUncovered(false)
      world.healAll()
      return
    }
    if (code !== undefined && named?.isSuspect === true) {
      abandon.push(named.name)
      if (named.fate === 'merging') {
        // Its COW has the rest of what the origin is to be; without it the origin is neither old nor new.
        world.isOriginSuspect = true
        world.oracle.endMerge()
      }
      this.#controls.forgetAfterCrash(named)
      return
    }
    if (code === 'WORKER_DIED' && world.plan.kills) return
    throw new Violation(`the origin cannot be opened: ${text}`)
  }

  /** Whether it went well; if not, a disk is to blame. */
  async #excused(what: string, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await this.#world.answer(what, act)
      return true
    } catch (error) {
      const isAnyExcused = this.#world.isOriginExcused || this.#world.snapshots.some(({ isExcused }) => isExcused)
      if (codeOf(error) === 'IO_ERROR' && isAnyExcused) return false
      throw error
    }
  }
}
