/**
 * What happened meanwhile: a dashed line at its moment with a numbered badge above, a band if it took a while. Numbers go by
 * time; the legend says what they stand for.
 */
import type { Axis } from './axis.js'
import type { Area } from './draw-axes.js'
import { layout } from './layout.js'
import type { LegendEntry } from './legend.js'
import { element, escaped } from './markup.js'
import { time, valueText } from './quantity.js'

export interface Mark {
  /** In seconds. */
  readonly at: number
  /** When it was over; nothing if it was a moment. */
  readonly until?: number
  readonly text: string
  readonly isFailure?: boolean
}

/** More badges than these hide what they are about; the other marks are lines only. */
const badgesMax = 12
/** Where badges would be stacked higher, too. */
const badgeRowsMax = 3
/** A run of a day may have a snapshot every minute. */
const linesMax = 200
const badge = { width: 18, height: 16, rowHeight: 18 } as const

export interface DrawnMarks {
  /** What the badges need above the area. */
  readonly height: number
  readonly draw: (area: Area) => string
  readonly legend: readonly LegendEntry[]
}

export function eventMarks(marks: readonly Mark[], x: Axis): DrawnMarks {
  const inOrder = marks.filter(({ at }) => Number.isFinite(x.place(at))).toSorted((one, other) => one.at - other.at)
  const shown = inOrder.slice(0, linesMax)
  const badged = withBadges(shown, x)
  const height = badged.reduce((most, { row }) => Math.max(most, (row + 1) * badge.rowHeight), 0)
  const rest = inOrder.length - badged.length
  return {
    height,
    draw: ({ top, bottom }) => {
      const first = layout.headHeight - 4
      return [
        ...bands(shown, x).map(([from, to]) =>
          element('rect', { class: 'band', x: from, y: top, width: to - from, height: bottom - top }),
        ),
        ...shown.map((mark) => {
          const found = badged.find((one) => one.mark === mark)
          const above = found === undefined ? top : first + found.row * badge.rowHeight + badge.height
          const at = x.place(mark.at)
          const line = { class: found === undefined ? 'mark minor' : 'mark', x1: at, y1: above, x2: at, y2: bottom }
          return element('line', line) + (found === undefined ? '' : drawBadge(found, at, above - badge.height))
        }),
      ].join('')
    },
    legend: [
      ...badged.map((one) => ({
        sample: (left: number, baseline: number) => drawBadge(one, left + badge.width / 2, baseline - 12),
        text: legendText(one.mark),
      })),
      ...(rest > 0 ? [{ sample: () => '', text: `and ${rest} more without a number` }] : []),
    ],
  }
}

interface Badged {
  readonly mark: Mark
  readonly number: number
  /** From the top; a badge that would touch another one goes a row below it. */
  readonly row: number
}

function withBadges(marks: readonly Mark[], x: Axis): readonly Badged[] {
  const ends: number[] = Array.from({ length: badgeRowsMax }, () => Number.NEGATIVE_INFINITY)
  const badged: Badged[] = []
  for (const mark of marks) {
    const place = x.place(mark.at)
    const row = ends.findIndex((end) => end <= place - badge.width / 2)
    if (row < 0 || badged.length === badgesMax) continue
    ends[row] = place + badge.width / 2 + 2
    badged.push({ mark, number: badged.length + 1, row })
  }
  return badged
}

function legendText({ at, until, text, isFailure = false }: Mark): string {
  const times = until === undefined ? valueText(time, at) : `${valueText(time, at)} to ${valueText(time, until)}`
  return `${times}: ${text}${isFailure ? ', failed' : ''}`
}

/** From where to where something went on; what overlaps is one, or it would darken what is below. */
function bands(marks: readonly Mark[], x: Axis): readonly (readonly [from: number, to: number])[] {
  const united: [number, number][] = []
  for (const { at, until } of marks) {
    if (until === undefined || !(until > at)) continue
    const [from, to] = [x.place(at), Math.min(x.place(until), layout.width - layout.right)]
    const last = united.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else if (to > from) united.push([from, to])
  }
  return united
}

function drawBadge({ mark, number }: Badged, centre: number, top: number): string {
  const isFailure = mark.isFailure === true
  const box = {
    class: isFailure ? 'badge failed' : 'badge',
    x: centre - badge.width / 2,
    y: top,
    width: badge.width,
    height: badge.height,
    rx: isFailure ? 0 : 8,
  }
  const text = element('text', { class: 'badge-text', x: centre, y: top + 12 }, String(number))
  return `<g><title>${escaped(legendText(mark))}</title>${element('rect', box)}${text}</g>`
}
