/** What live views of a load run say: lines of a terminal that are drawn again, or one line that stands by itself. */
import type { LoadProgress, StoreProgress } from '../../load/result/load-progress.js'
import type { DirectionName, SeriesPoint, TimelineMark } from '../../load/result/load-result.js'
import { bytesPerSecond, clock, count, countPerSecond, nanoseconds, percent } from '../figures.js'
import { margin } from '../page.js'
import type { RedrawnLine } from '../redrawn-lines.js'
import { columnsOf, fillTo, printable } from '../terminal-text.js'

/** More would push each other off the screen. One more than these is shown rather than counted. */
const storesShown = 5
const storesInLine = 3
const marksShown = 3

/** `directions` are those that the run has had requests in, so that no line goes away in an interval that has none. */
export function liveLines(
  progress: LoadProgress,
  directions: readonly DirectionName[],
  columns: number,
): readonly RedrawnLine[] {
  const { point } = progress
  const room = columns - 1
  return [
    headLine(progress, room),
    ...(point === undefined ? [] : directions.map((direction) => ({ text: directionText(point, direction, room) }))),
    ...violationLines(progress.violations),
    ...storeLines(progress.stores, room),
    ...progress.marks.slice(-marksShown).map((mark) => markLine(mark)),
  ]
}

/** Everything that matters, in one line. */
export function plainText(progress: LoadProgress, directions: readonly DirectionName[]): string {
  const { point } = progress
  const parts = [
    `${timeText(progress)}  ${progress.phase}${shareText(progress)}`,
    ...(point === undefined ? [] : directions.map((direction) => plainDirection(point, direction))),
    plainStores(progress.stores),
    progress.violations === undefined ? '' : violationsText(progress.violations),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

export const markText = ({ atSeconds, failure, text }: TimelineMark): string =>
  printable(`${clock(atSeconds)}  ${text}${failure === undefined ? '' : `: ${failure}`}`)

function headLine(progress: LoadProgress, room: number): RedrawnLine {
  const share = shareOf(progress)
  const phase = progress.phase.padEnd(8)
  const time = timeText(progress)
  const barWidth = Math.min(40, room - columnsOf(`${margin}${phase}  ${time}`))
  const bar = share === undefined || barWidth < 4 ? '' : `${barOf(share, barWidth)}  `
  return { text: `${margin}${phase}${bar}${time}`, style: 'bold' }
}

const timeText = ({ elapsedSeconds, plannedSeconds }: LoadProgress): string =>
  plannedSeconds === undefined ? clock(elapsedSeconds) : `${clock(elapsedSeconds)} of ${clock(plannedSeconds)}`

const shareOf = ({ doneShare, elapsedSeconds, plannedSeconds }: LoadProgress): number | undefined =>
  doneShare ?? (plannedSeconds === undefined || plannedSeconds === 0 ? undefined : elapsedSeconds / plannedSeconds)

/** Where there is no time to tell how far it is. */
const shareText = ({ doneShare, plannedSeconds }: LoadProgress): string =>
  doneShare === undefined || plannedSeconds !== undefined ? '' : ` ${percent(doneShare * 100)}`

/** As much of it as there is room for. */
function directionText({ directions, seconds }: SeriesPoint, name: DirectionName, room: number): string {
  const { bytes, p50Nanoseconds, p99Nanoseconds, requests } = directions[name]
  const latency = (value: number): string => (requests === 0 ? '–' : nanoseconds(value)).padStart(8)
  const parts = [
    `${countPerSecond(requests, seconds).padStart(9)} IOPS`,
    (name === 'sync' ? '' : bytesPerSecond(bytes, seconds)).padStart(12),
    `  p50 ${latency(p50Nanoseconds)}`,
    `  p99 ${latency(p99Nanoseconds)}`,
  ]
  let text = margin + name.padEnd(6)
  for (const part of parts) {
    if (columnsOf(text) + columnsOf(part) > room) break
    text += part
  }
  return text
}

const violationLines = (violations: number | undefined): readonly RedrawnLine[] =>
  violations === undefined
    ? []
    : [{ text: margin + violationsText(violations), style: violations === 0 ? 'green' : 'red' }]

const violationsText = (violations: number): string =>
  violations === 0 ? 'no violations' : `${count(violations)} violation${violations === 1 ? '' : 's'}`

function storeLines(stores: readonly StoreProgress[], room: number): readonly RedrawnLine[] {
  const sorted = byInterest(stores)
  const shown = sorted.slice(0, sorted.length === storesShown + 1 ? sorted.length : storesShown)
  const nameWidth = Math.min(Math.max(...shown.map(({ snapshot }) => columnsOf(snapshot)), 4), Math.floor(room / 3))
  const more = sorted.length - shown.length
  return [
    ...shown.map((store) => storeLine(store, nameWidth)),
    ...(more === 0 ? [] : [{ text: `${margin}… and ${more} more`, style: 'dim' } as const]),
  ]
}

function storeLine(store: StoreProgress, nameWidth: number): RedrawnLine {
  const usage = `${barOf(store.percent / 100, 10)} ${percent(store.percent).padStart(5)}`
  const text = `${margin}${fillTo(nameWidth, printable(store.snapshot))}  ${usage}  ${stateText(store)}`.trimEnd()
  return store.state === 'invalid' ? { text, style: 'red' } : { text }
}

const stateText = ({ mergeDone = 0, state }: StoreProgress): string =>
  state === 'active' ? '' : state === 'merging' ? `merging ${percent(mergeDone * 100)}` : state

/** Those that are being merged first, then the fullest. */
const byInterest = (stores: readonly StoreProgress[]): readonly StoreProgress[] =>
  stores.toSorted((one, other) => {
    const merging = Number(other.state === 'merging') - Number(one.state === 'merging')
    return merging !== 0 ? merging : other.percent - one.percent
  })

const markLine = (mark: TimelineMark): RedrawnLine => ({
  text: margin + markText(mark),
  style: mark.failure === undefined ? 'dim' : 'red',
})

function plainDirection({ directions, seconds }: SeriesPoint, name: DirectionName): string {
  const { bytes, p50Nanoseconds, p99Nanoseconds, requests } = directions[name]
  return [
    `${name} ${countPerSecond(requests, seconds)} IOPS`,
    ...(name === 'sync' ? [] : [bytesPerSecond(bytes, seconds)]),
    ...(requests === 0 ? [] : [`p50 ${nanoseconds(p50Nanoseconds)}`, `p99 ${nanoseconds(p99Nanoseconds)}`]),
  ].join(' ')
}

function plainStores(stores: readonly StoreProgress[]): string {
  const sorted = byInterest(stores)
  const shown = sorted.slice(0, storesInLine).map((store) => {
    return `${printable(store.snapshot)} ${percent(store.percent)} ${stateText(store)}`.trimEnd()
  })
  const more = sorted.length - shown.length
  return [...shown, ...(more === 0 ? [] : [`and ${more} more`])].join(', ')
}

function barOf(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
