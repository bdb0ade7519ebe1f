/** A sector that cannot be what it is, and in which way. */
import { type Bounds, isOfRun, type RunIdentity } from './judge.js'
import type { LedgerMemory } from './ledger.js'
import { fingerprint, type Reading, wordsOf } from './sector-stamp.js'

/** As it was read. Plain data. */
export interface WrongSector extends Bounds {
  readonly sector: number
  readonly bytes: Uint8Array
}

/** The worst first: of several sectors of a write it is the first of these that tells most. */
export const looks = ['misdirected', 'illegible', 'changed', 'foreign', 'older'] as const
export type Look = (typeof looks)[number]

export function lookOf(wrong: WrongSector, found: Reading, memory: LedgerMemory, run: RunIdentity): Look {
  const { bytes, ceiling, floor, sector } = wrong
  if (!isOfRun(found, run)) {
    if (fingerprint(wordsOf(bytes), 0) === memory.before[sector - memory.firstSector]) return 'older'
    return found.isWhole ? 'foreign' : 'illegible'
  }
  if (found.sector !== sector) return 'misdirected'
  if (found.write < floor) return 'older'
  return found.write > ceiling ? 'changed' : 'foreign'
}

/** The write it is all about; 0 where there is none. */
export function culpritOf({ floor }: WrongSector, found: Reading, look: Look, run: RunIdentity): number {
  return look !== 'older' && isOfRun(found, run) ? found.write : floor
}
