/** The median of a few repetitions, and how far they lie apart. */
import type { Target } from '../grid-case.js'
import { median } from '../latency-samples.js'
import type { SingleFigure } from '../outcome.js'

export function figureOf(
  name: string,
  parameters: SingleFigure['parameters'],
  unit: string,
  values: readonly number[],
  target?: Target,
): SingleFigure {
  const value = median(values)
  const range = Math.max(...values) - Math.min(...values)
  const spread = value > 0 ? range / value : 0
  return { name, parameters, unit, value, spread, ...(target === undefined ? {} : { target }) }
}
