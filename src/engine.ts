/**
 * The engine: composes the machinery, opens origins, and attaches the snapshots they remember.
 */
import { availableParallelism } from 'node:os'
import { assert } from './base/assert.js'
import { CowringError } from './base/errors.js'
import { bytesToSectors, isPowerOfTwo } from './base/units.js'
import { checkMapperOptions } from './control/auto-extension.js'
import type { MappedDevice } from './control/mapped-device.js'
import { Mapper } from './control/mapper.js'
import type { MapperOptions } from './control/mapper-types.js'
import { Origin, type PreparedSnapshot } from './control/origin.js'
import { OriginMemory, type RememberedSnapshot } from './control/origin-memory.js'
import type { PhysicalDevice } from './control/physical-devices.js'
import type { SnapshotPlan } from './control/snapshot-options.js'
import { Machinery } from './coordinator/machinery.js'
import type { IoBackend } from './io/block-file.js'
import { type OpenedSource, openSource, type Source } from './io/open-source.js'
import { AttachedEngine } from './seat/attached-engine.js'
import { localRequests } from './seat/local-seat.js'
import { shareSeat } from './seat/seat-host.js'
import { requestBytes } from './seat/seat-requests.js'
import type { SeatToken } from './seat/seat-token.js'
import { arenaBytesMax, pageBytes } from './shm/arena.js'
import { workersMax } from './shm/signals.js'
import type { EngineStatistics } from './shm/statistics.js'

export interface EngineOptions {
  /** Worker threads: 1 to 16; one per core by default, at most 8. */
  readonly workers?: number
  /** Size of the arena in bytes, a power of two from 32 MiB to 4 GiB; 256 MiB by default. Only pages that are used cost memory. */
  readonly arenaBytes?: number
  /** Which system calls serve files: libc through koffi (default) or node:fs. */
  readonly io?: IoBackend
  /** What the mapper does by itself. */
  readonly mapper?: MapperOptions
}

export interface OpenOptions {
  /** Refuses writes to the origin; its snapshots are attached read-only. */
  readonly readOnly?: boolean
  /** Opens the origin and its COWs with O_DIRECT. */
  readonly direct?: boolean
  /** The volume's name in messages; the file's name by default. */
  readonly name?: string
  /** Names of remembered snapshots to let go of: they are forgotten, and writes to the origin spoil them from now on. */
  readonly abandon?: readonly string[]
}

/** Workers by default: one per core, and no more than help. */
const workersDefaultMax = 8
const arenaBytesDefault = 2 ** 28
const arenaBytesMin = 2 ** 25

export class Engine implements AsyncDisposable {
  /** Devices made of tables, in the words of dmsetup. Origins and their snapshots are among them. */
  readonly mapper: Mapper
  readonly #machinery: Machinery
  readonly #origins = new Set<Origin>()
  /** Origins that are being opened; closing waits until they can be closed. */
  readonly #opening = new Set<Promise<Origin>>()
  #closing: Promise<void> | undefined

  private constructor(machinery: Machinery, options: MapperOptions) {
    this.#machinery = machinery
    this.mapper = new Mapper(machinery, options)
  }

  /**
   * Starts an engine: its worker threads and its shared memory. It keeps the process alive until `close()`.
   * Fails with INVALID_ARGUMENT.
   */
  static async start(options: EngineOptions = {}): Promise<Engine> {
    const workers = options.workers ?? Math.min(availableParallelism(), workersDefaultMax)
    if (!Number.isInteger(workers) || workers < 1 || workers > workersMax) {
      throw new CowringError(
        'INVALID_ARGUMENT',
        `workers must be a whole number from 1 to ${workersMax}, not ${workers}`,
      )
    }
    const arenaBytes = options.arenaBytes ?? arenaBytesDefault
    if (!isPowerOfTwo(arenaBytes) || arenaBytes < arenaBytesMin || arenaBytes > arenaBytesMax) {
      const text = `arenaBytes must be a power of two from ${arenaBytesMin} to ${arenaBytesMax}, not ${arenaBytes}`
      throw new CowringError('INVALID_ARGUMENT', text, { byteLength: arenaBytes })
    }
    checkMapperOptions(options.mapper ?? {})
    const machinery = new Machinery({ workers, arenaBytes, backend: options.io ?? 'libc', inPlace: localRequests })
    return new Engine(machinery, options.mapper ?? {})
  }

  /** An engine on machinery that its caller has made, for cowring's own tests. */
  static on(machinery: Machinery, options: MapperOptions = {}): Engine {
    return new Engine(machinery, options)
  }

  /**
   * Opens an origin: a path of a regular file or block device, or `{ memory }`.
   *
   * The source is locked against a second use, here and in other processes. The snapshots it remembers are attached; if one
   * is missing or fails its checks, a writable open fails, because writing to the origin would spoil it in silence: bring it
   * back, or name it in `abandon`. A read-only open attaches what it can, read-only. A merge that was not done goes on, which
   * `snapshot.merging` tells; the origin cannot be opened, for reading neither, without that snapshot's COW.
   * Fails with DEVICE_MISSING, DEVICE_UNSUPPORTED, DEVICE_BUSY, SNAPSHOT_MISSING, STORE_CORRUPT, IO_ERROR, ENGINE_CLOSED.
   */
  async open(source: Source, options: OpenOptions = {}): Promise<Origin> {
    this.#mustBeOpen()
    const opening = this.#open(source, options)
    this.#opening.add(opening)
    return opening.finally(() => this.#opening.delete(opening))
  }

  async #open(source: Source, options: OpenOptions): Promise<Origin> {
    const readOnly = options.readOnly ?? false
    const direct = options.direct ?? false
    const { backend } = this.#machinery
    const opened = openSource(source, { access: readOnly ? 'read' : 'write', backend, direct, role: 'origin' })
    const isBlockDevice = opened.descriptor.kind === 'file' && opened.descriptor.isBlockDevice
    const memory = opened.path === undefined ? undefined : OriginMemory.at(opened.path, isBlockDevice)
    const origin = await this.#openOrigin(opened, { readOnly, direct, memory, name: options.name ?? opened.name })
    try {
      const remembered = memory?.load() ?? []
      if (!readOnly) memory?.settle()
      const kept = withoutAbandoned(remembered, options.abandon ?? [], origin.name)
      const prepared = await prepareRemembered(origin, kept, readOnly)
      if (memory !== undefined && kept.length < remembered.length) memory.save(kept)
      if (prepared.length > 0) await origin.attach(prepared)
      return origin
    } catch (error) {
      await origin.close()
      throw error
    }
  }

  /**
   * Allocates a buffer of zeroes in the shared arena. Reads into it and writes from it are not copied. Give it back with
   * `free`. Fails with ARENA_FULL, INVALID_ARGUMENT.
   */
  alloc(byteLength: number): Uint8Array {
    this.#mustBeOpen()
    if (!Number.isSafeInteger(byteLength) || byteLength <= 0) {
      throw new CowringError('INVALID_ARGUMENT', `a buffer needs a positive whole number of bytes, not ${byteLength}`)
    }
    const offset = this.#machinery.allocator.allocate(byteLength)
    if (offset < 0) {
      const text = `the arena has no ${byteLength} bytes in one piece; free buffers, or start with more arenaBytes`
      throw new CowringError('ARENA_FULL', text, { byteLength })
    }
    return new Uint8Array(this.#machinery.arena.buffer, offset, byteLength).fill(0)
  }

  /** Gives a buffer from `alloc` back. No request may be using it; it must not be used afterwards. */
  free(buffer: Uint8Array): void {
    assert(buffer.buffer === this.#machinery.arena.buffer, 'free takes a buffer that alloc returned')
    this.#machinery.client.releaseBlock(buffer.byteOffset)
  }

  /**
   * Makes a seat for another thread of this process, which takes it with `Engine.attach(token)` and then does requests itself, on the
   * same volumes. The token goes there with its `port` in the transfer list, `worker.postMessage(token, [token.port])`, and serves one
   * thread; when that ends, or closes what it attached, the seat is free again. `bufferBytes` of the arena (a multiple of 4096, 1 MiB by
   * default and at least) are that thread's own. Fails with INVALID_ARGUMENT, LIMIT_EXCEEDED, ARENA_FULL, ENGINE_CLOSED.
   */
  share(options: { readonly bufferBytes?: number } = {}): SeatToken {
    this.#mustBeOpen()
    const bufferBytes = options.bufferBytes ?? requestBytes
    if (!Number.isSafeInteger(bufferBytes) || bufferBytes < requestBytes || bufferBytes % pageBytes !== 0) {
      const text = `bufferBytes must be a multiple of ${pageBytes} from ${requestBytes} on, not ${bufferBytes}`
      throw new CowringError('INVALID_ARGUMENT', text, { byteLength: bufferBytes })
    }
    return shareSeat(this.#machinery, this.mapper, bufferBytes)
  }

  /** Takes a seat in an engine that another thread of this process has started: see `share`. */
  static attach(token: SeatToken): AttachedEngine {
    return new AttachedEngine(token)
  }

  /** Counters and latency histograms per operation since the start, read from shared memory. */
  statistics(): EngineStatistics {
    return this.#machinery.statistics()
  }

  /** Closes every origin, waits for their I/O, and ends the worker threads. Closing again does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The parts below, for cowring's own tests. */
  get machinery(): Machinery {
    return this.#machinery
  }

  /** To the end, whatever fails on the way; the first failure is told then. */
  async #close(): Promise<void> {
    await Promise.allSettled(this.#opening)
    const closed = await Promise.allSettled([this.mapper.close()])
    closed.push(...(await Promise.allSettled([...this.#origins].map((origin) => origin.close()))))
    closed.push(...(await Promise.allSettled([this.mapper.end()])))
    await this.#machinery.close()
    for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #openOrigin(
    source: OpenedSource,
    options: { readOnly: boolean; direct: boolean; name: string; memory: OriginMemory | undefined },
  ): Promise<Origin> {
    const { mapper } = this
    const { direct, memory, name, readOnly } = options
    const image = mapper.physical.adopt({ source, writable: !readOnly })
    image.holds++
    const device = await this.#createDevice(name, image, readOnly)
    const origin = new Origin({
      machinery: this.#machinery,
      mapper,
      image,
      device,
      name,
      readOnly,
      direct,
      memory,
      onClose: (closed) => this.#origins.delete(closed),
    })
    this.#origins.add(origin)
    return origin
  }

  async #createDevice(name: string, image: PhysicalDevice, readOnly: boolean): Promise<MappedDevice> {
    const { mapper } = this
    try {
      const line = `0 ${bytesToSectors(image.source.sizeBytes)} linear ${image.number} 0`
      return await mapper.createHeld(name, line, { readOnly })
    } catch (error) {
      image.holds--
      mapper.physical.closeIfUnused(image)
      throw error
    }
  }

  #mustBeOpen(): void {
    if (this.#closing === undefined) return
    throw new CowringError('ENGINE_CLOSED', 'the engine is closed; start another one')
  }
}

function withoutAbandoned(
  remembered: readonly RememberedSnapshot[],
  abandon: readonly string[],
  origin: string,
): RememberedSnapshot[] {
  const unknown = abandon.find((name) => !remembered.some((snapshot) => snapshot.name === name))
  if (unknown !== undefined) {
    const known = remembered.map(({ name }) => `'${name}'`).join(', ') || 'none'
    const text = `${origin} does not remember a snapshot '${unknown}' to abandon; it remembers ${known}`
    throw new CowringError('INVALID_ARGUMENT', text, { device: origin, snapshot: unknown })
  }
  return remembered.filter(({ name }) => !abandon.includes(name))
}

/** Opens the COWs of remembered snapshots. Of a read-only origin, those that fail are left out. */
async function prepareRemembered(
  origin: Origin,
  remembered: readonly RememberedSnapshot[],
  readOnly: boolean,
): Promise<PreparedSnapshot[]> {
  const prepared: PreparedSnapshot[] = []
  const failed: { name: string; error: unknown }[] = []
  for (const snapshot of remembered) {
    try {
      prepared.push(await prepareOne(origin, snapshot, readOnly))
    } catch (error) {
      failed.push({ name: snapshot.name, error })
    }
  }
  const first = failed[0]
  const halfMerged = failed.find(({ name }) =>
    remembered.some((each) => each.name === name && each.merging !== undefined),
  )
  if (first === undefined || (readOnly && halfMerged === undefined)) return prepared
  for (const each of prepared) await origin.abandon(each)
  if (halfMerged !== undefined) throw missingMerge(origin, halfMerged)
  throw missing(origin, failed, first)
}

async function prepareOne(
  origin: Origin,
  remembered: RememberedSnapshot,
  readOnly: boolean,
): Promise<PreparedSnapshot> {
  const { chunkSectors, durability, name, store } = remembered
  const plan: SnapshotPlan = {
    cow: origin.parts.memory?.resolveCow(remembered.cow) ?? remembered.cow,
    cowBytes: undefined,
    chunkSectors,
    store,
    durability,
    readOnly: readOnly || remembered.readOnly,
    name,
  }
  const use = readOnly ? 'look' : 'attach'
  if (remembered.merging !== undefined) return origin.prepareMerge(plan, use, remembered.merging === 'stopped')
  const prepared = await origin.prepare(plan, use)
  if (remembered.invalid === true) {
    const cursor = prepared.device.inactive?.instances[0]?.store?.cursor
    cursor?.startInvalid()
    cursor?.failHeader()
  }
  return prepared
}

function missingMerge(origin: Origin, { error, name }: { name: string; error: unknown }): CowringError {
  const reason = withoutStop(error)
  const text =
    `${origin.name} is half merged with its snapshot '${name}' and cannot be opened without that one's COW, which has the ` +
    `rest. ${reason}. Bring it back and open again: the merge goes on. Or take the origin as it is, neither old nor ` +
    `new, with { abandon: ['${name}'] }`
  return new CowringError('SNAPSHOT_MISSING', text, { device: origin.name, snapshot: name }, error)
}

function missing(
  origin: Origin,
  failed: readonly { name: string; error: unknown }[],
  first: { name: string; error: unknown },
): CowringError {
  const reasons = failed.map(({ error, name }) => `'${name}': ${withoutStop(error)}`)
  const names = failed.map(({ name }) => `'${name}'`).join(', ')
  const text =
    `${origin.name} cannot be opened for writing without its snapshots, which the first write would spoil. ` +
    `${reasons.join('. ')}. Bring them back, or let go of them with { abandon: [${names}] }`
  return new CowringError('SNAPSHOT_MISSING', text, { device: origin.name, snapshot: first.name }, first.error)
}

/** A message as a part of a sentence. */
const withoutStop = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
