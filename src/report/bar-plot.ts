/** Bars that lie, each below its name and its figure, with whiskers for the spread. */
import { axisOf } from './axis.js'
import type { Plot } from './document.js'
import { layout } from './layout.js'
import { coordinate, element, escaped } from './markup.js'
import { plotElement } from './plot-element.js'
import { type Quantity, valueText } from './quantity.js'
import { clipped, textWidth } from './text-width.js'
import { seriesCount } from './theme.js'

export interface Bar {
  readonly name: string
  readonly value: number
  readonly spread?: readonly [low: number, high: number]
  /** Behind the figure: `1.25 ×`. */
  readonly note?: string
  /** Bars of the same kind have the same colour. */
  readonly kind?: number
}

export interface BarPlotOptions {
  readonly title: string
  readonly description: string
  readonly quantity: Quantity
  /** What the whiskers are. */
  readonly spreadText?: string
  readonly bars: readonly Bar[]
}

/** Beyond these, the table has the rest: nobody compares by scrolling. */
const barsMax = 32
const row = { height: 42, barHeight: 14, barDrop: 22 } as const
const [left, right] = [4, layout.width - 8]

export function barPlot({ title, description, quantity, bars, spreadText }: BarPlotOptions): Plot {
  const shown = bars.slice(0, barsMax)
  const values = shown.flatMap(({ value, spread = [] }) => [value, ...spread])
  const axis = axisOf({ quantity, scale: 'linear', includes: [0], isTight: true }, values, {
    range: [left, right],
    tickCount: 5,
  })
  const top = layout.titleBaseline + 12
  const rows = shown.map((bar, index) => drawBar(bar, quantity, axis.place, top + index * row.height))
  const rest = bars.length - shown.length
  const notes = [
    ...(spreadText === undefined ? [] : [spreadText]),
    ...(rest > 0 ? [`${rest} more in the figures`] : []),
  ]
  const below = top + shown.length * row.height
  const words = notes.map((note, index) =>
    element('text', { class: 'quiet', x: left, y: below + 14 + index * layout.legendRow }, escaped(note)),
  )
  return {
    title,
    svg: plotElement({ title, description, height: below + notes.length * layout.legendRow + 6 }, [...rows, ...words]),
    figures: {
      caption: title,
      columns: [
        { name: '', isFigure: false },
        ...['value', 'low', 'high', ''].map((name) => ({ name, isFigure: true })),
      ],
      rows: bars.map(({ name, value, spread = [], note = '' }) => [
        name,
        valueText(quantity, value),
        valueText(quantity, spread[0] ?? Number.NaN),
        valueText(quantity, spread[1] ?? Number.NaN),
        note,
      ]),
    },
    readings: [],
  }
}

function drawBar(
  { name, value, spread, note, kind = 0 }: Bar,
  quantity: Quantity,
  place: (value: number) => number,
  top: number,
): string {
  const figure = `${valueText(quantity, value)}${note === undefined ? '' : `, ${note}`}`
  const room = right - left - textWidth(figure, layout.fontSize) - 10
  const short = clipped(name, layout.fontSize, room)
  const whole = short === name ? '' : `<title>${escaped(name)}</title>`
  const end = place(value)
  const y = top + row.barDrop
  return [
    `<g>${whole}`,
    element('text', { x: left, y: top + 16 }, escaped(short)),
    element('text', { class: 'end', x: right, y: top + 16 }, escaped(figure)),
    Number.isFinite(end) && end > left
      ? element('rect', {
          class: `bar fill-${kind % seriesCount} stroke-${kind % seriesCount}`,
          x: left,
          y,
          width: end - left,
          height: row.barHeight,
        })
      : '',
    spread === undefined ? '' : whisker(place(spread[0]), place(spread[1]), y + row.barHeight / 2),
    '</g>',
  ].join('')
}

function whisker(low: number, high: number, y: number): string {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return ''
  const [from, to] = [coordinate(low), coordinate(high)]
  const d = `M${from},${y - 5}v10M${from},${y}H${to}M${to},${y - 5}v10`
  return element('path', { class: 'whisker', d })
}
