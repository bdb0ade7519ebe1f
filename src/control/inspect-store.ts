/**
 * Looks at a COW store on its own, without its origin and without an engine: header, entries, usage, every check of the
 * loader, and what is odd beyond that. It goes on after a problem where it can, and writes nothing.
 *
 * Guarantees: memory for a bit or two per chunk, not for entries: a store may have millions (sparse-bits.ts says how much at
 * worst). The file is locked against writers while it is open, so a store that an engine is using is refused, not half read.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { type Geometry, geometryOf, nextDataIndex } from '../format/geometry.js'
import { decodeHeader, type HeaderReading } from '../format/header.js'
import { percentOf, type Usage, usageOf } from '../format/usage.js'
import { openSource } from '../io/open-source.js'
import { newChunkMax } from '../shm/exception-map.js'
import { SparseBits } from './sparse-bits.js'
import { bytesOfFile, type StoreBytes } from './store-bytes.js'
import { EntryChecks, endlessList, headerProblem } from './store-checks.js'
import { StoreList } from './store-list.js'
import { remarksOf } from './store-remarks.js'

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
  /** What is odd, and loads all the same: lost space, what a crash left behind. */
  readonly remarks: readonly string[]
}

/** Problems that are kept as text; the others are counted. */
const problemsKept = 100

/**
 * Opens a store to look at it. Fails with DEVICE_MISSING, DEVICE_UNSUPPORTED, DEVICE_BUSY (an engine is using it),
 * INVALID_ARGUMENT, IO_ERROR.
 */
export async function inspectStore(path: string, options: InspectOptions = {}): Promise<StoreInspection> {
  checkOriginSectors(options.originSectors, path)
  const source = openSource(path, { access: 'read', backend: 'node', role: 'COW' })
  try {
    return await inspectBytes(bytesOfFile(source, 'COW'), options.originSectors, () => source.close())
  } catch (error) {
    source.close()
    throw error
  }
}

/** Fails with INVALID_ARGUMENT. */
export function checkOriginSectors(originSectors: number | undefined, path: string): void {
  if (originSectors === undefined || (Number.isSafeInteger(originSectors) && originSectors > 0)) return
  const text = `an origin has a positive whole number of sectors, not ${originSectors}`
  throw new CowringError('INVALID_ARGUMENT', text, { path })
}

export const originTwice = (origin: string): CowringError =>
  new CowringError('INVALID_ARGUMENT', `give the origin ${origin} or a length, not both`, { path: origin })

/** The same for what is open already. Fails with IO_ERROR. */
export async function inspectBytes(
  bytes: StoreBytes,
  originSectors: number | undefined,
  close = () => {},
): Promise<StoreInspection> {
  const first = Buffer.alloc(sectorsToBytes(bytes.blockSectors))
  await bytes.read(first, 0)
  return new StoreInspection(bytes, decodeHeader(first, 0), originSectors, close)
}

export class StoreInspection implements Disposable {
  readonly #bytes: StoreBytes
  readonly #reading: HeaderReading
  readonly #geometry: Geometry | undefined
  readonly #list: StoreList | undefined
  readonly #checks: EntryChecks | undefined
  readonly #seen = new SparseBits()
  readonly #close: () => void
  readonly #problems: string[] = []
  #problemCount = 0
  #entries = 0
  #badEntries = 0
  #badArea: number | undefined
  #outOfOrder = 0
  #firstOutOfOrder: number | undefined
  #before = 0
  #highest: number | undefined
  #hasEnded = false

  constructor(bytes: StoreBytes, reading: HeaderReading, originSectors: number | undefined, close: () => void) {
    this.#bytes = bytes
    this.#reading = reading
    this.#close = close
    const geometry = this.#judgeHeader()
    this.#geometry = geometry
    if (geometry === undefined) return
    const { chunkBytes } = geometry
    const cowChunks = Math.floor(bytes.sizeBytes / chunkBytes)
    const originChunks = originSectors && Math.ceil(sectorsToBytes(originSectors) / chunkBytes)
    this.#list = new StoreList(bytes, geometry)
    this.#checks = new EntryChecks({ geometry, cowChunks, originChunks }, (oldChunk) => this.#seen.has(oldChunk))
  }

  /** The list in its order, to its end. Each entry comes once, whoever asks. Fails with IO_ERROR. */
  async *entries(): AsyncGenerator<StoreEntry, void, undefined> {
    for (let block = await this.#nextBlock(); block !== undefined; block = await this.#nextBlock()) yield* block
  }

  /** Reads what is left of the list and says what came of it. Fails with IO_ERROR. */
  async report(): Promise<StoreReport> {
    while ((await this.#nextBlock()) !== undefined);
    const reading = this.#reading
    const header = reading.kind === 'store' ? reading.header : undefined
    const usage = this.#usage()
    return {
      path: this.#bytes.name,
      cowSectors: bytesToSectors(this.#bytes.sizeBytes),
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
      remarks: await this.#remarks(usage, header?.valid === true),
    }
  }

  /** Closes the file. */
  close(): void {
    this.#close()
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
    const problem = headerProblem(header, [this.#bytes.blockSectors])
    if (problem !== undefined) this.#note(problem.text)
    if (!header.valid) this.#note('it was invalidated: what the snapshot showed is lost')
    return problem === undefined ? geometryOf(header.chunkSectors) : undefined
  }

  async #nextBlock(): Promise<StoreEntry[] | undefined> {
    const list = this.#list
    if (list === undefined || this.#hasEnded) return undefined
    if (!(await list.next())) {
      this.#hasEnded = true
      if (list.end === 'none') this.#note(endlessList)
      return undefined
    }
    const entries: StoreEntry[] = []
    for (let index = 0; index < list.count; index++) {
      entries.push(this.#judge(list.first + index, list.oldChunk(index), list.newChunk(index)))
    }
    return entries
  }

  #judge(entry: number, oldChunk: number, newChunk: number): StoreEntry {
    const problem = this.#checks?.take(entry, oldChunk, newChunk) ?? tooFar(entry, newChunk)
    this.#entries++
    if (problem === undefined) {
      this.#seen.add(oldChunk)
      this.#highest = Math.max(this.#highest ?? 0, newChunk)
      if (newChunk < this.#before) {
        this.#outOfOrder++
        this.#firstOutOfOrder ??= entry
      }
      this.#before = newChunk
    } else {
      this.#note(problem)
      this.#badEntries++
      const entriesPerArea = this.#geometry?.entriesPerArea ?? 1
      if (entry % entriesPerArea === 0) this.#badArea ??= entry / entriesPerArea
    }
    return { entry, oldChunk, newChunk, problem }
  }

  #usage(): Usage | undefined {
    if (this.#geometry === undefined) return undefined
    return usageOf({
      kind: 'persistent',
      geometry: this.#geometry,
      nextDataIndex: nextDataIndex(this.#geometry, this.#highest),
      committedEntries: this.#entries,
      cowSectors: bytesToSectors(this.#bytes.sizeBytes),
    })
  }

  async #remarks(usage: Usage | undefined, isValid: boolean): Promise<readonly string[]> {
    if (this.#geometry === undefined || usage === undefined) return []
    return remarksOf(this.#bytes, this.#geometry, {
      entries: this.#entries,
      hasEnd: this.#list?.end === 'mark',
      badEntries: this.#badEntries,
      badArea: this.#badArea,
      outOfOrder: this.#outOfOrder,
      firstOutOfOrder: this.#firstOutOfOrder,
      highest: this.#highest,
      isTaken: (newChunk) => this.#checks?.isTaken(newChunk) === true,
      usage,
      isValid,
    })
  }

  #note(problem: string): void {
    this.#problemCount++
    if (this.#problems.length < problemsKept) this.#problems.push(problem)
  }
}

/** The format could hold it; the engine, whose maps have words of 32 bits, does not load it. */
function tooFar(entry: number, newChunk: number): string | undefined {
  if (newChunk <= newChunkMax) return undefined
  return `entry ${entry} points at chunk ${newChunk}; cowring addresses ${newChunkMax} chunks of a COW`
}
