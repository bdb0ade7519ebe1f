/** Whether a sector may be what it is. */
import type { LedgerMemory } from './ledger.js'
import { blankReading, fingerprint, type Reading, readStamp } from './sector-stamp.js'

/** Which run this is; what is stamped by another is what was there before. */
export interface RunIdentity {
  readonly low: number
  readonly high: number
}

/** What a sector had to be, as its ledger said when it was judged: this write at least, and that one at most. */
export interface Bounds {
  readonly floor: number
  readonly ceiling: number
}

export const isOfRun = ({ isWhole, runHigh, runLow }: Reading, run: RunIdentity): boolean =>
  isWhole && runLow === run.low && runHigh === run.high

/** Judges sectors of one volume; one object for all of them. */
export class Judge {
  readonly reading: Reading = blankReading()
  readonly #memory: LedgerMemory
  readonly #run: RunIdentity
  /** The write of this run that the last sector belongs to; 0 for none. */
  write = 0

  constructor(memory: LedgerMemory, run: RunIdentity) {
    this.#memory = memory
    this.#run = run
  }

  /**
   * Whether `sector`, read into `words` at `at`, may be so, where `floor` is the write it must be at least. What it says is in
   * `reading` then. `mayOverlap`: it may have been read while it was written to, and no page cache promises whole sectors then.
   */
  isRight(words: Uint32Array, at: number, sector: number, floor: number, mayOverlap: boolean): boolean {
    const { before, firstSector, inherited, volume } = this.#memory
    const { reading } = this
    const index = sector - firstSector
    readStamp(words, at, reading)
    this.write = isOfRun(reading, this.#run) ? reading.write : 0
    if (this.write === 0) {
      if (fingerprint(words, at) === before[index]) return floor === 0
      return mayOverlap && !reading.isWhole && this.ceilingOf(sector) > floor
    }
    if (reading.sector !== sector || reading.write < floor) return false
    if (reading.volume !== volume && reading.write > (inherited[0] as number)) return false
    return reading.write <= this.ceilingOf(sector)
  }

  ceilingOf(sector: number): number {
    return this.#memory.ceiling[sector - this.#memory.firstSector] as number
  }
}
