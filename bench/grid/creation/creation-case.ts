/** One case of taking a snapshot: how large the origin is, how many snapshots it has already, and where the files are. */
import { sizeText, type Target } from '../grid-case.js'

export interface CreationCase {
  readonly originBytes: number
  readonly present: number
  readonly place: 'tmpfs' | 'disk'
  readonly target: Target
}

const mib = 2 ** 20
const tebibyte = 2 ** 40

export function creationCases(): CreationCase[] {
  const target: Target = { kind: 'below', value: 50, unit: 'ms' }
  return (['tmpfs', 'disk'] as const).flatMap((place) =>
    [64 * mib, tebibyte].flatMap((originBytes) =>
      [0, 10, 60].map((present) => ({ originBytes, present, place, target })),
    ),
  )
}

/** Stable: what `--case` matches and what a record in a file is found by. */
export const creationCaseName = ({ originBytes, place, present }: CreationCase): string =>
  `creation/origin-${originBytes === tebibyte ? '1t' : sizeText(originBytes)}/present-${present}/${place}`
