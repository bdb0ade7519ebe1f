/**
 * Looks at a COW store on its own, without its origin and without an engine: header, entries, usage, and every check of the
 * loader. It goes on after a problem where it can, and writes nothing.
 *
 * Guarantees: memory for a bit per chunk, not for entries: a store may have millions. The file is locked against writers
 * while it is open, so a store that an engine is using is refused, not half read.
 */
import { read } from 'node:fs'
import { promisify } from 'node:util'
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorBytes } from '../base/units.js'
import { decodeNewChunk, decodeOldChunk, entryBytes } from '../format/exception.js'
import { areaChunk, type Geometry, geometryOf, nextDataIndex } from '../format/geometry.js'
import { decodeHeader, type HeaderReading } from '../format/header.js'
import { percentOf, type Usage, usageOf } from '../format/usage.js'
import { type OpenedSource, openSource } from '../io/open-source.js'
import { systemError } from '../io/system-error.js'
import { SparseBits } from './sparse-bits.js'
import { EntryChecks, endlessList, headerProblem } from './store-checks.js'

export interface InspectOptions {
  /** The origin's length in sectors: entries past its end are problems. Without it they cannot be told. */
  readonly originSectors?: number
}

/** One exception of the list. */
export interface StoreEntry {
  readonly entry: number
  readonly oldChunk: number
  readonly newChunk: number
  readonly problem: string | undefined
}

/** What a store is, and after all its entries have been read, how full it is and what is wrong with it. */
export interface StoreReport {
  readonly path: string
  readonly cowSectors: number
  /** `blank`: the first four bytes are zero, as the kernel wants a new COW; `foreign`: something else is there. */
  readonly kind: 'store' | 'blank' | 'foreign'
  /** The rest is there for stores only. */
  readonly valid: boolean | undefined
  readonly version: number | undefined
  readonly chunkSectors: number | undefined
  /** Entries up to the list's end, bad ones included. */
  readonly entries: number
  /** Metadata areas that the list reaches into. */
  readonly areas: number
  /** As `status` would print it; `undefined` for what cannot be loaded. */
  readonly usage: Usage | undefined
  /** As `lvs` would print it. */
  readonly percent: number | undefined
  readonly problemCount: number
  /** The first of them. */
  readonly problems: readonly string[]
}

/** Problems that are kept as text; the others are counted. */
const problemsKept = 100
const blockBytes = 2 ** 20
const readAt = promisify(read)

/**
 * Opens a store to look at it. Fails with DEVICE_MISSING, DEVICE_UNSUPPORTED, DEVICE_BUSY (an engine is using it),
 * INVALID_ARGUMENT, IO_ERROR.
 */
export async function inspectStore(path: string, options: InspectOptions = {}): Promise<StoreInspection> {
  const { originSectors } = options
  if (originSectors !== undefined && !(Number.isSafeInteger(originSectors) && originSectors > 0)) {
    const text = `an origin has a positive whole number of sectors, not ${originSectors}`
    throw new CowringError('INVALID_ARGUMENT', text, { path })
  }
  const source = openSource(path, { access: 'read', backend: 'node', role: 'COW' })
  try {
    const first = Buffer.alloc(Math.min(4096, source.sizeBytes))
    await fill(source, first, 0)
    return new StoreInspection(source, decodeHeader(first, 0), originSectors)
  } catch (error) {
    source.close()
    throw error
  }
}

export class StoreInspection implements Disposable {
  readonly #source: OpenedSource
  readonly #reading: HeaderReading
  readonly #geometry: Geometry | undefined
  readonly #originSectors: number | undefined
  readonly #problems: string[] = []
  #problemCount = 0
  #entries = 0
  #highest: number | undefined
  #isRead = false

  constructor(source: OpenedSource, reading: HeaderReading, originSectors: number | undefined) {
    this.#source = source
    this.#reading = reading
    this.#originSectors = originSectors
    this.#geometry = this.#judgeHeader()
  }

  /** The list in its order, to its end. To be read once. Fails with IO_ERROR. */
  async *entries(): AsyncGenerator<StoreEntry, void, undefined> {
    const geometry = this.#geometry
    if (geometry === undefined || this.#isRead) return
    this.#isRead = true
    const { chunkBytes } = geometry
    const cowChunks = Math.floor(this.#source.sizeBytes / chunkBytes)
    const seen = new SparseBits()
    const checks = new EntryChecks({
      geometry,
      cowChunks,
      originChunks: this.#originChunks(geometry),
      hasOld: (oldChunk) => seen.has(oldChunk),
    })
    const block = Buffer.alloc(Math.min(blockBytes, chunkBytes))
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
    for (let area = 0; areaChunk(geometry, area) < cowChunks; area++) {
      const start = areaChunk(geometry, area) * chunkBytes
      for (let done = 0; done < chunkBytes; done += block.byteLength) {
        await fill(this.#source, block, start + done)
        for (let at = 0; at < block.byteLength; at += entryBytes) {
          const newChunk = decodeNewChunk(view, at)
          if (newChunk === 0) return
          const oldChunk = decodeOldChunk(view, at)
          const entry = this.#entries++
          const problem = checks.take(entry, oldChunk, newChunk)
          if (problem === undefined) {
            seen.add(oldChunk)
            this.#highest = Math.max(this.#highest ?? 0, newChunk)
          } else {
            this.#note(problem)
          }
          yield { entry, oldChunk, newChunk, problem }
        }
      }
    }
    this.#note(endlessList)
  }

  /** Reads what is left of the list and says what came of it. */
  async report(): Promise<StoreReport> {
    for await (const _ of this.entries());
    const reading = this.#reading
    const header = reading.kind === 'store' ? reading.header : undefined
    const usage = this.#usage()
    return {
      path: this.#source.path ?? this.#source.name,
      cowSectors: bytesToSectors(this.#source.sizeBytes),
      kind: reading.kind === 'fresh' ? 'blank' : reading.kind,
      valid: header?.valid,
      version: header?.version,
      chunkSectors: header?.chunkSectors,
      entries: this.#entries,
      areas: this.#geometry === undefined ? 0 : Math.floor(this.#entries / this.#geometry.entriesPerArea) + 1,
      usage,
      percent: usage === undefined ? undefined : percentOf(usage),
      problemCount: this.#problemCount,
      problems: this.#problems,
    }
  }

  /** Closes the file. */
  close(): void {
    this.#source.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The geometry of a list that can be read. */
  #judgeHeader(): Geometry | undefined {
    const reading = this.#reading
    if (reading.kind === 'fresh') this.#note('it is blank: no store has been made in it yet')
    if (reading.kind === 'foreign') this.#note(`it is no store: it begins with 0x${reading.magic.toString(16)}`)
    if (reading.kind !== 'store') return undefined
    const { header } = reading
    const problem = headerProblem(header, [this.#source.blockSectors])
    if (problem !== undefined) this.#note(problem.text)
    if (!header.valid) this.#note('it was invalidated: what the snapshot showed is lost')
    return problem === undefined ? geometryOf(header.chunkSectors) : undefined
  }

  #originChunks({ chunkSectors }: Geometry): number | undefined {
    return this.#originSectors === undefined ? undefined : Math.ceil(this.#originSectors / chunkSectors)
  }

  #usage(): Usage | undefined {
    if (this.#geometry === undefined) return undefined
    return usageOf({
      kind: 'persistent',
      geometry: this.#geometry,
      nextDataIndex: nextDataIndex(this.#geometry, this.#highest),
      committedEntries: this.#entries,
      cowSectors: bytesToSectors(this.#source.sizeBytes),
    })
  }

  #note(problem: string): void {
    this.#problemCount++
    if (this.#problems.length < problemsKept) this.#problems.push(problem)
  }
}

async function fill(source: OpenedSource, into: Buffer, byteOffset: number): Promise<void> {
  const where = source.path ?? source.name
  if (source.descriptor.kind !== 'file') throw new CowringError('DEVICE_UNSUPPORTED', `${where} is no file`)
  const { fd } = source.descriptor
  try {
    for (let done = 0; done < into.byteLength; ) {
      const { bytesRead } = await readAt(fd, into, done, into.byteLength - done, byteOffset + done)
      if (bytesRead === 0) {
        const text = `${where} ended at ${byteOffset + done} while it was read; it has been shortened`
        throw new CowringError('IO_ERROR', text, { path: where, byteOffset: byteOffset + done })
      }
      done += bytesRead
    }
  } catch (error) {
    throw error instanceof CowringError
      ? error
      : systemError(error, `read ${sectorBytes}-byte sectors of the COW`, where)
  }
}
