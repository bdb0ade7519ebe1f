/**
 * What an origin and its snapshots must show, in the plainest way: every volume is an array of bytes. A snapshot is a copy
 * of the origin's array; a write changes the one array it is for. Beside that, each snapshot keeps the set of
 * chunks that its store has to hold, and how many it can hold: these two give its status and tell when it is full.
 *
 * Chunks are saved whole; a store is full by the format's arithmetic (an area of entries before each areaful of chunks),
 * less the one chunk whose entry would fill the last area that fits.
 *
 * A snapshot that is being merged and the origin are one array: from the first moment on they show the same. How far the merge
 * is, the oracle learns from the engine when the merge is at rest; what the other snapshots had to save until then it knows
 * within two bounds, `must` and `may`.
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
  /** The origin's own while this snapshot is being merged. */
  image: Uint8Array
  readonly mapped = new Set<number>()
  /** Beside a merge: chunks that must have been saved since it was last looked at, and chunks that may have been. */
  readonly must = new Set<number>()
  readonly may = new Set<number>()
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

  /** A merge under way has stepped back to the last area when that is full. */
  status(isMerged = false): string {
    if (this.state !== 'Valid') return this.state
    const { chunkSectors } = this.options
    const held = this.mapped.size
    if (!this.persistent) return `${held * chunkSectors}/${this.cowSectors} 0`
    const inArea = entriesPerArea(chunkSectors)
    const metadata = 2 + Math.floor(held / inArea)
    const steppedBack = isMerged && held > 0 && held % inArea === 0 ? 1 : 0
    return `${(metadata + held) * chunkSectors}/${this.cowSectors} ${(metadata - steppedBack) * chunkSectors}`
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
  /** The one that is being merged, or whose merge was cancelled; its `mapped` are the chunks that may still have to be. */
  merging: OracleSnapshot | undefined

  constructor(image: Uint8Array) {
    this.image = image
  }

  get sectors(): number {
    return this.image.length / sectorBytes
  }

  write(sector: number, bytes: Uint8Array): void {
    this.save(sector, bytes.length / sectorBytes)
    this.image.set(bytes, sector * sectorBytes)
  }

  /** A range of the origin is about to be written to. */
  save(sector: number, sectors: number): void {
    for (const snapshot of this.snapshots) {
      if (this.merging === undefined) snapshot.save(sector, sectors)
      else if (snapshot !== this.merging) this.#saveBesideMerge(snapshot, this.merging, sector, sectors)
    }
  }

  /** From now on the origin is what the snapshot is. */
  startMerge(snapshot: OracleSnapshot): void {
    this.image.set(snapshot.image)
    snapshot.image = this.image
    snapshot.state = 'Valid'
    this.merging = snapshot
  }

  /** These are the chunks that the merge has left: the others must have been saved by everybody. */
  learnLeft(merging: OracleSnapshot, left: ReadonlySet<number>): void {
    const { chunkSectors, name } = merging.options
    for (const chunk of left) {
      if (!merging.mapped.has(chunk)) throw new Error(`${name} has an exception for chunk ${chunk}, and nobody made it`)
    }
    for (const chunk of [...merging.mapped].filter((each) => !left.has(each))) {
      merging.mapped.delete(chunk)
      const first = chunk * chunkSectors
      const sectors = Math.min(chunkSectors, this.sectors - first)
      for (const snapshot of this.snapshots) {
        if (snapshot !== merging) for (const saved of snapshot.chunksOf(first, sectors)) snapshot.must.add(saved)
      }
    }
  }

  fork(options: OracleOptions): OracleSnapshot {
    const snapshot = new OracleSnapshot(options, this.image.slice())
    this.snapshots.push(snapshot)
    return snapshot
  }

  forget(snapshot: OracleSnapshot): void {
    this.snapshots = this.snapshots.filter((other) => other !== snapshot)
    if (this.merging === snapshot) this.merging = undefined
  }

  /** What lies in the merging store altogether is written there, and nobody has to save it before it is merged. */
  #saveBesideMerge(snapshot: OracleSnapshot, merging: OracleSnapshot, sector: number, sectors: number): void {
    const { chunkSectors } = snapshot.options
    for (const chunk of snapshot.chunksOf(sector, sectors)) {
      const first = Math.max(sector, chunk * chunkSectors)
      const end = Math.min(sector + sectors, (chunk + 1) * chunkSectors)
      const mayWait = merging.chunksOf(first, end - first).every((each) => merging.mapped.has(each))
      const saved = mayWait ? snapshot.may : snapshot.must
      saved.add(chunk)
    }
  }
}

export const entriesPerArea = (chunkSectors: number): number => chunkSectors * (sectorBytes / 16)
