/** Every job and direction of every run in figures. */
import type { Table } from '../../report/document.js'
import { bandwidth, latency, valueText } from '../../report/quantity.js'
import { percentileOf } from '../result/latency-histogram.js'
import { type DirectionResult, directionNames } from '../result/load-result.js'
import type { LabelledRun } from './labelled-run.js'

const shares = [0.5, 0.9, 0.99, 0.999]

export function summaryTable(runs: readonly LabelledRun[]): Table {
  const isOnly = runs.length === 1
  const words = [...(isOnly ? [] : ['run']), 'job', 'direction']
  const figures = ['IOPS', 'bandwidth', 'p50', 'p90', 'p99', 'p99.9', 'max', 'errors']
  const rows = runs.flatMap(({ label, result }) =>
    result.jobs.flatMap(({ name, directions }) =>
      directionNames
        .filter((direction) => directions[direction].requests + directions[direction].errors > 0)
        .map((direction) => [...(isOnly ? [] : [label]), name, direction, ...figuresOf(directions[direction])]),
    ),
  )
  return {
    caption: 'Jobs and directions',
    columns: [
      ...words.map((name) => ({ name, isFigure: false })),
      ...figures.map((name) => ({ name, isFigure: true })),
    ],
    rows,
  }
}

function figuresOf({ requests, bytes, seconds, errors, latency: counts }: DirectionResult): readonly string[] {
  const perSecond = (amount: number): number => (seconds > 0 ? amount / seconds : 0)
  return [
    wholeText(perSecond(requests)),
    valueText(bandwidth, perSecond(bytes)),
    ...[...shares.map((share) => percentileOf(counts, share * 100)), counts.maxNanoseconds].map((nanoseconds) =>
      valueText(latency, counts.samples > 0 ? nanoseconds : Number.NaN),
    ),
    wholeText(errors),
  ]
}

const wholeText = (value: number): string => Math.round(value).toLocaleString('en-US')
