/** An engine of our own: an origin, and as many snapshots as are asked for. What it makes beside the origin is gone when it closes. */
import { existsSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CowringError, Engine, type Origin, type Snapshot, type SnapshotOptions } from '../../index.js'
import { libcLoads } from '../../io/libc.js'
import { openSource } from '../../io/open-source.js'
import { fillWithOwnSectors } from '../lane/buffers.js'
import { askAgain, VolumeQueue } from '../lane/volume-queue.js'
import type { LanePlace, OpenTarget, Probe, TargetNeeds } from './open-target.js'
import type { EngineAddress } from './target-address.js'

/** What a snapshot can be told when it is taken; the rest is the target's. */
export type SnapshotWish = Pick<SnapshotOptions, 'chunkSectors' | 'store' | 'durability' | 'cowBytes'>

/** A seat's own buffer is at least so large. */
const seatBytesMin = 2 ** 20
const pageBytes = 4096
/** What an engine has without being told, and at most. */
const arenaBytesMin = 2 ** 28
const arenaBytesMax = 2 ** 32

export class EngineTarget implements OpenTarget {
  readonly text: string
  readonly isNew: boolean
  readonly madeFile: string | undefined
  readonly origin: Origin
  readonly #address: EngineAddress
  readonly #engine: Engine
  /** The target's own snapshots have been taken. */
  #isReady = false
  /** Snapshots that were taken here, and the files of their stores. */
  readonly #taken = new Map<Snapshot, string | undefined>()

  private constructor(text: string, address: EngineAddress, engine: Engine, origin: Origin, isNew: boolean) {
    this.text = text
    this.#address = address
    this.#engine = engine
    this.origin = origin
    this.isNew = isNew
    this.madeFile = isNew ? address.path : undefined
  }

  /** Fails as `Engine.start`, `engine.open` and `origin.snapshot`. */
  static async open(text: string, address: EngineAddress, needs: TargetNeeds): Promise<EngineTarget> {
    const { path, sizeBytes = needs.createBytes, workers } = address
    const isNew = path === undefined || !existsSync(path)
    if (isNew && sizeBytes === undefined) {
      const fault = `target '${text}': ${path} does not exist; say how large it is to be: add ,size=1g`
      throw new CowringError('INVALID_ARGUMENT', fault)
    }
    const arenaBytes = arenaBytesFor(text, needs.flightBytes)
    const engine = await Engine.start({ arenaBytes, ...(workers === undefined ? {} : { workers }) })
    const takeBack = isNew && path !== undefined ? makeSparse(path, sizeBytes as number) : undefined
    try {
      const source = path ?? { memory: sizeBytes as number }
      const origin = await engine.open(source, {
        readOnly: !needs.writes && !isNew,
        direct: needs.direct && path !== undefined,
      })
      return new EngineTarget(text, address, engine, origin, isNew)
    } catch (error) {
      await engine.close()
      takeBack?.()
      throw error
    }
  }

  /** The snapshots that the target asks for; those of the timeline come later. */
  async takeSnapshots(): Promise<void> {
    for (const name of this.#namesAtStart) await this.takeSnapshot(name)
    this.#isReady = true
  }

  get volumeNames(): readonly string[] {
    return [...new Set(['origin', ...this.origin.snapshots.map(({ name }) => name), ...this.#namesAtStart])]
  }

  /** Also a snapshot that will have been taken when the jobs begin: until then it has what the origin has. */
  volume(name: string): Probe {
    if (!this.volumeNames.includes(name)) throw this.#noVolume(name)
    return {
      name,
      sizeBytes: this.origin.sizeBytes,
      read: (offset, into) => askAgain(() => this.#volumeOrWhatItWillBe(name).read(offset, into)),
      write: (offset, bytes) => askAgain(() => this.#volumeOrWhatItWillBe(name).write(offset, bytes)),
    }
  }

  depthOf(asked: number): number {
    return this.#address.calls === 'in-place' ? 1 : asked
  }

  lanePlace(name: string, depth: number, bufferBytes: number): LanePlace {
    const volume = this.#volume(name)
    if (this.#address.calls === 'in-place') {
      const whole = Math.ceil(Math.max(bufferBytes, seatBytesMin) / pageBytes) * pageBytes
      const token = this.#engine.share({ bufferBytes: whole })
      return { kind: 'thread', place: { kind: 'engine', token, device: volume.deviceName }, transfer: [token.port] }
    }
    const buffers = Array.from({ length: depth }, () => this.#engine.alloc(bufferBytes))
    for (const buffer of buffers) fillWithOwnSectors(buffer)
    const free = (): void => {
      for (const buffer of buffers) this.#engine.free(buffer)
    }
    return { kind: 'here', queue: new VolumeQueue(volume, buffers), free }
  }

  /** Fails as `origin.snapshot`; with SNAPSHOT_EXISTS if there is a file already where its store would be. */
  async takeSnapshot(name: string, wish: SnapshotWish = {}): Promise<Snapshot> {
    const path = this.#cowPath(name)
    if (path !== undefined && existsSync(path)) {
      const text = `${path} is there already, where the store of snapshot '${name}' would be; remove it, or give another folder with ,cow=`
      throw new CowringError('SNAPSHOT_EXISTS', text, { path, snapshot: name })
    }
    const { chunkSectors, durability, store } = this.#address
    const isTransient = (wish.store ?? store) === 'N'
    const snapshot = await this.origin.snapshot({
      name,
      cow: path ?? { memory: memoryStoreBytes(this.origin.sizeBytes) },
      ...(chunkSectors === undefined ? {} : { chunkSectors }),
      ...(store === undefined ? {} : { store }),
      ...(durability === undefined || isTransient ? {} : { durability }),
      ...wish,
    })
    this.#taken.set(snapshot, path)
    return snapshot
  }

  async removeSnapshot(snapshot: Snapshot): Promise<void> {
    if (!snapshot.closed) await snapshot.remove()
    const path = this.#taken.get(snapshot)
    if (path !== undefined) rmSync(path, { force: true })
    this.#taken.delete(snapshot)
  }

  /** Ends a worker thread as a crash would. The engine goes on without it and starts another. */
  async killWorker(number: number): Promise<void> {
    const { threads } = this.#engine.machinery.pool
    const thread = threads[number]
    if (thread !== undefined) return void (await thread.terminate())
    const text = `there is no worker ${number}; there are ${threads.length}, counted from 0`
    throw new CowringError('INVALID_ARGUMENT', text)
  }

  async close(): Promise<void> {
    try {
      for (const snapshot of this.#taken.keys()) if (!snapshot.closed) await snapshot.remove()
    } finally {
      await this.#engine.close()
      for (const path of this.#taken.values()) if (path !== undefined) rmSync(path, { force: true })
    }
  }

  #volumeOrWhatItWillBe(name: string): Origin | Snapshot {
    const isToCome = !this.#isReady && this.#namesAtStart.includes(name)
    return isToCome ? this.origin : this.#volume(name)
  }

  #volume(name: string): Origin | Snapshot {
    if (name === 'origin') return this.origin
    const snapshot = this.origin.snapshots.find((each) => each.name === name)
    if (snapshot !== undefined) return snapshot
    throw this.#noVolume(name)
  }

  #noVolume(name: string): CowringError {
    const text = `target '${this.text}' has no volume '${name}'; it has ${this.volumeNames.join(', ')}`
    return new CowringError('INVALID_ARGUMENT', text)
  }

  get #namesAtStart(): readonly string[] {
    return Array.from({ length: this.#address.snapshots }, (_, number) => `s${number}`)
  }

  #cowPath(name: string): string | undefined {
    const { cowFolder, path } = this.#address
    if (path === undefined) return undefined
    return join(resolve(cowFolder ?? dirname(path)), `${basename(path)}.${name}.cow`)
  }
}

/** A power of two, with as much room again for what the allocator rounds up. Fails with INVALID_ARGUMENT. */
function arenaBytesFor(text: string, flightBytes: number): number {
  const arenaBytes = Math.max(arenaBytesMin, 2 ** Math.ceil(Math.log2(Math.max(1, 2 * flightBytes))))
  if (arenaBytes <= arenaBytesMax) return arenaBytes
  const fault = `target '${text}': its jobs would have ${flightBytes} bytes in flight, and an engine has room for ${arenaBytesMax / 2}; make bs, iodepth or numjobs smaller`
  throw new CowringError('INVALID_ARGUMENT', fault, { byteLength: flightBytes })
}

/** Makes an image; what is returned takes it back. */
function makeSparse(path: string, createBytes: number): () => void {
  openSource(path, { access: 'write', backend: libcLoads() ? 'libc' : 'node', createBytes, role: 'origin' }).close()
  return () => rmSync(path, { force: true })
}

/** Room for every chunk and its metadata, whatever the chunk size; pages that are not used cost nothing. */
const memoryStoreBytes = (originBytes: number): number =>
  Math.ceil((originBytes * 1.2) / pageBytes) * pageBytes + 2 ** 22
