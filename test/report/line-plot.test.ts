/** Lines, marks and axes: what is where, and what is kept of long lines. */
import { describe, expect, it } from 'vitest'
import { countPlot } from '../../src/report/curve-plots.js'
import { percentilePlot } from '../../src/report/distribution-plots.js'
import { layout } from '../../src/report/layout.js'
import { bandwidth, latency, rate } from '../../src/report/quantity.js'
import { type Point, pointsMax, thinned } from '../../src/report/thin-points.js'
import { heightOf, linesOf, marksOf, textsOf } from '../support/report/svg-reading.js'
import { area, placeOf, throughput } from '../support/report/throughput-plot.js'

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

  it('that overlap are one band, which hides nothing', () => {
    const marks = Array.from({ length: 40 }, (_, index) => ({ at: 10 + index / 10, until: 20 + index / 4, text: 'm' }))
    const { svg } = throughput(points, { marks: [...marks, { at: 50, until: 55, text: 'later' }] })
    const bands = [...svg.matchAll(/<rect class="band" x="([\d.]+)"[^>]* width="([\d.]+)"/g)]
    expect(bands.map(([, x, width]) => [Number(x), Number(x) + Number(width)])).toEqual([
      [expect.closeTo(placeOf(10, 60), 0), expect.closeTo(placeOf(29.75, 60), 0)],
      [expect.closeTo(placeOf(50, 60), 0), expect.closeTo(placeOf(55, 60), 0)],
    ])
    // No stack of badges higher than a few.
    expect(heightOf(svg)).toBeLessThan(heightOf(throughput(points).svg) + 3 * 18 + 8 * layout.legendRow)
  })

  it('by the hundred do not push the plot away', () => {
    const marks = Array.from({ length: 500 }, (_, index) => ({ at: index / 10, text: `snapshot ${index}` }))
    const { svg } = throughput(points, { marks })
    const badges = [...svg.matchAll(/<rect class="badge"/g)].length / 2
    expect(badges).toBeLessThanOrEqual(12)
    expect(textsOf(svg)).toContain(`and ${500 - badges} more without a number`)
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
