/** Lines in figures: a table of their ends and extremes, and what a crosshair says. */
import type { Axis, AxisChoice } from './axis.js'
import type { LineReadings, Table } from './document.js'
import type { Line } from './draw-line.js'
import { type Quantity, valueText } from './quantity.js'
import { type Point, thinned } from './thin-points.js'

/** Points of a line up to which the table has them all. */
const wholeTableMax = 16
/** About as many as a finger can tell apart. */
const readingsMax = 200

interface Axes {
  readonly x: AxisChoice
  readonly y: AxisChoice
}

export function lineFigures(caption: string, lines: readonly Line[], { x, y }: Axes): Table {
  const finite = lines.map(({ name, points }) => ({
    name,
    points: points.filter((point) => point.every(Number.isFinite)),
  }))
  const isWhole = finite.every(({ points }) => points.length <= wholeTableMax)
  return isWhole ? everyPoint(caption, finite, x, y) : extremes(caption, finite, y.quantity)
}

function everyPoint(caption: string, lines: readonly Line[], x: AxisChoice, y: AxisChoice): Table {
  const places = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((one, other) => one - other)
  return {
    caption,
    columns: [{ name: x.label ?? '', isFigure: true }, ...lines.map(({ name }) => ({ name, isFigure: true }))],
    rows: places.map((place) => [
      placeText(x, place),
      ...lines.map(({ points }) => valueText(y.quantity, points.find(([at]) => at === place)?.[1] ?? Number.NaN)),
    ]),
  }
}

function extremes(caption: string, lines: readonly Line[], quantity: Quantity): Table {
  const names = ['first', 'least', 'median', 'greatest', 'last']
  return {
    caption,
    columns: [{ name: '', isFigure: false }, ...names.map((name) => ({ name, isFigure: true }))],
    rows: lines.map(({ name, points }) => {
      const values = points.map(([, value]) => value)
      const sorted = values.toSorted((one, other) => one - other)
      const figures = [values[0], sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1), values.at(-1)]
      return [name, ...figures.map((value) => valueText(quantity, value ?? Number.NaN))]
    }),
  }
}

/** `x` and `y` are the axes that the lines are drawn on. */
export function lineReadings(lines: readonly Line[], choices: Axes, x: Axis, y: Axis): readonly LineReadings[] {
  return lines.map(({ name, points }) => ({
    name,
    at: thinned(points, readingsMax)
      .filter(([at, value]) => Number.isFinite(x.place(at)) && Number.isFinite(y.place(value)))
      .map(([at, value]: Point) => [
        Math.round(x.place(at) * 10) / 10,
        placeText(choices.x, at),
        valueText(choices.y.quantity, value),
      ]),
  }))
}

/** A percentile of many nines needs all its digits; a time must tell an interval from the next. */
function placeText({ scale, quantity }: AxisChoice, at: number): string {
  if (scale === 'percentile') return `${Number((at * 100).toPrecision(9))} %`
  return scale === 'linear' ? valueText([quantity[0]], Math.round(at * 10) / 10) : valueText(quantity, at)
}
