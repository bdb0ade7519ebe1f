/** Distributions, bars, files and colours, and what odd input does to any plot. */
import { describe, expect, it } from 'vitest'
import { barPlot } from '../../src/report/bar-plot.js'
import { countPlot } from '../../src/report/curve-plots.js'
import { logarithmicBars, merged, percentileCurve, valueAt } from '../../src/report/distribution.js'
import { histogramPlot, percentilePlot } from '../../src/report/distribution-plots.js'
import { latency, rate, share, valueText } from '../../src/report/quantity.js'
import { svgFile } from '../../src/report/svg-file.js'
import { themes } from '../../src/report/theme.js'
import type { Point } from '../../src/report/thin-points.js'
import { linesOf, textsOf } from '../support/report/svg-reading.js'
import { throughput } from '../support/report/throughput-plot.js'

describe('distributions', () => {
  it('find the value at a share, and add up', () => {
    const buckets = merged([
      [[10, 1]],
      [
        [5, 98],
        [10, 1],
      ] as const,
    ])
    expect(buckets).toEqual([
      [5, 98],
      [10, 2],
    ])
    expect(valueAt(buckets, 0.5)).toBe(5)
    expect(valueAt(buckets, 0.98)).toBe(5)
    expect(valueAt(buckets, 0.981)).toBe(10)
    expect(valueAt(buckets, 1)).toBe(10)
    expect(valueAt([], 0.5)).toBeUndefined()
  })

  it('as bars have every request once', () => {
    const bars = logarithmicBars([
      [0, 5],
      [950, 10],
      [1000, 30],
      [123_456, 60],
    ])
    expect(bars.reduce((sum, [, part]) => sum + part, 0)).toBeCloseTo(1)
    expect(bars.at(-1)?.[1]).toBe(0)
  })

  it('as curves rise to the greatest value, which is not infinitely far', () => {
    expect(
      percentileCurve([
        [1, 9],
        [2, 0],
        [100, 1],
      ] as const),
    ).toEqual([
      [0.9, 1],
      [0.95, 100],
    ])
  })

  it('are drawn with what was measured in figures beside', () => {
    const distributions = [{ name: 'read', buckets: [[1000, 9] as const, [2000, 1] as const] }]
    const { figures } = percentilePlot({ title: 'p', distributions })
    expect(figures.rows).toEqual([
      ['90 %', '1 µs'],
      ['95 %', '2 µs'],
    ])
    expect(linesOf(histogramPlot({ title: 'h', distributions }).svg)).toHaveLength(1)
  })
})

describe('bars', () => {
  const bars = [
    { name: 'before', value: 10_000, spread: [8000, 12_000] as const },
    { name: 'after', value: 5000, note: '0.5 ×' },
  ]

  it('are as long as their values, with whiskers from low to high', () => {
    const { svg, figures } = barPlot({ title: 'b', description: 'd', quantity: rate, bars })
    const widths = [...svg.matchAll(/<rect class="bar fill-0 stroke-0"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    )
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(2, 1)
    const [, low, high] = /<path class="whisker" d="M([\d.]+),.*M([\d.]+),/.exec(svg) ?? []
    expect((Number(high) - 4) / (Number(low) - 4)).toBeCloseTo(1.5, 1)
    expect(textsOf(svg)).toContain('5,000 IOPS, 0.5 ×')
    expect(figures.rows[0]).toEqual(['before', '10 kIOPS', '8,000 IOPS', '12 kIOPS', ''])
  })

  it('keep long names out of their figures, and whole for those who point at them', () => {
    const name = 'a name that is far too long for the room that there is beside its figure'
    const { svg } = barPlot({ title: 'b', description: 'd', quantity: rate, bars: [{ name, value: 1 }] })
    expect(textsOf(svg).some((text) => text.endsWith('…'))).toBe(true)
    expect(svg).toContain(`<title>${name}</title>`)
  })
})

describe('odd input', () => {
  const odd: Readonly<Record<string, readonly Point[]>> = {
    'no points': [],
    'one point': [[5, 5]],
    'only zeroes': [
      [0, 0],
      [1, 0],
    ],
    'equal values': [
      [3, 7],
      [3, 7],
    ],
    'nothing but gaps': [
      [0, Number.NaN],
      [1, Number.POSITIVE_INFINITY],
    ],
    'huge and tiny': [
      [0, 1e-300],
      [1e12, 1e300],
    ],
    'below zero': [
      [-5, -7],
      [5, -1],
    ],
  }
  for (const [name, points] of Object.entries(odd)) {
    it(`draws ${name} without places that are no numbers`, () => {
      const buckets = points.map(([at, value]) => [Math.abs(value) || at, 1] as const).filter(([at]) => at < 1e15)
      const plots = [
        ...(['linear', 'log'] as const).map((scale) => throughput(points, { y: { quantity: latency, scale } })),
        throughput(points, { lines: [{ name: 'a', points, style: 'steps' }], y: { quantity: share, scale: 'linear' } }),
        countPlot({
          title: 'n',
          description: 'd',
          counted: 'snapshots',
          y: { quantity: rate, scale: 'linear' },
          lines: [{ name: 'a', points: points.filter(([at]) => at >= 0) }],
        }),
        histogramPlot({ title: 'h', distributions: [{ name: 'a', buckets }] }),
        percentilePlot({ title: 'p', distributions: [{ name: 'a', buckets }] }),
        barPlot({
          title: 'b',
          description: 'd',
          quantity: rate,
          bars: points.map(([at, value]) => ({ name: 'a', value, spread: [at, value] as const })),
        }),
      ]
      for (const plot of plots) expect(JSON.stringify(plot)).not.toMatch(/NaN|Infinity|undefined|null/)
    })
  }

  it('says that nothing was measured', () => {
    expect(textsOf(throughput([]).svg)).toContain('nothing was measured')
    expect(textsOf(throughput([[0, 1]]).svg)).not.toContain('nothing was measured')
  })

  it('is said as a dash in figures', () => {
    expect(valueText(latency, Number.NaN)).toBe('–')
    expect(valueText(latency, 1234)).toBe('1.23 µs')
    expect(valueText(rate, 9999)).toBe('9,999 IOPS')
    expect(valueText(share, 0.5)).toBe('50 %')
  })
})

describe('a plot as a file', () => {
  it('brings its colours along, for light and dark, and loads nothing', () => {
    const file = svgFile(throughput([[0, 1]]))
    expect(file).toMatch(/^<\?xml[^>]*\?>\n<svg width="640"[^>]*viewBox=[^>]*><style>/)
    expect(file).toContain('@media (prefers-color-scheme:dark)')
    expect(file.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|href|url\(|@import|<script/)
  })

  it('says what it shows to those who do not see it', () => {
    const { svg } = throughput([[0, 1]], { description: 'requests <over> time' })
    expect(svg).toMatch(/^<svg[^>]*role="img"[^>]*aria-label="Throughput"/)
    expect(svg).toContain('<title>Throughput</title><desc>requests &lt;over&gt; time</desc>')
  })

  it('defines every colour it uses', () => {
    const file = svgFile(throughput([[0, 1]]))
    const used = new Set([...file.matchAll(/var\(--([\w-]+)\)/g)].map(([, name]) => name))
    for (const name of used) expect(file).toContain(`--${name}:`)
  })
})

describe('colours', () => {
  for (const [name, { paper, panel, ink, quiet, good, bad, series }] of Object.entries(themes)) {
    it(`can be read on ${name} paper`, () => {
      for (const colour of [ink, quiet, good, bad, ...series]) expect(contrast(colour, paper)).toBeGreaterThan(4.5)
      for (const colour of [ink, quiet, good, bad]) expect(contrast(colour, panel)).toBeGreaterThan(4.5)
    })
  }
})

/** As WCAG 2 defines it. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((first, second) => first - second)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
