/** What a lane does to check its volume: stamps what it writes, and judges what it reads, at once. */
import type { ControlWords } from '../lane/control-words.js'
import { writesMax } from '../lane/control-words.js'
import { operation } from '../pattern/requests.js'
import { Judge, type RunIdentity } from './judge.js'
import { Ledger, type LedgerMemory } from './ledger.js'
import { type Stamp, sectorBytes, stampSectors, wordsOf } from './sector-stamp.js'
import type { WrongSector } from './wrong-sector.js'

/** A sector that cannot be right. Plain data. */
export interface Suspicion {
  /** What the volume's sectors call it. */
  readonly volume: number
  readonly wrong: WrongSector
  readonly atMs: number
  readonly job: number
}

export interface LaneChecksParts {
  readonly memory: LedgerMemory
  readonly run: RunIdentity
  readonly control: ControlWords
  readonly job: number
  readonly buffers: readonly Uint8Array[]
  readonly suspect: (suspicion: Suspicion) => void
}

export class LaneChecks {
  readonly #parts: LaneChecksParts
  readonly #ledger: Ledger
  readonly #judge: Judge
  readonly #words: readonly Uint32Array[]
  /** For each slot, what the sectors of its read have to be at least. */
  readonly #floors: readonly Uint32Array[]
  /** For each slot, the number of its write. */
  readonly #writes: Float64Array
  readonly #stamp: Stamp
  #checked = 0

  constructor(parts: LaneChecksParts) {
    const { buffers, job, memory, run } = parts
    this.#parts = parts
    this.#ledger = new Ledger(memory)
    this.#judge = new Judge(memory, run)
    this.#words = buffers.map(wordsOf)
    this.#floors = buffers.map(({ byteLength }) => new Uint32Array(byteLength / sectorBytes))
    this.#writes = new Float64Array(buffers.length)
    this.#stamp = { runLow: run.low, runHigh: run.high, volume: memory.volume, job, write: 0, atMs: 0 }
  }

  get sectorsChecked(): number {
    return this.#checked
  }

  /** A request is about to be sent; false if it writes where a write is in flight. */
  sends(slot: number, what: number, offset: number, byteLength: number, nowMs: number): boolean {
    const sector = offset / sectorBytes
    const count = byteLength / sectorBytes
    if (what === operation.read) this.#ledger.copyFloors(sector, count, this.#floors[slot] as Uint32Array)
    return what === operation.write ? this.#stampWrite(slot, sector, count, nowMs) : true
  }

  /** It has ended; false if what it read cannot be right. */
  ended(slot: number, what: number, offset: number, byteLength: number, failed: boolean, nowMs: number): boolean {
    const sector = offset / sectorBytes
    const count = byteLength / sectorBytes
    if (what === operation.write) this.#ledger.answered(sector, count, this.#writes[slot] as number, failed)
    return what !== operation.read || failed || this.#isRight(slot, sector, count, nowMs)
  }

  #stampWrite(slot: number, sector: number, count: number, nowMs: number): boolean {
    const { control, job } = this.#parts
    if (control.lastWrite >= writesMax || !this.#ledger.claim(sector, count)) return false
    const write = control.nextWrite()
    const stamp = this.#stamp
    stamp.write = write
    stamp.atMs = Math.floor(nowMs)
    this.#writes[slot] = write
    this.#ledger.made(sector, count, write, job, stamp.atMs)
    stampSectors(this.#words[slot] as Uint32Array, stamp, sector, count)
    return true
  }

  #isRight(slot: number, sector: number, count: number, nowMs: number): boolean {
    const words = this.#words[slot] as Uint32Array
    const floors = this.#floors[slot] as Uint32Array
    this.#checked += count
    for (let index = 0; index < count; index++) {
      const at = index * (sectorBytes / 4)
      const floor = floors[index] as number
      if (this.#judge.isRight(words, at, sector + index, floor, true)) continue
      const bytes = new Uint8Array(new Uint32Array(words.subarray(at, at + sectorBytes / 4)).buffer)
      this.#suspect({ sector: sector + index, floor, ceiling: this.#judge.ceilingOf(sector + index), bytes }, nowMs)
      return false
    }
    return true
  }

  /** At once: what is written from now on may cover what was found. */
  #suspect(wrong: WrongSector, atMs: number): void {
    const { control, job, memory, suspect } = this.#parts
    control.stop()
    suspect({ volume: memory.volume, wrong, atMs, job })
  }
}
