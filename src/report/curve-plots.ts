/** Lines over time, and curves over a number of things. */
import type { AxisChoice } from './axis.js'
import type { Plot } from './document.js'
import type { Line } from './draw-line.js'
import type { Mark } from './event-marks.js'
import { linePlot } from './line-plot.js'
import { plain, time } from './quantity.js'

interface TimePlotOptions {
  readonly title: string
  readonly description: string
  readonly y: AxisChoice
  /** Points at seconds. */
  readonly lines: readonly Line[]
  readonly marks?: readonly Mark[]
  /** How long the axis is at least. */
  readonly seconds?: number
}

export const timePlot = ({ seconds = 0, ...options }: TimePlotOptions): Plot =>
  linePlot({
    ...options,
    x: { quantity: time, scale: 'linear', label: 'time', includes: [0, seconds], isTight: true },
  })

interface CountPlotOptions {
  readonly title: string
  readonly description: string
  /** What is counted: `snapshots`. */
  readonly counted: string
  readonly y: AxisChoice
  readonly lines: readonly Line[]
}

/** The counts are logarithmic, with room for 0. */
export const countPlot = ({ counted, ...options }: CountPlotOptions): Plot =>
  linePlot({ ...options, x: { quantity: plain, scale: 'counts', label: counted } })
