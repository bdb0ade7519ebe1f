/**
 * Recordings of every request of a run, in one file.
 *
 * A stream of msgpack values: a head, then batches of columns as they come, then an end that says how many requests there were; without
 * it the recording was cut off, and what is there can be repeated all the same. Columns are arrays of small numbers where they are small:
 * offsets in sectors, times in microseconds since the request before.
 */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { finished } from 'node:stream/promises'
import { PackrStream, UnpackrStream } from 'msgpackr'
import { CowringError } from '../../index.js'
import type { TraceBatch } from './trace-columns.js'

const magic = 'cowring-trace-1'
const sectorBytes = 512

/** What is recorded of a job. */
export interface TracedJob {
  readonly name: string
  /** The options that were given, in fio's words. */
  readonly options: Readonly<Record<string, string>>
  /** The numbers of its lanes, and how many requests each had in flight at most. */
  readonly lanes: readonly number[]
  readonly depth: number
}

export interface TraceHead {
  readonly magic: typeof magic
  readonly version: string
  readonly startedAt: string
  readonly jobs: readonly TracedJob[]
}

interface PackedBatch {
  readonly lane: number
  readonly operations: Uint8Array
  /** Low 32 bits of the sector, and the rest where any is not 0. */
  readonly sectors: Uint32Array
  readonly sectorsHigh?: Uint32Array
  readonly lengths: Uint32Array
  /** Of the first, and of each other since the one before, which may be negative. */
  readonly firstDueMicroseconds: number
  readonly dueMicroseconds: Int32Array
  readonly latencyMicroseconds: Uint32Array
  readonly errnos?: Uint8Array
}

type TraceRecord = TraceHead | PackedBatch | { readonly end: number }

/** Typed arrays keep their type. An object for each stream, which puts what it knows of records in it. */
const packing = () => ({ moreTypes: true, structuredClone: true }) as const

export class TraceWriter {
  readonly #packer = new PackrStream(packing())
  readonly #file: WriteStream
  #requests = 0

  private constructor(file: WriteStream) {
    this.#file = file
    this.#packer.pipe(file)
  }

  /** Fails with what the system says if the file cannot be made; one that is there is replaced. */
  static async create(path: string): Promise<TraceWriter> {
    const file = createWriteStream(path)
    await new Promise<void>((resolve, reject) => {
      file.once('open', () => resolve())
      file.once('error', reject)
    })
    return new TraceWriter(file)
  }

  begin(head: Omit<TraceHead, 'magic'>): void {
    this.#packer.write({ magic, ...head })
  }

  add(batch: TraceBatch): void {
    this.#requests += batch.operations.length
    this.#packer.write(packed(batch))
  }

  /** Fails if anything could not be written. */
  async end(): Promise<void> {
    this.#packer.end({ end: this.#requests })
    await finished(this.#file)
  }
}

export interface Trace {
  readonly head: TraceHead
  readonly batches: readonly TraceBatch[]
  /** It has its end. */
  readonly isWhole: boolean
}

/** Limit: what fits in memory is read; some 20 bytes a request. Fails with INVALID_ARGUMENT if it is no recording, and as the system says. */
export async function readTrace(path: string): Promise<Trace> {
  const unpacker = new UnpackrStream(packing())
  // What goes wrong in the file comes out of the unpacker, below.
  pipeline(createReadStream(path), unpacker, () => {})
  const batches: TraceBatch[] = []
  let head: TraceHead | undefined
  let end: number | undefined
  try {
    for await (const record of unpacker as AsyncIterable<TraceRecord>) {
      if (head === undefined) head = checkedHead(path, record)
      else if ('end' in record) end = record.end
      else if ('operations' in record) batches.push(unpacked(record))
    }
  } catch (error) {
    if (error instanceof CowringError || (error instanceof Error && 'syscall' in error)) throw error
    if (head === undefined) throw noTrace(path)
    // Cut off in the middle of a batch: those before it are whole.
  }
  if (head === undefined) throw noTrace(path)
  const requests = batches.reduce((sum, { operations }) => sum + operations.length, 0)
  return { head, batches, isWhole: end === requests }
}

function checkedHead(path: string, record: unknown): TraceHead {
  const isHead = typeof record === 'object' && record !== null && 'magic' in record && record.magic === magic
  if (!isHead) throw noTrace(path)
  return record as TraceHead
}

const noTrace = (path: string): CowringError =>
  new CowringError('INVALID_ARGUMENT', `${path} is no recording of cowring load; make one with --record`, { path })

function packed({ dueMs, errnos, lane, latencyMs, lengths, offsets, operations }: TraceBatch): PackedBatch {
  const sectorOf = (offset: number): number => offset / sectorBytes
  const due = Float64Array.from(dueMs, (milliseconds) => Math.round(milliseconds * 1000))
  const high = Uint32Array.from(offsets, (offset) => Math.floor(sectorOf(offset) / 2 ** 32))
  return {
    lane,
    operations,
    sectors: Uint32Array.from(offsets, (offset) => sectorOf(offset) >>> 0),
    ...(high.some((word) => word !== 0) ? { sectorsHigh: high } : {}),
    lengths,
    firstDueMicroseconds: due[0] ?? 0,
    dueMicroseconds: Int32Array.from(due, (at, index) => (index === 0 ? 0 : at - (due[index - 1] as number))),
    latencyMicroseconds: Uint32Array.from(latencyMs, (milliseconds) => Math.round(milliseconds * 1000)),
    ...(errnos.some((errno) => errno !== 0) ? { errnos } : {}),
  }
}

function unpacked(batch: PackedBatch): TraceBatch {
  const {
    dueMicroseconds,
    errnos,
    firstDueMicroseconds,
    lane,
    latencyMicroseconds,
    lengths,
    operations,
    sectors,
    sectorsHigh,
  } = batch
  let at = firstDueMicroseconds
  return {
    lane,
    operations,
    offsets: Float64Array.from(
      sectors,
      (sector, index) => (sector + (sectorsHigh?.[index] ?? 0) * 2 ** 32) * sectorBytes,
    ),
    lengths,
    dueMs: Float64Array.from(dueMicroseconds, (since) => {
      at += since
      return at / 1000
    }),
    latencyMs: Float32Array.from(latencyMicroseconds, (microseconds) => microseconds / 1000),
    errnos: errnos ?? new Uint8Array(operations.length),
  }
}
