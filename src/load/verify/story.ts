/** What became of a sector, told in full: what was expected, what was found, and which write that belongs to. */
import type { Violation, ViolationKind } from '../result/load-result.js'
import { isOfRun, type RunIdentity } from './judge.js'
import type { LedgerMemory } from './ledger.js'
import {
  blankReading,
  fillingAtByte,
  fillingWords,
  fingerprint,
  matchingFilling,
  type Reading,
  readStamp,
  sectorBytes,
  wordsOf,
} from './sector-stamp.js'
import type { WatchedVolume, WrongSector } from './watched-volume.js'

export interface StoryTeller {
  readonly run: RunIdentity
  /** Of the jobs, by their numbers. */
  readonly jobNames: readonly string[]
  /** Of the volumes, by what sectors call them. */
  readonly volumeNames: ReadonlyMap<number, string>
}

/** Reads the sector, and its write's others, once more, and says what happened. */
export async function investigate(
  volume: WatchedVolume,
  wrong: WrongSector,
  foundBy: string,
  atMs: number,
  teller: StoryTeller,
): Promise<Violation> {
  const { memory } = volume
  const { floor, sector } = wrong
  const words = wordsOf(wrong.bytes)
  const found = blankReading()
  readStamp(words, 0, found)
  const again = await readAgain(volume, sector)
  const extent = extentOf(memory, sector, floor)
  const missing = floor === 0 ? 0 : await countMissing(volume, extent.first, extent.count, floor, teller.run)
  const kind = kindOf(
    wrong,
    words,
    found,
    memory,
    { isRightNow: again === undefined, missing, count: extent.count },
    teller.run,
  )
  const lines = [
    `${volume.name}, sector ${sector} (byte ${sector * sectorBytes}), ${foundBy} at ${seconds(atMs)}: ${kind}`,
    `  expected  ${expectedText(memory, sector, floor, extent, teller)}`,
    `  found     ${foundText(wrong, words, found, memory, teller)}`,
    `  again     ${again === undefined ? 'read once more it is right' : sameBytes(again.bytes, wrong.bytes) ? 'read once more it is the same' : 'read once more it is wrong in another way'}`,
    ...(floor === 0 ? [] : [`  the write  ${extentText(extent, missing)}`]),
  ]
  return { kind, volume: volume.name, sector, atSeconds: atMs / 1000, story: lines.join('\n') }
}

interface Extent {
  readonly first: number
  readonly count: number
}

interface SecondLook {
  readonly isRightNow: boolean
  /** Sectors of the expected write that do not have it, of `count` that no later write has overwritten. */
  readonly missing: number
  readonly count: number
}

function kindOf(
  { floor, sector }: WrongSector,
  words: Uint32Array,
  found: Reading,
  memory: LedgerMemory,
  { count, isRightNow, missing }: SecondLook,
  run: RunIdentity,
): ViolationKind {
  const index = sector - memory.firstSector
  const isBefore = fingerprint(words, 0) === memory.before[index]
  if (found.hasMagic && !found.isWhole) return matchingFilling(words, 0) < fillingWords ? 'torn write' : 'corrupt'
  if (isOfRun(found, run)) {
    if (found.sector !== sector) return 'misdirected'
    if (found.write > (memory.ceiling[index] as number)) return 'changed'
    if (found.write >= floor) return 'foreign'
  } else if (!isBefore) return found.isWhole ? 'foreign' : 'corrupt'
  if (isRightNow) return 'stale read'
  return missing < count ? 'torn write' : 'lost write'
}

/** The sectors around this one that the same write has written and no later one. */
function extentOf(
  { ceiling, firstSector, floor: floors, sectors }: LedgerMemory,
  sector: number,
  floor: number,
): Extent {
  const isIt = (index: number): boolean => floors[index] === floor && ceiling[index] === floor
  let first = sector - firstSector
  let end = first + 1
  while (first > 0 && isIt(first - 1)) first--
  while (end < sectors && isIt(end)) end++
  return { first: first + firstSector, count: end - first }
}

async function countMissing(
  volume: WatchedVolume,
  first: number,
  count: number,
  floor: number,
  run: RunIdentity,
): Promise<number> {
  let missing = 0
  for (let sector = first; sector < first + count; ) {
    sector += await volume.look(sector, first + count - sector, (words, at) => {
      const reading = blankReading()
      readStamp(words, at, reading)
      if (!isOfRun(reading, run) || reading.write !== floor) missing++
    })
  }
  return missing
}

async function readAgain(volume: WatchedVolume, sector: number): Promise<WrongSector | undefined> {
  let wrong: WrongSector | undefined
  await volume.check(sector, 1, false, (found) => {
    wrong = found
  })
  return wrong
}

function expectedText(
  memory: LedgerMemory,
  sector: number,
  floor: number,
  extent: Extent,
  teller: StoryTeller,
): string {
  const index = sector - memory.firstSector
  const ceiling = memory.ceiling[index] as number
  if (floor === 0 && ceiling === 0) return 'what was there before the run: nothing has been written to it'
  const later = ceiling > floor ? `, or a later one up to write ${ceiling}` : ''
  if (floor === 0) return `what was there before the run${later}`
  const known = ceiling === floor ? ` ${madeBy(memory.job[index] as number, memory.atMs[index] as number, teller)}` : ''
  return `write ${floor}${known}, which was answered${later}; ${sectorsText(extent.first, extent.count)}`
}

function foundText(
  { bytes, sector }: WrongSector,
  words: Uint32Array,
  found: Reading,
  memory: LedgerMemory,
  teller: StoryTeller,
): string {
  if (found.isWhole && !isOfRun(found, teller.run)) {
    const isBefore = fingerprint(words, 0) === memory.before[sector - memory.firstSector]
    return isBefore ? 'what was there before the run, a sector of an earlier one' : 'a sector of another run'
  }
  if (found.isWhole) {
    const where = found.sector === sector ? '' : `sector ${found.sector}: `
    const of =
      found.volume === memory.volume ? '' : ` of volume '${teller.volumeNames.get(found.volume) ?? found.volume}'`
    const extent = sectorsText(found.firstSector, found.sectorCount)
    return `${where}write ${found.write}${of} ${madeBy(found.job, found.atMs, teller)}; ${extent}`
  }
  if (found.hasMagic) {
    const right = fillingAtByte + matchingFilling(words, 0) * 4
    return `the head of write ${found.write} ${madeBy(found.job, found.atMs, teller)}, but from byte ${right} of the sector on it is something else`
  }
  if (fingerprint(words, 0) === 0) return 'zeroes'
  const isBefore = fingerprint(words, 0) === memory.before[sector - memory.firstSector]
  if (isBefore) return 'what was there before the run'
  return `bytes that nobody has written: ${Buffer.from(bytes.subarray(0, 32)).toString('hex')}…`
}

function extentText({ count, first }: Extent, missing: number): string {
  if (missing === 0) return `${sectorsText(first, count)}: all have it now`
  return `${sectorsText(first, count)}: ${missing} of ${count} do not have it`
}

const madeBy = (job: number, atMs: number, { jobNames }: StoryTeller): string =>
  `of job '${jobNames[job] ?? job}' made at ${seconds(atMs)}`

const sectorsText = (first: number, count: number): string =>
  count === 1 ? `sector ${first}` : `sectors ${first}–${first + count - 1}`

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(3)} s`

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
