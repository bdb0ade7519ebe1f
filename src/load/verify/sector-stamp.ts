/**
 * Self-describing sectors: each says which run, volume and write it belongs to, where it was meant to be, and when; the rest is
 * filled from that, so that any byte out of place is noticed.
 *
 *   word   0–1   magic                     8   the write's number: its generation, one count for all volumes of a run
 *          2–3   run                       9   number of the job that wrote it
 *          4     volume                10–12   first sector of the write, and how many it has
 *          5     reserved, 0              13   when it was made, milliseconds since the run began
 *          6–7   sector                14–126  filling
 *                                         127  checksum of words 0–126
 *
 * Words are of 32 bits, little-endian as the machine's: sectors are read back by the machine that wrote them.
 */
import { assert } from '../../base/assert.js'
import { mixed } from '../pattern/random-words.js'

export const sectorBytes = 512
const sectorWords = sectorBytes / 4
const fillingAt = 14
const checksumAt = sectorWords - 1

/** "cowring!" */
const magicLow = 0x72776f63
const magicHigh = 0x21676e69

/** Who writes: the same for all sectors of a request. */
export interface Stamp {
  runLow: number
  runHigh: number
  volume: number
  job: number
  /** The write's number. */
  write: number
  atMs: number
}

/** What a sector says about itself; one object for all that are looked at. */
export interface Reading {
  /** It has the magic, and its checksum holds: everything else is believed then. */
  isWhole: boolean
  hasMagic: boolean
  runLow: number
  runHigh: number
  volume: number
  sector: number
  write: number
  job: number
  firstSector: number
  sectorCount: number
  atMs: number
}

export const blankReading = (): Reading => ({
  isWhole: false,
  hasMagic: false,
  runLow: 0,
  runHigh: 0,
  volume: 0,
  sector: 0,
  write: 0,
  job: 0,
  firstSector: 0,
  sectorCount: 0,
  atMs: 0,
})

/** The words of a buffer of whole sectors. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  assert(bytes.byteOffset % 4 === 0, 'sectors begin at a whole word')
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2)
}

/** Fills `sectorCount` sectors from the start of `words`, which are to go to `firstSector`. */
export function stampSectors(words: Uint32Array, stamp: Stamp, firstSector: number, sectorCount: number): void {
  for (let index = 0; index < sectorCount; index++) {
    const at = index * sectorWords
    const sector = firstSector + index
    words[at] = magicLow
    words[at + 1] = magicHigh
    words[at + 2] = stamp.runLow
    words[at + 3] = stamp.runHigh
    words[at + 4] = stamp.volume
    words[at + 5] = 0
    words[at + 6] = sector >>> 0
    words[at + 7] = Math.floor(sector / 2 ** 32)
    words[at + 8] = stamp.write
    words[at + 9] = stamp.job
    words[at + 10] = firstSector >>> 0
    words[at + 11] = Math.floor(firstSector / 2 ** 32)
    words[at + 12] = sectorCount
    words[at + 13] = stamp.atMs
    fill(words, at, stamp.write, sector)
    words[at + checksumAt] = checksum(words, at)
  }
}

/** Reads the sector that begins at word `at`. */
export function readStamp(words: Uint32Array, at: number, into: Reading): void {
  into.hasMagic = words[at] === magicLow && words[at + 1] === magicHigh
  into.isWhole = isWholeStamp(words, at)
  into.runLow = words[at + 2] as number
  into.runHigh = words[at + 3] as number
  into.volume = words[at + 4] as number
  into.sector = (words[at + 6] as number) + (words[at + 7] as number) * 2 ** 32
  into.write = words[at + 8] as number
  into.job = words[at + 9] as number
  into.firstSector = (words[at + 10] as number) + (words[at + 11] as number) * 2 ** 32
  into.sectorCount = words[at + 12] as number
  into.atMs = words[at + 13] as number
}

/** What stands for the content of any sector, stamped or not; 0 for one of zeroes. */
export function fingerprint(words: Uint32Array, at: number): number {
  let any = 0
  for (let index = 0; index < sectorWords; index++) any |= words[at + index] as number
  if (any === 0) return 0
  return (checksum(words, at) ^ Math.imul(words[at + checksumAt] as number, 0x9e3779b1)) >>> 0 || 1
}

/** Whether a sector has the magic, and its checksum holds. */
export const isWholeStamp = (words: Uint32Array, at: number): boolean =>
  words[at] === magicLow && words[at + 1] === magicHigh && words[at + checksumAt] === checksum(words, at)

/** How many words of the filling, from its beginning and from its end, are as this write has them. */
export function matchingFilling(words: Uint32Array, write: number, sector: number): { head: number; tail: number } {
  const expected = new Uint32Array(sectorWords)
  fill(expected, 0, write, sector)
  let [head, tail] = [0, 0]
  while (head < fillingWords && words[fillingAt + head] === expected[fillingAt + head]) head++
  while (tail < fillingWords && words[checksumAt - 1 - tail] === expected[checksumAt - 1 - tail]) tail++
  return { head, tail }
}

/** Whether each word of the filling follows from the one before: all of it is of one write, or zeroes. */
export function isFillingOfOne(words: Uint32Array): boolean {
  for (let index = fillingAt + 1; index < checksumAt; index++) {
    if (words[index] !== next(words[index - 1] as number) >>> 0) return false
  }
  return true
}

export const fillingWords = checksumAt - fillingAt
/** Where the filling begins and ends in a sector, in bytes. */
export const fillingAtByte = fillingAt * 4
export const fillingEndByte = checksumAt * 4

function fill(words: Uint32Array, at: number, write: number, sector: number): void {
  let word = mixed(write ^ Math.imul(sector >>> 0, 0x9e3779b1)) | 1
  for (let index = fillingAt; index < checksumAt; index++) {
    word = next(word)
    words[at + index] = word
  }
}

/** Marsaglia's xorshift. */
function next(word: number): number {
  let shifted = word ^ (word << 13)
  shifted ^= shifted >>> 17
  return shifted ^ (shifted << 5)
}

/** Four lanes of multiply and rotate, as xxHash32 has them. Not for enemies, only for accidents. */
function checksum(words: Uint32Array, at: number): number {
  let [one, two, three, four] = [0x24234428, 0x85ebca77, 0, 0x61c88647]
  // 127 words: the last round has three, and a zero for the checksum itself.
  for (let index = at; index < at + sectorWords; index += 4) {
    const last = index + 3 === at + checksumAt ? 0 : (words[index + 3] as number)
    one = lane(one, words[index] as number)
    two = lane(two, words[index + 1] as number)
    three = lane(three, words[index + 2] as number)
    four = lane(four, last)
  }
  return mixed(
    ((one << 1) | (one >>> 31)) +
      ((two << 7) | (two >>> 25)) +
      ((three << 12) | (three >>> 20)) +
      ((four << 18) | (four >>> 14)),
  )
}

function lane(sum: number, word: number): number {
  const added = (sum + Math.imul(word, 0x85ebca77)) | 0
  return Math.imul((added << 13) | (added >>> 19), 0x9e3779b1)
}
