/** A run over time: requests, bytes and latencies of each interval. */
import { timePlot } from '../../report/curve-plots.js'
import type { Plot } from '../../report/document.js'
import { bandwidth, latency, rate } from '../../report/quantity.js'
import type { Point } from '../../report/thin-points.js'
import type { DirectionName, DirectionPoint, LoadResult, SeriesPoint } from '../result/load-result.js'
import { directionsOf } from './direction-totals.js'
import { runMarks } from './run-marks.js'

export function throughputPlots(result: LoadResult): readonly Plot[] {
  const directions = directionsOf([result])
  const common = { marks: runMarks(result), seconds: result.elapsedSeconds }
  const lines = (amount: (point: DirectionPoint) => number) =>
    directions.map((direction) => ({ name: direction, points: perSecond(result.series, [direction], amount) }))
  const requests = timePlot({
    ...common,
    title: 'Requests a second',
    description: 'Requests answered a second, of all jobs together, for each direction over time.',
    y: { quantity: rate, scale: 'linear', includes: [0] },
    lines: lines((point) => point.requests),
  })
  const bytes = timePlot({
    ...common,
    title: 'Bandwidth',
    description: 'Bytes moved a second, of all jobs together, for each direction over time.',
    y: { quantity: bandwidth, scale: 'linear', includes: [0] },
    lines: lines((point) => point.bytes),
  })
  return [requests, bytes]
}

/** One for each direction: with more lines nobody sees which is which. */
export const latencyPlots = (result: LoadResult): readonly Plot[] =>
  directionsOf([result]).map((direction) =>
    timePlot({
      title: `Latency of a ${direction}`,
      description: `The median, the 99th percentile and the greatest latency of each interval, direction ${direction}; logarithmic.`,
      marks: runMarks(result),
      seconds: result.elapsedSeconds,
      y: { quantity: latency, scale: 'log', label: 'latency' },
      lines: [
        { name: 'p50', points: latencies(result.series, direction, (point) => point.p50Nanoseconds) },
        { name: 'p99', points: latencies(result.series, direction, (point) => point.p99Nanoseconds) },
        { name: 'max', points: latencies(result.series, direction, (point) => point.maxNanoseconds) },
      ],
    }),
  )

/** Sums of some directions for each second, in the middle of each interval. */
export const perSecond = (
  series: readonly SeriesPoint[],
  directions: readonly DirectionName[],
  amount: (point: DirectionPoint) => number,
): readonly Point[] =>
  series.map((point) => {
    const sum = directions.reduce((total, direction) => total + amount(point.directions[direction]), 0)
    // An interval without length is a gap.
    return [middleOf(point), sum / point.seconds]
  })

const latencies = (
  series: readonly SeriesPoint[],
  direction: DirectionName,
  value: (point: DirectionPoint) => number,
): readonly Point[] =>
  series.map((point) => {
    const { [direction]: part } = point.directions
    return [middleOf(point), part.requests > 0 ? value(part) : Number.NaN]
  })

const middleOf = ({ atSeconds, seconds }: SeriesPoint): number => atSeconds - seconds / 2
