/** Plots as SVG: what is where, what is kept of long lines, and what odd input does. */
import { describe, expect, it } from 'vitest'
import { barPlot } from '../../src/report/bar-plot.js'
import { countPlot, timePlot } from '../../src/report/curve-plots.js'
import { logarithmicBars, merged, percentileCurve, valueAt } from '../../src/report/distribution.js'
import { histogramPlot, percentilePlot } from '../../src/report/distribution-plots.js'
import { layout } from '../../src/report/layout.js'
import { bandwidth, latency, rate, share, valueText } from '../../src/report/quantity.js'
import { svgFile } from '../../src/report/svg-file.js'
import { themes } from '../../src/report/theme.js'
import { type Point, pointsMax, thinned } from '../../src/report/thin-points.js'
import { heightOf, linesOf, marksOf, textsOf } from '../support/report/svg-reading.js'

const area = { left: layout.left, right: layout.width - layout.right }
const placeOf = (seconds: number, of: number): number => area.left + ((area.right - area.left) * seconds) / of

const throughput = (points: readonly Point[], more: Partial<Parameters<typeof timePlot>[0]> = {}) =>
  timePlot({
    title: 'Throughput',
    description: 'd',
    y: { quantity: rate, scale: 'linear', includes: [0] },
    lines: [{ name: 'read', points }],
    ...more,
  })

describe('a line', () => {
  it('goes from its first point to its last, with greater values higher', () => {
    const [line = []] = linesOf(
      throughput([
        [0, 0],
        [5, 50],
        [10, 100],
      ] as const).svg,
    )
    expect(line.map(([x]) => x)).toEqual([area.left, placeOf(5, 10), area.right])
    const bottom = layout.headHeight + layout.areaHeight
    expect(line.map(([, y]) => y)).toEqual([bottom, bottom - layout.areaHeight / 2, layout.headHeight])
  })

  it('is broken where a value is missing, and a point between two gaps is still there', () => {
    const { svg } = throughput([
      [0, 10],
      [1, 12],
      [2, Number.NaN],
      [3, 11],
      [4, Number.NaN],
      [5, 10],
      [6, 11],
    ])
    const path = /<path class="line stroke-0" d="([^"]+)"/.exec(svg)?.[1] ?? ''
    expect(path.match(/M/g)).toHaveLength(3)
    expect(path).toMatch(/M[\d.]+,[\d.]+Z/)
  })

  it('keeps its spikes and its holes when it is thinned', () => {
    const points = Array.from({ length: 100_000 }, (_, index): Point => {
      const spike = index === 54_321 ? 1e6 : index === 77_777 ? Number.NaN : 100 + (index % 7)
      return [index, index === 12_345 ? 1 : spike]
    })
    const kept = thinned(points)
    expect(kept.length).toBeLessThanOrEqual(pointsMax)
    expect(kept.length).toBeGreaterThan(pointsMax / 2)
    for (const index of [0, 12_345, 54_321, 77_777, 99_999]) expect(kept).toContain(points[index])
    expect(kept.toSorted(([one], [other]) => one - other)).toEqual(kept)
    expect(throughput(points).svg.length).toBeLessThan(20_000)
  })

  it('is left as it is when it is short', () => {
    const points: readonly Point[] = [
      [0, 1],
      [1, 2],
    ]
    expect(thinned(points)).toBe(points)
  })

  it('can be told from the others without its colour', () => {
    const lines = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, index) => ({ name, points: [[0, index]] as const }))
    const shapes = (style: 'marked' | 'steps', pattern: RegExp) => {
      const { svg } = throughput([], { lines: lines.map((line) => ({ ...line, style })) })
      return new Set([...svg.matchAll(pattern)].map(([, found]) => found)).size
    }
    expect(shapes('marked', /<g transform="[^"]+"><path class="fill-\d" d="([^"]+)"/g)).toBe(6)
    // The first one has no dashes.
    expect(shapes('steps', /stroke-dasharray="([^"]+)"/g)).toBe(5)
  })
})

describe('marks', () => {
  const points: readonly Point[] = [
    [0, 1],
    [60, 2],
  ]

  it('stand at their moments, whatever order they come in', () => {
    const marks = [
      { at: 30, text: 'kill-worker 0', isFailure: true },
      { at: 5, text: 'snapshot monday' },
      { at: 20, until: 41.5, text: 'merge monday' },
    ]
    const { svg } = throughput(points, { marks })
    expect(marksOf(svg)).toEqual([5, 20, 30].map((at) => Math.round(placeOf(at, 60) * 10) / 10))
    const band = /<rect class="band" x="([\d.]+)"[^>]* width="([\d.]+)"/.exec(svg) ?? []
    expect(Number(band[1])).toBeCloseTo(placeOf(20, 60), 0)
    expect(Number(band[1]) + Number(band[2])).toBeCloseTo(placeOf(41.5, 60), 0)
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['5 s: snapshot monday', '20 s to 41.5 s: merge monday', '30 s: kill-worker 0, failed']),
    )
  })

  it('that are close get badges above each other', () => {
    const marks = [5, 5.1, 5.2, 40].map((at) => ({ at, text: `at ${at}` }))
    const badges = [...throughput(points, { marks }).svg.matchAll(/<rect class="badge" x="([\d.]+)" y="([\d.]+)"/g)]
    const boxes = badges.slice(0, marks.length).map(([, x, y]) => ({ x: Number(x), y: Number(y) }))
    for (const [index, one] of boxes.entries()) {
      for (const other of boxes.slice(index + 1)) {
        expect(Math.abs(one.x - other.x) >= 18 || Math.abs(one.y - other.y) >= 16).toBe(true)
      }
    }
  })

  it('by the hundred do not push the plot away', () => {
    const marks = Array.from({ length: 500 }, (_, index) => ({ at: index / 10, text: `snapshot ${index}` }))
    const { svg } = throughput(points, { marks })
    expect(textsOf(svg)).toContain('and 488 more without a number')
    expect(marksOf(svg)).toHaveLength(200)
    expect(heightOf(svg)).toBeLessThan(800)
  })

  it('beyond the last point make the axis longer', () => {
    const { svg } = throughput(points, { seconds: 60, marks: [{ at: 90, text: 'late' }] })
    expect(marksOf(svg)).toEqual([area.right])
  })
})

describe('axes', () => {
  it('say units, and put bytes in powers of 1024', () => {
    const { svg } = throughput(
      [
        [0, 0],
        [10, 200 * 2 ** 20],
      ],
      { y: { quantity: bandwidth, scale: 'linear', includes: [0] } },
    )
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['MiB/s', '0', '100', '200', 'time (s)']))
  })

  it('of latencies are logarithmic: decades are equally far apart', () => {
    const plot = throughput(
      [
        [0, 1e3],
        [1, 1e4],
        [2, 1e6],
        [3, 0],
      ],
      { y: { quantity: latency, scale: 'log' } },
    )
    const [line = []] = linesOf(plot.svg)
    const ys = line.map(([, y]) => y)
    expect(ys).toHaveLength(3)
    expect((ys[0] ?? 0) - (ys[1] ?? 0)).toBeCloseTo(((ys[0] ?? 0) - (ys[2] ?? 0)) / 3, 0)
    expect(textsOf(plot.svg)).toEqual(expect.arrayContaining(['1 µs', '10 µs', '100 µs', '1 ms']))
  })

  it('of many decades have texts that do not touch', () => {
    const { svg } = throughput(
      [
        [0, 1e-12],
        [1, 1e18],
      ],
      { y: { quantity: latency, scale: 'log' } },
    )
    const ys = [...svg.matchAll(/<text class="end" x="[\d.]+" y="([\d.]+)"/g)].map(([, y]) => Number(y))
    expect(ys.length).toBeGreaterThan(3)
    for (const [index, y] of ys.slice(1).entries()) expect((ys[index] ?? 0) - y).toBeGreaterThan(layout.fontSize)
  })

  it('of percentiles give every nine the same room', () => {
    const buckets = Array.from({ length: 20_000 }, (_, index) => [index + 1, 1] as const)
    const { svg } = percentilePlot({ title: 'p', distributions: [{ name: 'read', buckets }] })
    const ticks = new Map(
      [...svg.matchAll(/<text class="middle" x="([\d.]+)"[^>]*>([\d.]+)</g)].map(([, x, text]) => [text, x]),
    )
    const places = ['90', '99', '99.9', '99.99'].map((text) => Number(ticks.get(text)))
    const gaps = places.slice(1).map((place, index) => place - (places[index] ?? 0))
    for (const gap of gaps) expect(gap).toBeCloseTo(gaps[0] ?? 0, 0)
    expect(gaps[0]).toBeGreaterThan(20)
  })

  it('of numbers have a tick at every number, 0 among them, and none on top of another', () => {
    const counts = [0, 1, 2, 4, 8, 16, 32, 64]
    const { svg } = countPlot({
      title: 'n',
      description: 'd',
      counted: 'snapshots',
      y: { quantity: rate, scale: 'linear', includes: [0] },
      lines: [{ name: 'read', points: counts.map((count) => [count, 100 / (1 + count)]) }],
    })
    const ticks = [...svg.matchAll(/<text class="middle" x="([\d.]+)"[^>]*>(\d+)</g)].map(([, x, text]) => ({
      x: Number(x),
      text,
    }))
    expect(ticks.map(({ text }) => text)).toEqual(counts.map(String))
    for (const [index, { x }] of ticks.slice(1).entries()) expect(x - (ticks[index]?.x ?? 0)).toBeGreaterThan(16)
  })

  it('leave out texts that have no room', () => {
    const points = Array.from({ length: 100 }, (_, index): Point => [index, 1])
    const { svg } = countPlot({
      title: 'n',
      description: 'd',
      counted: 'snapshots',
      y: { quantity: rate, scale: 'linear' },
      lines: [{ name: 'read', points }],
    })
    const ticks = [...svg.matchAll(/<text class="(?:middle|end)" x="([\d.]+)" y="257">/g)].map(([, x]) => Number(x))
    expect(ticks.length).toBeGreaterThan(5)
    for (const [index, x] of ticks.slice(1).entries()) expect(x - (ticks[index] ?? 0)).toBeGreaterThan(16)
  })
})

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
    const widths = [...svg.matchAll(/<rect class="fill-0"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width))
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
