/** What is kept of a measurement: a row of the table, and a line of the file. */
import { caseName, type GridCase, type Target, timesEach } from './grid-case.js'
import type { Machine } from './machine.js'
import type { Comparison } from './measure.js'

/** One record of `--json`. A figure without a floor (a time, a size) has `null` there and in `ratio`. */
export interface Outcome {
  readonly case: string
  readonly parameters: Readonly<Record<string, string | number>>
  readonly unit: string
  readonly floor: number | null
  readonly engine: number
  readonly ratio: number | null
  /** Of the rounds' ratios, or of the repetitions: largest less smallest, as a share of the median. */
  readonly spread: number
  /** Share of the machine that other processes used while this was measured; `null` where it was not looked at. */
  readonly othersShare: number | null
  /** Engine less floor, for latencies. */
  readonly added: number | null
  readonly target: Target | null
  readonly reached: boolean | null
}

/** Above this share of others a figure says nothing, in either direction. */
const othersShareMax = 0.05

export const isDisturbed = ({ othersShare }: Outcome): boolean => othersShare !== null && othersShare > othersShareMax

export type OutcomeRecord = Outcome & { readonly machine: Machine }

export function outcomeOf(grid: GridCase, comparison: Comparison): Outcome {
  const { target, ...parameters } = grid
  const added = timesEach(grid) ? comparison.engine - comparison.floor : null
  return {
    case: caseName(grid),
    parameters,
    unit: timesEach(grid) ? 'µs' : '/s',
    ...comparison,
    added,
    target: target ?? null,
    reached: target === undefined ? null : isReached(target, added ?? comparison.ratio),
  }
}

/** A figure that stands alone, with all its repetitions. */
export interface SingleFigure {
  readonly name: string
  readonly parameters: Readonly<Record<string, string | number>>
  readonly unit: string
  /** The median of the repetitions. */
  readonly value: number
  readonly spread: number
  readonly target?: Target
}

export function outcomeOfFigure(figure: SingleFigure): Outcome {
  const { name, parameters, spread, target, unit, value } = figure
  const alone = { floor: null, ratio: null, added: null, othersShare: null }
  const reached = target === undefined ? null : isReached(target, value)
  return { case: name, parameters, unit, engine: value, ...alone, spread, target: target ?? null, reached }
}

export function isReached(target: Target, figure: number): boolean {
  if (target.kind === 'ratio-at-least') return figure >= target.value
  return target.kind === 'below' ? figure < target.value : figure <= target.value
}
