/**
 * A strict reader of Prometheus's text format 0.0.4, and of what histograms must be. Fails at the first thing that is wrong; takes
 * nothing that promtool would refuse. Source: Prometheus's docs/instrumenting/exposition_formats.md.
 */
import { expect } from 'vitest'

export interface ReadSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ReadMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: ReadSample[]
}

export class PrometheusText {
  readonly metrics = new Map<string, ReadMetric>()
  readonly #series = new Map<string, number>()

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line does not end')
    let current: ReadMetric | undefined
    const lines = text.slice(0, -1).split('\n')
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? ''
      if (line === '') continue
      if (!line.startsWith('#')) {
        this.#take(line, current)
        continue
      }
      const [, name = '', help = ''] = /^# HELP ([a-z_][a-z0-9_]*) (.+)$/.exec(line) ?? []
      const [, typed, type = ''] =
        /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram|summary)$/.exec(lines[++at] ?? '') ?? []
      if (name === '' || typed !== name) throw new Error(`no HELP with its TYPE: ${line}`)
      if (/\\[^\\n]/.test(help.replaceAll('\\\\', ''))) throw new Error(`a bad escape: ${line}`)
      if (this.metrics.has(name)) throw new Error(`${name} comes twice`)
      current = { name, help, type, samples: [] }
      this.metrics.set(name, current)
    }
    for (const metric of this.metrics.values()) if (metric.type === 'histogram') checkHistogram(metric)
  }

  /** The value of one series; labels in any order. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.#series.get(seriesKey(name, labels))
  }

  /** Every series of a metric, each as its labels' values joined by spaces. */
  series(name: string): Readonly<Record<string, number>> {
    const { samples } = this.metrics.get(name) ?? { samples: [] }
    return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
  }

  /** All series that only ever go up: counters, and what histograms count. */
  *rising(): Iterable<readonly [series: string, value: number]> {
    for (const { samples, type } of this.metrics.values()) {
      if (type !== 'counter' && type !== 'histogram') continue
      for (const { labels, name, value } of samples) yield [seriesKey(name, labels), value]
    }
  }

  #take(line: string, current: ReadMetric | undefined): void {
    const [, name = '', inBraces, number = ''] =
      /^([a-z_][a-z0-9_]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? []
    if (current === undefined || !belongsTo(name, current)) throw new Error(`outside of its metric: ${line}`)
    const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number)
    if (Number.isNaN(value) && number.toLowerCase() !== 'nan') throw new Error(`no number: ${line}`)
    const labels = labelsOf(inBraces ?? '', line)
    const key = seriesKey(name, labels)
    if (this.#series.has(key)) throw new Error(`twice: ${line}`)
    if (current.type === 'counter' && !(value >= 0)) throw new Error(`a counter below zero: ${line}`)
    this.#series.set(key, value)
    current.samples.push({ name, labels, value })
  }
}

const seriesKey = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`

const belongsTo = (name: string, metric: ReadMetric): boolean =>
  metric.type === 'histogram'
    ? ['_bucket', '_sum', '_count'].some((suffix) => name === `${metric.name}${suffix}`)
    : name === metric.name

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const [whole, name, value] = /^([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?!$)|$)/.exec(rest) ?? []
    if (whole === undefined || name === undefined || name in labels) throw new Error(`bad labels: ${line}`)
    labels[name] = (value ?? '').replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    rest = rest.slice(whole.length)
  }
  return labels
}

/** Bounds rise and end with +Inf, counts never fall, the last one is `_count`, and there is a `_sum`. */
function checkHistogram({ name, samples }: ReadMetric): void {
  const byLabels = new Map<string, ReadSample[]>()
  for (const sample of samples) {
    const { le: _, ...others } = sample.labels
    const key = JSON.stringify(others)
    byLabels.set(key, [...(byLabels.get(key) ?? []), sample])
  }
  for (const [key, own] of byLabels) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)))
    const counts = buckets.map(({ value }) => value)
    const rises = (values: readonly number[]) => values.toSorted((a, b) => a - b)
    expect(bounds, `${name} ${key}: bounds`).toEqual(rises([...new Set(bounds)]))
    expect(bounds.at(-1), `${name} ${key}: the last bound`).toBe(Number.POSITIVE_INFINITY)
    expect(counts, `${name} ${key}: counts`).toEqual(rises(counts))
    const [count] = own.filter((sample) => sample.name === `${name}_count`)
    expect(count?.value, `${name} ${key}: count`).toBe(counts.at(-1))
    const [sum] = own.filter((sample) => sample.name === `${name}_sum`)
    expect(sum?.value, `${name} ${key}: sum`).toBeGreaterThanOrEqual(0)
  }
}
