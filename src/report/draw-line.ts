/** A line, or an area, as SVG; gaps stay gaps, and a point between two gaps is a dot. */
import { area, curveLinear, curveStepAfter, line, symbol, symbolsFill } from 'd3-shape'
import type { Axis } from './axis.js'
import { coordinate, element } from './markup.js'
import { dashes, seriesCount } from './theme.js'
import type { Point } from './thin-points.js'

export interface Line {
  readonly name: string
  readonly points: readonly Point[]
  /** `marked`, by default: straight from point to point, with markers. `steps`: a value holds until the next one, filled. */
  readonly style?: 'marked' | 'steps'
}

/** On lines with more points than these, markers are spread out. */
const markedPointsMax = 20
const spreadMarkers = 7
const markerArea = 44
const sampleLength = 24

/** `index` among the lines of its plot: colour, marker and dashes. */
export function drawLine({ points, style = 'marked' }: Line, index: number, x: Axis, y: Axis, bottom: number): string {
  const placed = points.map(([at, value]): Point => [x.place(at), y.place(value)])
  const colour = index % seriesCount
  const isStepped = style === 'steps'
  const curve = isStepped ? curveStepAfter : curveLinear
  const path = line<Point>().defined(isPlaced).curve(curve).digits(1)([...placed])
  const filled = area<Point>()
    .defined(isPlaced)
    .curve(curve)
    .digits(1)
    .x(([at]) => at)
    .y0(bottom)
    .y1(([, value]) => value)
  const below = isStepped ? (filled([...placed]) ?? '') : ''
  return [
    below === '' ? '' : element('path', { class: `area fill-${colour}`, d: below }),
    path === null || path === ''
      ? ''
      : element('path', { class: `line stroke-${colour}`, d: path, ...dashOf(isStepped, index) }),
    isStepped ? '' : markers(placed.filter(isPlaced), index),
  ].join('')
}

const isPlaced = (point: Point): boolean => point.every(Number.isFinite)

const dashOf = (isStepped: boolean, index: number) => {
  const dash = dashes[index % dashes.length]
  return isStepped && dash !== 'none' ? { 'stroke-dasharray': dash } : {}
}

function markers(placed: readonly Point[], index: number): string {
  if (placed.length <= markedPointsMax) return placed.map(([at, value]) => marker(index, at, value)).join('')
  // Lines begin at different places, so that the markers of two that run together do not cover each other.
  const first = (index % seriesCount) / seriesCount
  const [from, to] = [placed[0]?.[0] ?? 0, placed.at(-1)?.[0] ?? 0]
  return Array.from({ length: spreadMarkers }, (_, one) => from + ((to - from) * (one + first)) / spreadMarkers)
    .map((at) => placed.find(([x]) => x >= at))
    .map((point) => (point === undefined ? '' : marker(index, ...point)))
    .join('')
}

function marker(index: number, at: number, value: number): string {
  const shape = symbolsFill[index % symbolsFill.length]
  if (shape === undefined) return ''
  const d = symbol(shape, markerArea).digits(1)() ?? ''
  return `<g transform="translate(${coordinate(at)} ${coordinate(value)})">${element('path', { class: `fill-${index % seriesCount}`, d })}</g>`
}

/** What stands for the line in a legend. */
export function lineSample({ style = 'marked' }: Line, index: number) {
  return (left: number, baseline: number): string => {
    const [middle, colour] = [baseline - 4, index % seriesCount]
    const stroke = element('path', {
      class: `line stroke-${colour}`,
      d: `M${coordinate(left)},${middle}h${sampleLength}`,
      ...dashOf(style === 'steps', index),
    })
    return stroke + (style === 'steps' ? '' : marker(index, left + sampleLength / 2, middle))
  }
}
