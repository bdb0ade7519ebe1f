/** What happened in a run, as marks of its plots and as a table. */
import type { Table } from '../../report/document.js'
import type { Mark } from '../../report/event-marks.js'
import type { LoadResult } from '../result/load-result.js'

/** What was over sooner is a moment. */
const momentSeconds = 0.05

export function runMarks({ timeline, series }: LoadResult): readonly Mark[] {
  const rampEnd = series.findLast(({ isRamp }) => isRamp)?.atSeconds ?? 0
  return [
    ...(rampEnd > 0 ? [{ at: 0, until: rampEnd, text: 'ramp, left out of all sums' }] : []),
    ...timeline.map(({ atSeconds, endSeconds, text, failure }) => ({
      at: atSeconds,
      text,
      ...(endSeconds - atSeconds >= momentSeconds ? { until: endSeconds } : {}),
      ...(failure === undefined ? {} : { isFailure: true }),
    })),
  ]
}

export const timelineTable = ({ timeline }: LoadResult): Table => ({
  caption: 'What happened',
  columns: [
    { name: 'at', isFigure: true },
    { name: 'took', isFigure: true },
    { name: 'what', isFigure: false },
    { name: 'outcome', isFigure: false },
  ],
  rows: timeline.map(({ atSeconds, endSeconds, text, failure }) => [
    `${atSeconds.toFixed(2)} s`,
    `${(endSeconds - atSeconds).toFixed(2)} s`,
    text,
    failure === undefined ? 'done' : `failed: ${failure}`,
  ]),
})
