/**
 * The time series as CSV: a row for every interval, for spreadsheets and plotting programs.
 *
 * Quoted as RFC 4180 has it, but for lines that end with a line feed alone, which every reader takes and line tools prefer. Names
 * are users': a text that a spreadsheet would take for a formula has an apostrophe before it.
 *
 * Columns of stores are empty before their first figure, and repeat the last one where an interval has none.
 */
import {
  type DirectionName,
  directionNames,
  type LoadResult,
  type SeriesPoint,
  type TimelineMark,
} from './load-result.js'

type Cell = string | number | undefined

export function seriesCsv(result: LoadResult): string {
  const stores = result.stores.flatMap(({ merge, points, snapshot }) => [
    { header: `store_percent ${snapshot}`, at: lastAt(points, (point) => point.percent) },
    { header: `merge_percent ${snapshot}`, at: lastAt(merge, (point) => point.done * 100) },
  ])
  const header = [
    'seconds',
    'interval_seconds',
    'is_ramp',
    ...directionNames.flatMap((direction) => directionColumns.map((column) => `${direction}_${column}`)),
    ...stores.map((store) => store.header),
    'events',
  ]
  const rows = result.series.map((point, index) => [
    point.atSeconds,
    point.seconds,
    point.isRamp ? 1 : 0,
    ...directionNames.flatMap((direction) => directionCells(point, direction)),
    ...stores.map((store) => store.at(point.atSeconds)),
    eventsIn(result, index),
  ])
  return [header, ...rows].map((row) => `${row.map(cellText).join(',')}\n`).join('')
}

/** What `directionCells` has, in this order. */
const directionColumns = ['iops', 'bytes_per_second', 'p50_us', 'p99_us', 'max_us'] as const

function directionCells({ directions, seconds }: SeriesPoint, name: DirectionName): number[] {
  const { bytes, maxNanoseconds, p50Nanoseconds, p99Nanoseconds, requests } = directions[name]
  const perSecond = (value: number): number => (seconds > 0 ? value / seconds : 0)
  return [perSecond(requests), perSecond(bytes), p50Nanoseconds / 1000, p99Nanoseconds / 1000, maxNanoseconds / 1000]
}

/** Asked with ascending times only. */
function lastAt<Point extends { readonly atSeconds: number }>(
  points: readonly Point[],
  figureOf: (point: Point) => number,
): (seconds: number) => number | undefined {
  let next = 0
  return (seconds) => {
    while ((points[next]?.atSeconds ?? Number.POSITIVE_INFINITY) <= seconds) next++
    const last = points[next - 1]
    return last === undefined ? undefined : figureOf(last)
  }
}

/** What began in the interval. The first row has what came before it, too, the last what came after it: no event is lost. */
function eventsIn({ series, timeline }: LoadResult, index: number): string {
  const from = index === 0 ? Number.NEGATIVE_INFINITY : (series[index - 1]?.atSeconds ?? 0)
  const to = index === series.length - 1 ? Number.POSITIVE_INFINITY : (series[index]?.atSeconds ?? 0)
  return timeline
    .filter(({ atSeconds }) => atSeconds > from && atSeconds <= to)
    .map(eventText)
    .join('; ')
}

const eventText = ({ failure, text }: TimelineMark): string =>
  failure === undefined ? text : `${text} (failed: ${failure})`

/** Fractions are cut where they say nothing any more: to a thousandth of the unit. */
function cellText(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(Math.round(cell * 1000) / 1000)
  const text = /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
