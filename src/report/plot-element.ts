/** What surrounds every plot: the element, its title, and words for those who hear it. */
import type { Area } from './draw-axes.js'
import { layout } from './layout.js'
import { element, escaped } from './markup.js'
import { clipped } from './text-width.js'

interface PlotFrame {
  readonly title: string
  readonly description: string
  readonly height: number
  /** Where a crosshair may go; none without. */
  readonly area?: Area
}

export function plotElement({ title, description, height, area }: PlotFrame, inside: readonly string[]): string {
  const { width, left, right, titleBaseline, titleSize } = layout
  const heading = element(
    'text',
    { class: 'title', x: 2, y: titleBaseline },
    escaped(clipped(title, titleSize, width - 4)),
  )
  const cross = area === undefined ? {} : { 'data-area': [left, area.top, width - right, area.bottom].join(' ') }
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'plot',
    role: 'img',
    viewBox: `0 0 ${width} ${height}`,
    'aria-label': title,
    ...cross,
  }
  const paper = element('rect', { class: 'paper', width, height })
  const words = `<title>${escaped(title)}</title><desc>${escaped(description)}</desc>`
  return element('svg', attributes, [words, paper, heading, ...inside].join(''))
}
