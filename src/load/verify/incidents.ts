/** Wrong sectors, put together by the write they are about: what one fault has done is told once, whoever has seen how much of it. */
import type { RunIdentity } from './judge.js'
import { blankReading, readStamp, wordsOf } from './sector-stamp.js'
import type { WatchedVolume } from './watched-volume.js'
import { culpritOf, type Look, lookOf, type WrongSector } from './wrong-sector.js'

export interface Finding {
  readonly wrong: WrongSector
  readonly foundBy: string
  readonly atMs: number
  /** Read twice in a row when all was over, and wrong each time. */
  readonly isLasting: boolean
}

export interface Incident {
  readonly volume: WatchedVolume
  /** 0 where no write is concerned. */
  readonly write: number
  /** Of each look the finding with the first sector; one that lasts rather than one that does not. */
  readonly byLook: ReadonlyMap<Look, Finding>
  /** Sectors that have lasted and have something older than the write, in order. */
  readonly older: readonly number[]
}

interface Growing extends Incident {
  readonly byLook: Map<Look, Finding>
  readonly older: number[]
  lastSector: number
}

/** Limit: more sectors of a write than the longest request has are not possible. */
const olderMax = 65_536
/** Limit: by then everything is wrong, and it is the first that matter. */
const incidentsMax = 10_000

export class Incidents {
  readonly #run: RunIdentity
  readonly #byKey = new Map<string, Growing>()
  /** The last one about no write, which goes on with the next sector. */
  #unwritten: Growing | undefined
  #beyond = 0

  constructor(run: RunIdentity) {
    this.#run = run
  }

  /** In the order in which they were found. */
  get all(): readonly Incident[] {
    return [...this.#byKey.values()]
  }

  /** Wrong sectors beyond the limit. */
  get beyond(): number {
    return this.#beyond
  }

  add(volume: WatchedVolume, finding: Finding): void {
    const { isLasting, wrong } = finding
    const found = blankReading()
    readStamp(wordsOf(wrong.bytes), 0, found)
    const look = lookOf(wrong, found, volume.memory, this.#run)
    const incident = this.#of(volume, wrong.sector, culpritOf(wrong, found, look, this.#run))
    if (incident === undefined) {
      this.#beyond++
      return
    }
    incident.lastSector = wrong.sector
    const known = incident.byLook.get(look)
    if (known === undefined || isBetter(finding, known)) {
      const first = known?.isLasting === false ? { foundBy: known.foundBy, atMs: known.atMs } : {}
      incident.byLook.set(look, { ...finding, ...first })
    }
    if (look === 'older' && isLasting && incident.older.length < olderMax) incident.older.push(wrong.sector)
  }

  #of(volume: WatchedVolume, sector: number, write: number): Growing | undefined {
    const last = this.#unwritten
    if (write === 0 && last?.volume === volume && (sector === last.lastSector || sector === last.lastSector + 1)) {
      return last
    }
    const key = `${volume.memory.volume} ${write === 0 ? `sector ${sector}` : write}`
    const known = this.#byKey.get(key)
    if (known !== undefined || this.#byKey.size >= incidentsMax) return known
    const incident: Growing = { volume, write, byLook: new Map(), older: [], lastSector: sector }
    this.#byKey.set(key, incident)
    if (write === 0) this.#unwritten = incident
    return incident
  }
}

const isBetter = (one: Finding, other: Finding): boolean =>
  one.isLasting === other.isLasting ? one.wrong.sector < other.wrong.sector : one.isLasting
