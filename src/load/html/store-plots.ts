/** How full each snapshot's store became, and how far its merge got. */
import { timePlot } from '../../report/curve-plots.js'
import type { Block, Plot, Table } from '../../report/document.js'
import { share, size, valueText } from '../../report/quantity.js'
import type { LoadResult, StoreSeries } from '../result/load-result.js'
import { runMarks } from './run-marks.js'

/** A page of more plots than these is not looked at; the table has all stores. */
const plotsMax = 12
const sectorBytes = 512

export function storeBlocks(result: LoadResult): readonly Block[] {
  const { stores } = result
  if (stores.length === 0) return []
  const rest = stores.length - plotsMax
  return [
    { kind: 'plots', plots: stores.slice(0, plotsMax).map((store) => storePlot(store, result)) },
    ...(rest > 0 ? [{ kind: 'text' as const, text: `${rest} more stores are in the table only.` }] : []),
    { kind: 'table', table: storeTable(stores) },
  ]
}

const storePlot = ({ snapshot, points, merge }: StoreSeries, result: LoadResult): Plot =>
  timePlot({
    title: `Store of ${snapshot}`,
    description: `How much of the store of ${snapshot} was in use over time${merge.length > 0 ? ', and how much of its merge was done' : ''}.`,
    marks: runMarks(result),
    seconds: result.elapsedSeconds,
    y: { quantity: share, scale: 'linear', includes: [0, 1] },
    lines: [
      { name: 'in use', style: 'steps', points: points.map((point) => [point.atSeconds, point.percent / 100]) },
      ...(merge.length > 0
        ? [
            {
              name: 'merged',
              style: 'marked' as const,
              points: merge.map(({ atSeconds, done }) => [atSeconds, done] as const),
            },
          ]
        : []),
    ],
  })

const storeTable = (stores: readonly StoreSeries[]): Table => ({
  caption: 'Stores at the end',
  columns: [
    { name: 'snapshot', isFigure: false },
    ...['in use', 'greatest', 'allocated', 'size', 'merged'].map((name) => ({ name, isFigure: true })),
  ],
  rows: stores.map(({ snapshot, points, merge }) => {
    const last = points.at(-1)
    const greatest = points.reduce((most, { percent }) => Math.max(most, percent), Number.NEGATIVE_INFINITY)
    return [
      snapshot,
      valueText(share, (last?.percent ?? Number.NaN) / 100),
      valueText(share, greatest / 100),
      valueText(size, (last?.allocatedSectors ?? Number.NaN) * sectorBytes),
      valueText(size, (last?.totalSectors ?? Number.NaN) * sectorBytes),
      valueText(share, merge.at(-1)?.done ?? Number.NaN),
    ]
  }),
})
