/**
 * What a recorder did to its devices without a record of its own, as far as the records say so.
 */
import { parseDmsetup, type Recorded } from '../recording.js'

/** How many sectors of the COW a note says are zeroed again before every case; `undefined` without such a note. */
export function sectorsZeroedPerCase(records: readonly Recorded[]): number | undefined {
  for (const record of records) {
    if (record.t !== 'note') continue
    const found = /first (\d+) sectors of the COW are zeroed again before every case/.exec(record.text)
    if (found?.[1] !== undefined) return Number(found[1])
  }
  return undefined
}

/**
 * The length of its COW that the next recorded state of a device shows, in sectors. Where that is not the length that the
 * COW was prepared with, the recorder has changed it in between.
 */
export function cowSectorsShownNext(records: readonly Recorded[], index: number, name: string): number | undefined {
  for (const record of records.slice(index + 1)) {
    if (record.t === 'prep' || (record.t === 'dm' && parseDmsetup(record.cmd).name === name)) return undefined
    if (record.t !== 'state' || record.name !== name) continue
    const total = / \d+\/(\d+) \d+$/.exec(record.status)?.[1]
    return total === undefined ? undefined : Number(total)
  }
  return undefined
}
