/** Lines over time, over percentiles or over numbers, with marks of what happened. */
import { type AxisChoice, axisOf } from './axis.js'
import type { Plot } from './document.js'
import { drawAxes } from './draw-axes.js'
import { drawLine, type Line, lineSample } from './draw-line.js'
import { eventMarks, type Mark } from './event-marks.js'
import { layout } from './layout.js'
import { drawLegend } from './legend.js'
import { lineFigures, lineReadings } from './line-figures.js'
import { element } from './markup.js'
import { plotElement } from './plot-element.js'
import { thinned } from './thin-points.js'

export interface LinePlotOptions {
  readonly title: string
  /** What it shows, in a sentence, for those who hear it. */
  readonly description: string
  readonly x: AxisChoice
  readonly y: AxisChoice
  readonly lines: readonly Line[]
  readonly marks?: readonly Mark[]
}

const tickCount = 5

export function linePlot(options: LinePlotOptions): Plot {
  const { title, marks = [] } = options
  const lines = options.lines.map((line) => ({ ...line, points: thinned(line.points) }))
  const points = lines.flatMap((line) => line.points.filter((point) => point.every(Number.isFinite)))
  const x = axisOf(options.x, [...points.map(([at]) => at), ...marks.map(({ at }) => at)], {
    range: [layout.left, layout.width - layout.right],
    tickCount,
  })
  const drawnMarks = eventMarks(marks, x)
  const top = layout.headHeight + drawnMarks.height
  const bottom = top + layout.areaHeight
  const y = axisOf(
    options.y,
    points.map(([, value]) => value),
    { range: [bottom, top], tickCount },
  )
  const legend = drawLegend(
    [...lines.map((line, index) => ({ sample: lineSample(line, index), text: line.name })), ...drawnMarks.legend],
    bottom + layout.footHeight,
  )
  const nothing = points.length === 0 ? nothingMeasured((top + bottom) / 2) : ''
  const inside = [
    drawAxes(x, y, { top, bottom }),
    drawnMarks.draw({ top, bottom }),
    ...lines.map((line, index) => drawLine(line, index, x, y, bottom)),
    nothing,
    legend.svg,
  ]
  return {
    title,
    svg: plotElement(
      { ...options, height: bottom + layout.footHeight + legend.height + 6, area: { top, bottom } },
      inside,
    ),
    figures: lineFigures(title, options.lines, options),
    readings: lineReadings(lines, options, x, y),
  }
}

const nothingMeasured = (y: number): string =>
  element(
    'text',
    { class: 'quiet middle', x: (layout.left + layout.width - layout.right) / 2, y },
    'nothing was measured',
  )
