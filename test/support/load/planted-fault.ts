/** What a faulty server does wrong, and how it is told so: `drop:100000`, `tear:500:4`, `misdirect:500:1048576`. */

export const faultNames = ['none', 'drop', 'stale', 'tear', 'misdirect', 'flip', 'late', 'fail'] as const
export type FaultName = (typeof faultNames)[number]

/**
 * `drop`: every N-th write is answered and not done. `stale`: a later read finds what a sector was before the N-th write, once.
 * `tear`: of the N-th write only so many first sectors are done, a broken number of them if it says so. `misdirect`: the N-th write goes so many
 * bytes further. `flip`: one bit of the N-th read is wrong. `late`: the N-th write is answered, and done after a later one of the same
 * sectors. `fail`: the N-th write is answered with EIO, and half of it is done.
 */
export interface PlantedFault {
  readonly name: FaultName
  /** Requests count from 1. */
  readonly at: number
  readonly detail: number
}

export function parsePlantedFault(text: string): PlantedFault {
  const [word = '', at = '0', detail = '0'] = text.split(':')
  const name = faultNames.find((each) => each === word)
  if (name === undefined) throw new Error(`'${text}' is no fault; there are ${faultNames.join(', ')}`)
  return { name, at: Number(at), detail: Number(detail) }
}

/** What a server says when it has done it. */
export interface FaultReport {
  readonly fault: FaultName
  /** The write's number, as its own sectors say it, and where it was to go. */
  readonly write: number
  readonly firstSector: number
  readonly sectorCount: number
  /** The first sector that is wrong because of it. */
  readonly sector: number
}
