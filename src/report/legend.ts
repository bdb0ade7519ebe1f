/** What is what, below a plot: a sample and a text each, as many in a row as fit. */
import { layout } from './layout.js'
import { element, escaped } from './markup.js'
import { clipped, textWidth } from './text-width.js'

export interface LegendEntry {
  readonly sample: (left: number, baseline: number) => string
  readonly text: string
}

const sampleWidth = 30
const gap = 14
const margin = 8

export interface DrawnLegend {
  readonly svg: string
  readonly height: number
}

export function drawLegend(entries: readonly LegendEntry[], top: number): DrawnLegend {
  let [left, row] = [margin, 0]
  const drawn = entries.map(({ sample, text }) => {
    const short = clipped(text, layout.fontSize, layout.width - 2 * margin - sampleWidth)
    const width = sampleWidth + textWidth(short, layout.fontSize)
    if (left > margin && left + width > layout.width - margin) [left, row] = [margin, row + 1]
    const baseline = top + row * layout.legendRow + 13
    const words = element('text', { x: left + sampleWidth, y: baseline }, escaped(short))
    const whole = short === text ? '' : `<title>${escaped(text)}</title>`
    const svg = `<g>${whole}${sample(left, baseline)}${words}</g>`
    left += width + gap
    return svg
  })
  return { svg: drawn.join(''), height: entries.length === 0 ? 0 : (row + 1) * layout.legendRow }
}
