/** What is kept of a measurement: a row of the table, and a line of the file. */
import { caseName, type GridCase, type Target, timesEach } from './grid-case.js'
import type { Machine } from './machine.js'
import type { Comparison } from './measure.js'
import type { RivalFigure } from './round-figures.js'

/** Parts of the benchmark. A document has a chapter for each. */
export const sectionNames = ['grid', 'curve', 'served-curve', 'merge', 'activation', 'creation', 'single'] as const
export type SectionName = (typeof sectionNames)[number]

/** One record of `--json`. What was not measured is `null`: the floor of a size, the engine on a raw file. */
export interface Outcome {
  readonly section: SectionName
  readonly case: string
  readonly parameters: Readonly<Record<string, string | number>>
  readonly unit: string
  readonly floor: number | null
  readonly engine: number | null
  readonly ratio: number | null
  /** Of the rounds' ratios, or of the repetitions: largest less smallest, as a share of the median. */
  readonly spread: number
  readonly rounds: number
  /** Share of the machine that other processes used while this was measured; `null` where it was not looked at. */
  readonly othersShare: number | null
  /** Engine less floor, for latencies. */
  readonly added: number | null
  readonly rivals: readonly RivalFigure[]
  readonly target: Target | null
  readonly reached: boolean | null
}

/** Above this share of others a figure says nothing, in either direction. */
const othersShareMax = 0.05

export const isDisturbed = ({ othersShare }: Outcome): boolean => othersShare !== null && othersShare > othersShareMax

export type OutcomeRecord = Outcome & {
  readonly machine: Machine
  /** As it was typed. */
  readonly command: string
}

/** `prefix` tells cases apart that differ in where they are measured, and not in what they are. */
export function outcomeOf(grid: GridCase, comparison: Comparison, section: SectionName = 'grid', prefix = ''): Outcome {
  const { target, ...parameters } = grid
  const { engine, floor, ratio } = comparison
  const added = timesEach(grid) && engine !== null ? engine - floor : null
  const judged = added ?? ratio
  return {
    section,
    case: prefix + caseName(grid),
    parameters,
    unit: timesEach(grid) ? 'µs' : '/s',
    ...comparison,
    added,
    target: target ?? null,
    reached: target === undefined || judged === null ? null : isReached(target, judged),
  }
}

/** A figure with all its repetitions; its floor's, where it has one, were taken in turn with them. */
export interface SingleFigure {
  readonly name: string
  readonly parameters: Readonly<Record<string, string | number>>
  readonly unit: string
  /** The median of the repetitions. */
  readonly value: number
  readonly spread: number
  readonly rounds: number
  readonly floor?: { readonly value: number; readonly ratio: number }
  readonly othersShare?: number
  readonly rivals?: readonly RivalFigure[]
  /** Of the value itself, not of its ratio. */
  readonly target?: Target
}

export function outcomeOfFigure(figure: SingleFigure, section: SectionName = 'single'): Outcome {
  const { floor, name, othersShare, parameters, rivals, rounds, spread, target, unit, value } = figure
  return {
    section,
    case: name,
    parameters,
    unit,
    floor: floor?.value ?? null,
    engine: value,
    ratio: floor?.ratio ?? null,
    spread,
    rounds,
    othersShare: othersShare ?? null,
    added: null,
    rivals: rivals ?? [],
    target: target ?? null,
    reached: target === undefined ? null : isReached(target, value),
  }
}

export function isReached(target: Target, figure: number): boolean {
  if (target.kind === 'ratio-at-least') return figure >= target.value
  return target.kind === 'below' ? figure < target.value : figure <= target.value
}
