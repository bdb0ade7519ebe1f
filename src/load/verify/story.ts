/** What became of a sector, told in full: what was expected, what was found, and which write that belongs to. */
import type { Violation, ViolationKind } from '../result/load-result.js'
import { type Damage, damageOf, repaired } from './damage.js'
import type { Finding, Incident } from './incidents.js'
import type { RunIdentity } from './judge.js'
import type { LedgerMemory } from './ledger.js'
import { blankReading, fingerprint, type Reading, readStamp, sectorBytes, wordsOf } from './sector-stamp.js'
import { type Look, looks, type WrongSector } from './wrong-sector.js'

export interface StoryTeller {
  readonly run: RunIdentity
  /** Of the jobs, by their numbers. */
  readonly jobNames: readonly string[]
  /** Of the volumes, by what sectors call them. */
  readonly volumeNames: ReadonlyMap<number, string>
  /** Why a volume could not be read to its end when all was over; nothing for one that could. */
  readonly unread: ReadonlyMap<number, string>
}

/** Everything that is known of the sector that tells most about an incident. */
interface Case {
  readonly look: Look
  readonly finding: Finding
  readonly wrong: WrongSector
  /** What it says of itself, without the bit that has flipped if it is one. */
  readonly found: Reading
  /** Of an illegible sector. */
  readonly damage: Damage | undefined
  readonly memory: LedgerMemory
  /** Sectors of the incident's write that nothing has overwritten since, as the ledger has them. */
  readonly kept: readonly number[]
  /** Those of them that do not have it. */
  readonly missing: readonly number[]
  readonly isOverwritten: boolean
}

export function violationOf(incident: Incident, teller: StoryTeller): Violation {
  const known = caseOf(incident)
  const { finding, wrong } = known
  const kind = kindOf(known)
  const { name } = incident.volume
  const head = `${name}, sector ${wrong.sector} (byte ${wrong.sector * sectorBytes}), ${finding.foundBy} at ${seconds(finding.atMs)}: ${kind}`
  const lines = [
    head,
    `  expected  ${expectedText(known, incident, teller)}`,
    `  found     ${foundText(known, teller)}`,
    `  again     ${againText(known, kind, teller.unread.get(incident.volume.memory.volume))}`,
    ...(incident.write === 0 ? [] : [`  the write ${writeText(known, incident)}`]),
  ]
  return { kind, volume: name, sector: wrong.sector, atSeconds: finding.atMs / 1000, story: lines.join('\n') }
}

function caseOf({ byLook, older, volume, write }: Incident): Case {
  const { memory } = volume
  const look = looks.find((each) => byLook.has(each)) as Look
  const finding = byLook.get(look) as Finding
  const { wrong } = finding
  const found = blankReading()
  readStamp(wordsOf(wrong.bytes), 0, found)
  const index = wrong.sector - memory.firstSector
  const before = memory.before[index] as number
  const damage = look === 'illegible' ? damageOf(wrong.bytes, found, wrong.sector, wrong.floor, before) : undefined
  if (damage?.kind === 'flipped') readStamp(wordsOf(repaired(wrong.bytes, damage)), 0, found)
  const kept = write === 0 ? [] : sectorsOf(memory, wrong.sector, write)
  const missing = new Set(older)
  return {
    look,
    finding,
    wrong,
    found,
    damage,
    memory,
    kept,
    missing: kept.filter((sector) => missing.has(sector)),
    isOverwritten: memory.floor[index] !== wrong.floor || (memory.ceiling[index] as number) > wrong.ceiling,
  }
}

function kindOf({ damage, finding, kept, look, missing }: Case): ViolationKind {
  if (look === 'illegible') return damage?.kind === 'torn' ? 'torn write' : 'corrupt'
  if (look !== 'older') return look
  if (missing.length > 0) return missing.length < kept.length ? 'torn write' : 'lost write'
  return finding.isLasting ? 'lost write' : 'stale read'
}

/** Limit: no request has more sectors. */
const requestSectorsMax = 65_536

/** The sectors around this one whose last write this is. */
function sectorsOf({ ceiling, firstSector, floor }: LedgerMemory, sector: number, write: number): number[] {
  const start = Math.max(0, sector - firstSector - requestSectorsMax)
  const near = floor.subarray(start, sector - firstSector + requestSectorsMax)
  const sectors: number[] = []
  for (let index = near.indexOf(write); index >= 0; index = near.indexOf(write, index + 1)) {
    if (ceiling[start + index] === write) sectors.push(firstSector + start + index)
  }
  return sectors
}

function expectedText({ memory, wrong }: Case, { volume }: Incident, teller: StoryTeller): string {
  const { ceiling, floor, sector } = wrong
  const index = sector - memory.firstSector
  const since = volume.rolledBackTo === undefined ? '' : `, as it was in '${volume.rolledBackTo}', which was merged`
  if (ceiling === 0) return `what was there before the run: nothing has been written to it${since}`
  const later = ceiling > floor ? `, or a later one up to write ${ceiling}` : ''
  if (floor === 0) return `what was there before the run${later}${since}`
  const isKnown = ceiling === floor && memory.ceiling[index] === floor
  const maker = isKnown ? ` ${madeBy(memory.job[index] as number, memory.atMs[index] as number, teller)}` : ''
  return `write ${floor}${maker}, which was answered${later}${since}`
}

function foundText(known: Case, teller: StoryTeller): string {
  const { found, memory, wrong } = known
  const words = wordsOf(wrong.bytes)
  const print = fingerprint(words, 0)
  if (print === 0) return 'zeroes'
  if (print === memory.before[wrong.sector - memory.firstSector]) return 'what was there before the run'
  if (known.damage !== undefined) return damageText(known, teller)
  if (found.runLow !== teller.run.low || found.runHigh !== teller.run.high) return 'a sector of another run'
  const where = found.sector === wrong.sector ? '' : `sector ${found.sector}: `
  const of =
    found.volume === memory.volume ? '' : ` of volume '${teller.volumeNames.get(found.volume) ?? found.volume}'`
  const extent = sectorsText(found.firstSector, found.sectorCount)
  return `${where}write ${found.write}${of} ${madeBy(found.job, found.atMs, teller)}; ${extent}`
}

function damageText({ damage, found, wrong }: Case, teller: StoryTeller): string {
  const whose = found.hasMagic ? `write ${found.write} ${madeBy(found.job, found.atMs, teller)}` : undefined
  if (damage?.kind === 'flipped') {
    const what = whose === undefined ? 'the right content' : whose
    return `${what}, but bit ${damage.bit} of byte ${damage.byte} of the sector is another`
  }
  if (damage?.kind === 'torn') {
    return whose === undefined
      ? `something else, and from byte ${damage.atByte} of the sector on write ${wrong.floor}`
      : `the head of ${whose}, but from byte ${damage.atByte} of the sector on it is something else`
  }
  if (whose !== undefined) return `what says it is ${whose}, but its checksum is wrong`
  return `bytes that nobody has written: ${Buffer.from(wrong.bytes.subarray(0, 32)).toString('hex')}…`
}

function againText({ finding, isOverwritten, look }: Case, kind: ViolationKind, unread: string | undefined): string {
  if (finding.isLasting) return 'read once more it is wrong still'
  if (unread !== undefined) return `it could not be read once more: ${unread}`
  if (!isOverwritten) return 'read once more it is right'
  const doubt =
    look === 'older' && kind === 'stale read' ? '; the write may have been lost, or only this read stale' : ''
  return `it has been overwritten since${doubt}`
}

function writeText({ found, kept, look, missing }: Case, { write }: Incident): string {
  const first = kept[0]
  const last = kept.at(-1)
  if (first === undefined || last === undefined) {
    return look === 'misdirected' || look === 'changed'
      ? `${write}: ${sectorsText(found.firstSector, found.sectorCount)}, of which nothing is left here`
      : `${write}: nothing is left of it`
  }
  const what = `${write}: ${sectorsText(first, last - first + 1)}`
  if (missing.length === 0) return `${what}: all have it`
  return `${what}: ${missing.length} of ${kept.length} do not have it`
}

const madeBy = (job: number, atMs: number, { jobNames }: StoryTeller): string =>
  `of job '${jobNames[job] ?? job}' made at ${seconds(atMs)}`

const sectorsText = (first: number, count: number): string =>
  count === 1 ? `sector ${first}` : `sectors ${first}–${first + count - 1}`

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(3)} s`
