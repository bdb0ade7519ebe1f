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
  const badged = shown.slice(0, badgesMax)
  const rows = badgeRows(badged.map(({ at }) => x.place(at)))
  const height = rows.length === 0 ? 0 : (Math.max(...rows) + 1) * badge.rowHeight
  return {
    height,
    draw: ({ top, bottom }) => {
      const lowest = layout.headHeight - 4
      return [
        ...shown.map((mark) => band(mark, x, { top, bottom })),
        ...shown.map((mark, index) => {
          const row = rows[index]
          const lineTop = row === undefined ? top : lowest + row * badge.rowHeight + badge.height
          const at = x.place(mark.at)
          return (
            element('line', { class: 'mark', x1: at, y1: lineTop, x2: at, y2: bottom }) +
            (row === undefined ? '' : drawBadge(mark, String(index + 1), at, lineTop - badge.height))
          )
        }),
      ].join('')
    },
    legend: [
      ...badged.map((mark, index) => ({
        sample: (left: number, baseline: number) =>
          drawBadge(mark, String(index + 1), left + badge.width / 2, baseline - 12),
        text: legendText(mark),
      })),
      ...(inOrder.length > badged.length
        ? [{ sample: () => '', text: `and ${inOrder.length - badged.length} more without a number` }]
        : []),
    ],
  }
}

function legendText({ at, until, text, isFailure = false }: Mark): string {
  const times = until === undefined ? valueText(time, at) : `${valueText(time, at)} to ${valueText(time, until)}`
  return `${times}: ${text}${isFailure ? ', failed' : ''}`
}

function band({ at, until }: Mark, x: Axis, { top, bottom }: Area): string {
  if (until === undefined || !(until > at)) return ''
  const [from, to] = [x.place(at), Math.min(x.place(until), layout.width - layout.right)]
  return to > from ? element('rect', { class: 'band', x: from, y: top, width: to - from, height: bottom - top }) : ''
}

/** A badge that would touch another one goes a row below it. */
function badgeRows(places: readonly number[]): readonly number[] {
  const ends: number[] = []
  return places.map((place) => {
    const free = ends.findIndex((end) => end <= place - badge.width / 2)
    const row = free < 0 ? ends.length : free
    ends[row] = place + badge.width / 2 + 2
    return row
  })
}

function drawBadge(mark: Mark, number: string, centre: number, top: number): string {
  const box = {
    class: mark.isFailure === true ? 'badge failed' : 'badge',
    x: centre - badge.width / 2,
    y: top,
    width: badge.width,
    height: badge.height,
    rx: mark.isFailure === true ? 0 : 8,
  }
  const text = element('text', { class: 'badge-text', x: centre, y: top + 12 }, number)
  return `<g><title>${escaped(legendText(mark))}</title>${element('rect', box)}${text}</g>`
}
