/** The merges of `npm run bench`: each case measured, and its rows of the table. */
import type { Target } from '../grid-case.js'
import { median } from '../latency-samples.js'
import { isReached, type Outcome } from '../outcome.js'
import { mustHaveRoom } from '../room.js'
import { spreadOf } from '../round-figures.js'
import type { Workplace } from '../workplace.js'
import { type ForegroundRound, measureForeground } from './foreground-merge.js'
import { measureIdleMerge } from './idle-merge.js'
import { type ForegroundMerge, type IdleMerge, type MergeCase, mergeCaseName } from './merge-case.js'
import { MergeFiles } from './merge-files.js'
import { hasQemuCommit } from './qemu-commit.js'

export interface MergeSizes {
  readonly rounds: number
  readonly idleBytes: number
  readonly foregroundBytes: number
  readonly foregroundSeconds: number
}

export function mergeSizes(isQuick: boolean, rounds: number): MergeSizes {
  const gib = 2 ** 30
  return isQuick
    ? { rounds, idleBytes: gib / 16, foregroundBytes: gib / 4, foregroundSeconds: 0.5 }
    : { rounds, idleBytes: gib, foregroundBytes: 2 * gib, foregroundSeconds: 3 }
}

/** Fails when the folder, or the memory behind it, has no room for the files. */
export async function measureMerge(merge: MergeCase, place: Workplace, sizes: MergeSizes): Promise<Outcome[]> {
  mustHaveRoom('merges', place.folder, roomFor(merge, sizes))
  return merge.kind === 'idle' ? [await idleOutcome(merge, place, sizes)] : foregroundOutcomes(merge, place, sizes)
}

/** A rival has files as large beside ours. */
function roomFor(merge: MergeCase, { foregroundBytes, idleBytes }: MergeSizes): number {
  if (merge.kind === 'foreground') return MergeFiles.bytesFor(foregroundBytes)
  return MergeFiles.bytesFor(idleBytes) * (hasQemuCommit(merge) ? 2 : 1)
}

async function idleOutcome(merge: IdleMerge, place: Workplace, sizes: MergeSizes): Promise<Outcome> {
  const { target, ...parameters } = merge
  const bytes = sizes.idleBytes
  const comparison = await measureIdleMerge(merge, place, { rounds: sizes.rounds, bytes })
  return {
    section: 'merge',
    case: mergeCaseName(merge),
    parameters: { ...parameters, bytes },
    unit: 'MiB/s',
    ...comparison,
    added: null,
    target,
    reached: comparison.ratio === null ? null : isReached(target, comparison.ratio),
  }
}

const percentileNames = ['p50', 'p99', 'p999'] as const

/** A row for each percentile, with what it is without a merge in the floor's place; and one for the merge. */
async function foregroundOutcomes(merge: ForegroundMerge, place: Workplace, sizes: MergeSizes): Promise<Outcome[]> {
  const { target, ...parameters } = merge
  const { foregroundBytes: bytes, foregroundSeconds: seconds } = sizes
  const { othersShare, rounds } = await measureForeground(merge, place, { rounds: sizes.rounds, seconds, bytes })
  const row = (figure: string, unit: string, floors: number[] | undefined, values: number[], aim?: Target): Outcome => {
    const ratios =
      floors === undefined ? undefined : values.map((value, round) => value / (floors[round] ?? Number.NaN))
    const ratio = ratios === undefined ? null : median(ratios)
    return {
      section: 'merge',
      case: `${mergeCaseName(merge)}/${figure}`,
      parameters: { ...parameters, bytes, seconds },
      unit,
      floor: floors === undefined ? null : median(floors),
      engine: median(values),
      ratio,
      spread: spreadOf(ratios ?? values),
      rounds: sizes.rounds,
      othersShare,
      added: null,
      rivals: [],
      target: aim ?? null,
      reached: aim === undefined || ratio === null ? null : isReached(aim, ratio),
    }
  }
  const ofEach = (pick: (round: ForegroundRound) => number) => rounds.map(pick)
  return [
    ...percentileNames.map((name) => {
      const without = ofEach((round) => round.without[name])
      const during = ofEach((round) => round.during[name])
      return row(name, 'µs', without, during, name === 'p99' ? target : undefined)
    }),
    row(
      'requests',
      '/s',
      ofEach((round) => round.without.operationsPerSecond),
      ofEach((round) => round.during.operationsPerSecond),
    ),
    row(
      'merged',
      'MiB/s',
      undefined,
      ofEach(({ merged }) => merged),
    ),
  ]
}
