/** Axes as SVG: the grid, the ticks' texts, and what is measured. */
import type { Axis, Tick } from './axis.js'
import { layout } from './layout.js'
import { element, escaped } from './markup.js'
import { textWidth } from './text-width.js'

const { left, right, width, fontSize } = layout

export interface Area {
  readonly top: number
  readonly bottom: number
}

export function drawAxes(x: Axis, y: Axis, { top, bottom }: Area): string {
  const grid = y.ticks.map(({ at }) => rule(left, at, width - right, at))
  const base = rule(left, bottom, width - right, bottom)
  const yTexts = y.ticks.map(({ at, text }) => label(left - 6, at + 4.5, text, 'end'))
  const xTexts = apart(x.ticks).map((tick) => underneath(tick, bottom + layout.tickDrop))
  const stubs = x.ticks.map(({ at }) => rule(at, bottom, at, bottom + 4))
  return [
    ...grid,
    rule(left, top, left, bottom),
    base,
    ...stubs,
    ...yTexts,
    ...xTexts,
    label(2, layout.labelBaseline, y.label, 'quiet'),
    label((left + width - right) / 2, bottom + layout.labelDrop, x.label, 'quiet middle'),
  ].join('')
}

const rule = (x1: number, y1: number, x2: number, y2: number): string =>
  element('line', { class: 'rule', x1, y1, x2, y2 })

const label = (x: number, y: number, text: string, kind: string): string =>
  text === '' ? '' : element('text', { class: kind, x, y }, escaped(text))

/** Centred, unless it would stick out. */
function underneath({ at, text }: Tick, y: number): string {
  const half = textWidth(text, fontSize) / 2
  return at + half > width ? label(width - 1, y, text, 'end') : label(at, y, text, 'middle')
}

/** Without the texts that would touch the one before. */
function apart(ticks: readonly Tick[]): readonly Tick[] {
  let end = Number.NEGATIVE_INFINITY
  return ticks.filter(({ at, text }) => {
    const span = textWidth(text, fontSize)
    const from = Math.min(at - span / 2, width - span)
    if (from < end) return false
    end = from + span + 6
    return true
  })
}
