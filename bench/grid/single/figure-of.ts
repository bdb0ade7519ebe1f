/** The median of a few repetitions, and how far they lie apart. */
import type { Target } from '../grid-case.js'
import { median } from '../latency-samples.js'
import type { SingleFigure } from '../outcome.js'
import { spreadOf } from '../round-figures.js'

export function figureOf(
  name: string,
  parameters: SingleFigure['parameters'],
  unit: string,
  values: readonly number[],
  target?: Target,
): SingleFigure {
  const figure = { name, parameters, unit, value: median(values), spread: spreadOf(values), rounds: values.length }
  return { ...figure, ...(target === undefined ? {} : { target }) }
}

/** The same beside a floor; the spread is of the ratios. */
export function figureBeside(figure: SingleFigure, values: readonly number[], floors: readonly number[]): SingleFigure {
  const ratios = values.map((value, round) => value / (floors[round] ?? Number.NaN))
  return { ...figure, floor: { value: median(floors), ratio: median(ratios) }, spread: spreadOf(ratios) }
}
