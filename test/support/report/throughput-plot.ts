/** A plot over time as small as can be, and where its seconds are. */
import { timePlot } from '../../../src/report/curve-plots.js'
import type { Plot } from '../../../src/report/document.js'
import { layout } from '../../../src/report/layout.js'
import { rate } from '../../../src/report/quantity.js'
import type { Point } from '../../../src/report/thin-points.js'

export const area = { left: layout.left, right: layout.width - layout.right }

/** Of the moment on an axis `of` so many seconds. */
export const placeOf = (seconds: number, of: number): number => area.left + ((area.right - area.left) * seconds) / of

export const throughput = (points: readonly Point[], more: Partial<Parameters<typeof timePlot>[0]> = {}): Plot =>
  timePlot({
    title: 'Throughput',
    description: 'd',
    y: { quantity: rate, scale: 'linear', includes: [0] },
    lines: [{ name: 'read', points }],
    ...more,
  })
