/** The arithmetic over rounds: medians, how far they lie apart, and ours over a rival's. */
import { median } from './latency-samples.js'

/** What somebody else's program made of the same case. */
export interface RivalFigure {
  readonly name: string
  /** The median over the rounds, in the unit of the row; `null` where it was not measured. */
  readonly value: number | null
  /** Median over the rounds of ours / theirs; of the floor's in a row without an engine. */
  readonly ratio: number | null
  /** Of theirs: largest less smallest, as a share of the median. */
  readonly spread: number | null
  /** Why it was not measured; `null` if it was. */
  readonly missing: string | null
}

export function figuresOfRounds(
  name: string,
  ours: readonly number[],
  theirs: readonly number[],
  missing: string | undefined,
): RivalFigure {
  if (missing !== undefined || theirs.length === 0) {
    return { name, value: null, ratio: null, spread: null, missing: missing ?? 'it gave no figure' }
  }
  const ratios = theirs.map((value, round) => (ours[round] ?? Number.NaN) / value)
  return { name, value: median(theirs), ratio: median(ratios), spread: spreadOf(theirs), missing: null }
}

/** Largest less smallest, as a share of the median. */
export function spreadOf(values: readonly number[]): number {
  const middle = median(values)
  return middle > 0 ? (Math.max(...values) - Math.min(...values)) / middle : 0
}
