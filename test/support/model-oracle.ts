/**
 * What an origin and its snapshots must show, in the plainest way: every volume is an array of bytes. A snapshot is a copy
 * of the origin's array; a write changes the one array it is for. Beside that, each snapshot keeps the set of
 * chunks that its store has to hold, and how many it can hold: these two give its status and tell when it is full.
 *
 * Chunks are saved whole; a store is full by the format's arithmetic (an area of entries before each areaful of chunks),
 * less the one chunk whose entry would fill the last area that fits.
 */

export const sectorBytes = 512

export type State = 'Valid' | 'Overflow' | 'Invalid'

export interface OracleOptions {
  readonly name: string
  readonly store: 'P' | 'PO' | 'N'
  readonly chunkSectors: number
  readonly cowSectors: number
  readonly durability: 'power-loss' | 'process-crash' | 'none'
  readonly readOnly: boolean
  /** Path of the COW, or its memory. */
  readonly cow: string | { readonly memory: Uint8Array }
  /** Names the snapshot in the stamps of its sectors. */
  readonly device: number
}

export class OracleSnapshot {
  readonly options: OracleOptions
  readonly image: Uint8Array
  readonly mapped = new Set<number>()
  state: State = 'Valid'
  cowSectors: number

  constructor(options: OracleOptions, image: Uint8Array) {
    this.options = options
    this.image = image
    this.cowSectors = options.cowSectors
  }

  get persistent(): boolean {
    return this.options.store !== 'N'
  }

  /** How many chunks the store can hold. */
  capacity(): number {
    const chunks = Math.floor(this.cowSectors / this.options.chunkSectors)
    if (!this.persistent) return chunks
    const inArea = entriesPerArea(this.options.chunkSectors)
    const areas = Math.ceil((chunks - 1) / (inArea + 1))
    const exactFit = (chunks - 1) % (inArea + 1) === 0
    return Math.max(0, chunks - 1 - areas - (exactFit ? 1 : 0))
  }

  status(): string {
    if (this.state !== 'Valid') return this.state
    const { chunkSectors } = this.options
    const held = this.mapped.size
    if (!this.persistent) return `${held * chunkSectors}/${this.cowSectors} 0`
    const metadata = 2 + Math.floor(held / entriesPerArea(chunkSectors))
    return `${(metadata + held) * chunkSectors}/${this.cowSectors} ${metadata * chunkSectors}`
  }

  /** The chunks that a range of sectors touches. */
  chunksOf(sector: number, sectors: number): number[] {
    const { chunkSectors } = this.options
    const first = Math.floor(sector / chunkSectors)
    const last = Math.floor((sector + sectors - 1) / chunkSectors)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  }

  /** The origin is about to be written to: what is not held yet must be; a store without room ends the snapshot. */
  save(sector: number, sectors: number): void {
    if (this.state === 'Invalid') return
    for (const chunk of this.chunksOf(sector, sectors)) this.mapped.add(chunk)
    if (this.mapped.size > this.capacity()) this.state = 'Invalid'
  }

  /**
   * A write to the snapshot. True if it must succeed; otherwise the state says why not, and of a write that
   * overflowed the store any chunk may have been written before it was full.
   */
  write(sector: number, bytes: Uint8Array): boolean {
    if (this.state !== 'Valid') return false
    const chunks = this.chunksOf(sector, bytes.length / sectorBytes)
    const lacking = chunks.filter((chunk) => !this.mapped.has(chunk))
    if (this.mapped.size + lacking.length > this.capacity()) {
      this.state = this.options.store === 'PO' ? 'Overflow' : 'Invalid'
      return false
    }
    for (const chunk of chunks) this.mapped.add(chunk)
    this.image.set(bytes, sector * sectorBytes)
    return true
  }
}

export class OracleOrigin {
  readonly image: Uint8Array
  snapshots: OracleSnapshot[] = []

  constructor(image: Uint8Array) {
    this.image = image
  }

  get sectors(): number {
    return this.image.length / sectorBytes
  }

  write(sector: number, bytes: Uint8Array): void {
    for (const snapshot of this.snapshots) snapshot.save(sector, bytes.length / sectorBytes)
    this.image.set(bytes, sector * sectorBytes)
  }

  fork(options: OracleOptions): OracleSnapshot {
    const snapshot = new OracleSnapshot(options, this.image.slice())
    this.snapshots.push(snapshot)
    return snapshot
  }

  forget(snapshot: OracleSnapshot): void {
    this.snapshots = this.snapshots.filter((other) => other !== snapshot)
  }
}

export const entriesPerArea = (chunkSectors: number): number => chunkSectors * (sectorBytes / 16)
