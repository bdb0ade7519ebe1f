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

/** Fewer states than these may be a slip of one of them. */
const statesMin = 2

/**
 * The length of its COW that the states of a device show until it is removed or something is prepared, in sectors; of one
 * mind, or `undefined`. Where that is not the length that the COW was prepared with, the recorder has changed it unrecorded.
 */
export function cowSectorsShownNext(records: readonly Recorded[], index: number, name: string): number | undefined {
  const shown: (number | undefined)[] = []
  for (const record of records.slice(index + 1)) {
    if (record.t === 'prep' || (record.t === 'dm' && isEndOf(name, record.cmd))) break
    if (record.t !== 'state' || record.name !== name) continue
    const total = / \d+\/(\d+) \d+$/.exec(record.status)?.[1]
    shown.push(total === undefined ? undefined : Number(total))
  }
  return shown.length >= statesMin && shown.every((one) => one === shown[0]) ? shown[0] : undefined
}

function isEndOf(device: string, commandLine: string): boolean {
  const { verb, name } = parseDmsetup(commandLine)
  return name === device && (verb === 'create' || verb === 'remove')
}
