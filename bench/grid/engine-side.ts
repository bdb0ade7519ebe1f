/** The engine's side: the same work through the public API, from one caller's thread. */
import { present } from '../../src/base/assert.js'
import { Engine } from '../../src/index.js'
import { type Addresses, chunkOrder, EachChunkOnce, RandomAddresses, SequentialAddresses } from './addresses.js'
import { MappedDevices, type MeasuredDevices, type MeasuredSnapshot, OpenedDevices } from './devices.js'
import { type DrivenVolume, drive, driveInPlace } from './drive.js'
import { chunksPerWrite, type GridCase, isFirstWrite, isRead, timesEach } from './grid-case.js'
import { LatencySamples } from './latency-samples.js'
import type { PassResult, Side } from './pass.js'
import type { Workplace } from './workplace.js'

/** Names of stores are taken once: two sides may work in one place. */
let storesTaken = 0
const fillBytes = 2 ** 20
const fillDepth = 8

export class EngineSide implements Side {
  readonly #grid: GridCase
  readonly #place: Workplace
  readonly #engine: Engine
  readonly #devices: MeasuredDevices
  readonly #buffers: readonly Uint8Array[]
  readonly #samples: LatencySamples | undefined
  readonly #chunks: Uint32Array
  #snapshots: MeasuredSnapshot[] = []
  #addresses: Addresses

  /** `image` says which of the two origin files is this side's. */
  static async start(
    grid: GridCase,
    place: Workplace,
    image: 'floor' | 'engine' = 'engine',
    through: 'open' | 'mapper' = 'open',
  ): Promise<EngineSide> {
    const engine = await Engine.start({ workers: grid.workers })
    const path = place.origin(image)
    const devices = await (through === 'open' ? OpenedDevices.open : MappedDevices.create)(engine, path, place)
    const side = new EngineSide(grid, place, engine, devices)
    if (!isFirstWrite(grid.work)) await side.#prepare()
    return side
  }

  private constructor(grid: GridCase, place: Workplace, engine: Engine, devices: MeasuredDevices) {
    this.#grid = grid
    this.#place = place
    this.#engine = engine
    this.#devices = devices
    this.#buffers = Array.from({ length: grid.depth }, () =>
      grid.buffers === 'arena' ? engine.alloc(grid.ioBytes) : Buffer.alloc(grid.ioBytes, 1),
    )
    this.#samples = timesEach(grid) ? new LatencySamples() : undefined
    const chunkCount = isFirstWrite(grid.work) ? place.originBytes / grid.chunkBytes : 0
    this.#chunks = chunkOrder(chunkCount, grid.order)
    this.#addresses =
      grid.order === 'random'
        ? new RandomAddresses(place.originBytes, grid.ioBytes, 1)
        : new SequentialAddresses(place.originBytes, grid.ioBytes)
  }

  /** Fresh snapshots for first writes; nothing for the others. */
  async rewind(): Promise<void> {
    if (!isFirstWrite(this.#grid.work)) return
    await this.#removeSnapshots()
    await this.#takeSnapshots()
    this.#addresses = new EachChunkOnce(this.#chunks, this.#grid.chunkBytes, chunksPerWrite(this.#grid))
  }

  async pass(seconds: number): Promise<PassResult> {
    const given = {
      volume: this.#volume(),
      writes: !isRead(this.#grid.work),
      addresses: this.#addresses,
      buffers: this.#buffers,
      samples: this.#samples,
    }
    return this.#grid.calls === 'in-place' ? driveInPlace(given, seconds) : drive(given, seconds)
  }

  async close(): Promise<void> {
    await this.#removeSnapshots()
    await this.#engine.close()
  }

  #volume(): DrivenVolume {
    if (this.#grid.work.startsWith('origin-')) return this.#devices.origin
    return present(this.#snapshots[0], 'a snapshot to measure')
  }

  /** The snapshots, and every chunk of them in their stores where that makes a difference to what is measured. */
  async #prepare(): Promise<void> {
    await this.#takeSnapshots()
    const { work } = this.#grid
    if (work === 'origin-read' || work === 'snapshot-read-origin') return
    await this.#fill(work === 'snapshot-rewrite' ? this.#volume() : this.#devices.origin)
  }

  async #fill(volume: DrivenVolume): Promise<void> {
    const { originBytes } = this.#place
    const buffer = this.#engine.alloc(fillBytes)
    for (let start = 0; start < originBytes; start += fillDepth * fillBytes) {
      const writes: Promise<void>[] = []
      for (let at = start; at < Math.min(originBytes, start + fillDepth * fillBytes); at += fillBytes) {
        writes.push(volume.write(at, buffer.subarray(0, Math.min(fillBytes, originBytes - at))))
      }
      await Promise.all(writes)
    }
    this.#engine.free(buffer)
  }

  async #takeSnapshots(): Promise<void> {
    while (this.#snapshots.length < this.#grid.snapshots) {
      this.#snapshots.push(await this.#devices.takeSnapshot(`engine-${storesTaken++}.cow`, this.#grid))
    }
  }

  async #removeSnapshots(): Promise<void> {
    for (const snapshot of this.#snapshots) {
      await snapshot.remove()
      this.#place.remove(snapshot.name)
    }
    this.#snapshots = []
  }
}
