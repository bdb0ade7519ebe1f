/** What a number of snapshots costs: runs that differ in it, as curves over it. */
import { countPlot } from '../../report/curve-plots.js'
import { valueAt } from '../../report/distribution.js'
import type { Plot } from '../../report/document.js'
import type { Line } from '../../report/draw-line.js'
import { latency, rate } from '../../report/quantity.js'
import type { Point } from '../../report/thin-points.js'
import type { LoadResult } from '../result/load-result.js'
import { type DirectionTotals, directionsOf, totalsOf } from './direction-totals.js'

export function snapshotCountPlots(results: readonly LoadResult[]): readonly Plot[] {
  const counted = results.flatMap((result) =>
    result.snapshotsAtStart === null ? [] : [{ count: result.snapshotsAtStart, result }],
  )
  const counts = [...new Set(counted.map(({ count }) => count))].sort((one, other) => one - other)
  if (counts.length < 2) return []
  const directions = directionsOf(counted.map(({ result }) => result))

  const curve = (direction: (typeof directions)[number], value: (totals: DirectionTotals) => number) =>
    counts.map((count): Point => {
      const same = counted.filter((one) => one.count === count)
      return [count, median(same.map(({ result }) => value(totalsOf(result, direction))))]
    })
  const percentile = (direction: (typeof directions)[number], share: number) =>
    curve(direction, ({ latency: buckets }) => valueAt(buckets, share) ?? Number.NaN)
  const latencyLines = directions.flatMap((direction): readonly Line[] => [
    { name: `${direction} p50`, points: percentile(direction, 0.5) },
    { name: `${direction} p99`, points: percentile(direction, 0.99) },
  ])

  return [
    countPlot({
      title: 'Requests a second by number of snapshots',
      description: 'Requests answered a second for each direction, by how many snapshots the origin had at the start.',
      counted: 'snapshots',
      y: { quantity: rate, scale: 'linear', includes: [0] },
      lines: directions.map((direction) => ({
        name: direction,
        points: curve(direction, (totals) => totals.requestsPerSecond),
      })),
    }),
    countPlot({
      title: 'Latency by number of snapshots',
      description:
        'The median and the 99th percentile of latencies, by how many snapshots the origin had at the start.',
      counted: 'snapshots',
      y: { quantity: latency, scale: 'log', label: 'latency' },
      lines: latencyLines,
    }),
  ]
}

/** Of runs with the same number of snapshots; those in which nobody went this way do not count. */
function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
