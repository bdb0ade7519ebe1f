/** What an origin's requests cost with more and more snapshots, each with a store of its own: the usual case, and 0 to 64 of them. */
import { make } from '../case-list.js'
import { caseName, type GridCase, type Work } from '../grid-case.js'

export const snapshotCounts = [0, 1, 2, 4, 8, 16, 32, 64] as const

/** Breaking, already broken, and reading. */
const works: readonly Work[] = ['origin-first-write', 'origin-rewrite', 'origin-read']

export const curvePrefix = 'curve/'
export const curveCaseName = (grid: GridCase): string => curvePrefix + caseName(grid)

export function curveCases(): GridCase[] {
  return works.flatMap((work) => snapshotCounts.map((snapshots) => make(work, { snapshots })))
}

const mib = 2 ** 20

/** Of the origin: 64 stores that have all of it must be in memory with it, and the floor's stores beside them. */
export const curveOriginBytes = (isQuick: boolean): number => (isQuick ? 4 : 32) * mib

/** Of all stores of both sides, when every chunk is in them. */
export const curveRoomBytes = (isQuick: boolean): number => 2 * curveOriginBytes(isQuick) * Math.max(...snapshotCounts)
