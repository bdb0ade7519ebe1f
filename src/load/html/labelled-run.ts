/** Runs side by side need short names: a letter each, which the table of runs explains. */
import type { LoadResult } from '../result/load-result.js'

export interface LabelledRun {
  /** `A`; empty of an only run. */
  readonly label: string
  readonly result: LoadResult
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

export function labelledRuns(results: readonly LoadResult[]): readonly LabelledRun[] {
  if (results.length === 1) return results.map((result) => ({ label: '', result }))
  return results.map((result, index) => {
    const round = Math.floor(index / letters.length)
    return { label: `${letters[index % letters.length]}${round === 0 ? '' : round + 1}`, result }
  })
}

/** `A: nightly`. */
export const runName = ({ label, result }: LabelledRun): string => `${label}: ${result.title}`
