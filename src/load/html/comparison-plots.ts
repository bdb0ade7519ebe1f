/** Several runs on the same axes. */
import type { Bar } from '../../report/bar-plot.js'
import { barPlot } from '../../report/bar-plot.js'
import { timePlot } from '../../report/curve-plots.js'
import { percentilePlot } from '../../report/distribution-plots.js'
import type { Plot } from '../../report/document.js'
import { numberText, rate } from '../../report/quantity.js'
import { type DirectionName, directionNames } from '../result/load-result.js'
import { directionsOf, totalsOf } from './direction-totals.js'
import { type LabelledRun, runName } from './labelled-run.js'
import { perSecond } from './time-plots.js'

/** More lines than these cannot be told apart; bars and tables have all runs. */
export const overlaidMax = 8

export function comparisonPlots(runs: readonly LabelledRun[]): readonly Plot[] {
  const directions = directionsOf(runs.map(({ result }) => result))
  const overlaid = runs.slice(0, overlaidMax)
  return [
    ...directions.map((direction) => ratePlot(runs, direction)),
    timePlot({
      title: 'Requests a second, all directions',
      description: 'Requests answered a second, of all jobs and directions together, for each run over time.',
      y: { quantity: rate, scale: 'linear', includes: [0] },
      seconds: Math.max(...runs.map(({ result }) => result.elapsedSeconds)),
      lines: overlaid.map((run) => ({
        name: runName(run),
        points: perSecond(run.result.series, directionNames, (point) => point.requests),
      })),
    }),
    ...directions.map((direction) =>
      percentilePlot({
        title: `Latency by percentile, ${direction}`,
        distributions: overlaid.map((run) => ({
          name: runName(run),
          buckets: totalsOf(run.result, direction).latency,
        })),
      }),
    ),
  ]
}

const ratePlot = (runs: readonly LabelledRun[], direction: DirectionName): Plot => {
  const [first] = runs
  const base = first === undefined ? 0 : totalsOf(first.result, direction).requestsPerSecond
  return barPlot({
    title: `Requests a second, ${direction}`,
    description: `Requests answered a second in direction ${direction}, for each run, with the ratio to the first one.`,
    quantity: rate,
    spreadText: 'Whiskers: 5th to 95th percentile of the intervals.',
    bars: runs.map((run, index): Bar => {
      const value = totalsOf(run.result, direction).requestsPerSecond
      const spread = spreadOf(run, direction)
      return {
        name: runName(run),
        value,
        kind: index,
        ...(spread === undefined ? {} : { spread }),
        ...(base > 0 ? { note: `${numberText(value / base)} ×` } : {}),
      }
    }),
  })
}

function spreadOf({ result }: LabelledRun, direction: DirectionName): readonly [number, number] | undefined {
  const measured = result.series.filter(({ isRamp }) => !isRamp)
  const rates = perSecond(measured, [direction], (point) => point.requests)
    .map(([, value]) => value)
    .filter(Number.isFinite)
    .sort((one, other) => one - other)
  const at = (share: number): number | undefined => rates[Math.round(share * (rates.length - 1))]
  const [low, high] = [at(0.05), at(0.95)]
  return low === undefined || high === undefined ? undefined : [low, high]
}
