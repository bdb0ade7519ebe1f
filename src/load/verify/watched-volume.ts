/** A volume whose sectors are checked: its ledger, and how it is read. */
import { type Probe, probeBytes } from '../target/open-target.js'
import { Judge, type RunIdentity } from './judge.js'
import type { LedgerMemory } from './ledger.js'
import { fingerprint, sectorBytes, wordsOf } from './sector-stamp.js'
import type { WrongSector } from './wrong-sector.js'

export class WatchedVolume {
  readonly name: string
  readonly memory: LedgerMemory
  /** The snapshot whose merge has made it what it is, if there was one. */
  rolledBackTo: string | undefined
  readonly #probe: Probe
  readonly #judge: Judge
  readonly #buffer: Uint8Array
  readonly #words: Uint32Array
  #turn: Promise<unknown> = Promise.resolve()
  #checked = 0

  constructor(name: string, probe: Probe, memory: LedgerMemory, run: RunIdentity) {
    this.name = name
    this.memory = memory
    this.#probe = probe
    this.#judge = new Judge(memory, run)
    this.#buffer = new Uint8Array(probeBytes)
    this.#words = wordsOf(this.#buffer)
  }

  get sectorsChecked(): number {
    return this.#checked
  }

  get endSector(): number {
    return this.memory.firstSector + this.memory.sectors
  }

  /** Takes what is there as what was there before. Nothing may be written meanwhile. */
  async remember(): Promise<void> {
    const { before, firstSector } = this.memory
    for (let sector = firstSector; sector < this.endSector; ) {
      const count = await this.#read(sector)
      for (let index = 0; index < count; index++) {
        before[sector - firstSector + index] = fingerprint(this.#words, index * (sectorBytes / 4))
      }
      sector += count
    }
  }

  /**
   * Reads up to a piece from `sector` on and tells what is wrong in it; answers how many sectors that was. `pins`: nobody writes to
   * this volume, so what it has once shown it has to show ever after.
   */
  check(sector: number, sectorsMax: number, pins: boolean, tell: (wrong: WrongSector) => void): Promise<number> {
    return this.#alone(() => this.#check(sector, sectorsMax, pins, tell))
  }

  /** One at a time: there is one buffer. */
  #alone(act: () => Promise<number>): Promise<number> {
    const done = this.#turn.then(act)
    this.#turn = done.catch(() => 0)
    return done
  }

  async #check(from: number, sectorsMax: number, pins: boolean, tell: (wrong: WrongSector) => void): Promise<number> {
    const { ceiling, firstSector, floor } = this.memory
    const floors = floor.slice(from - firstSector, from - firstSector + Math.min(sectorsMax, probeBytes / sectorBytes))
    const count = await this.#read(from, floors.length)
    for (let index = 0; index < count; index++) {
      const at = index * (sectorBytes / 4)
      const least = floors[index] as number
      const sector = from + index
      if (!this.#judge.isRight(this.#words, at, sector, least, false)) {
        const bytes = this.#buffer.slice(index * sectorBytes, (index + 1) * sectorBytes)
        tell({ sector, floor: least, ceiling: this.#judge.ceilingOf(sector), bytes })
      } else if (pins) {
        floor[sector - firstSector] = this.#judge.write
        ceiling[sector - firstSector] = this.#judge.write
      }
    }
    this.#checked += count
    return count
  }

  async #read(sector: number, sectorsMax = probeBytes / sectorBytes): Promise<number> {
    const count = Math.min(sectorsMax, probeBytes / sectorBytes, this.endSector - sector)
    await this.#probe.read(sector * sectorBytes, this.#buffer.subarray(0, count * sectorBytes))
    return count
  }
}
