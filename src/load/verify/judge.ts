/** Whether a sector may be what it is. */
import type { LedgerMemory } from './ledger.js'
import { blankReading, fingerprint, type Reading, readStamp } from './sector-stamp.js'

/** Which run this is; what is stamped by another is what was there before. */
export interface RunIdentity {
  readonly low: number
  readonly high: number
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
   * `reading` then.
   */
  isRight(words: Uint32Array, at: number, sector: number, floor: number): boolean {
    const { before, ceiling, firstSector, inherited, volume } = this.#memory
    const { reading } = this
    const index = sector - firstSector
    readStamp(words, at, reading)
    this.write = isOfRun(reading, this.#run) ? reading.write : 0
    if (this.write === 0) return floor === 0 && fingerprint(words, at) === before[index]
    if (reading.sector !== sector || reading.write < floor) return false
    if (reading.volume !== volume && reading.write > (inherited[0] as number)) return false
    return reading.write <= (ceiling[index] as number)
  }
}
