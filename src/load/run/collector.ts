/** Adds up what lanes report: per job for the result, per interval for the series. */
import type { DirectionReport, LaneReport } from '../lane/tally.js'
import { LatencyHistogram, percentileOf } from '../result/latency-histogram.js'
import {
  type DirectionName,
  type DirectionPoint,
  type DirectionResult,
  directionNames,
  type JobResult,
  type SeriesPoint,
} from '../result/load-result.js'

/** A line of the result: one clone, or all jobs of a group. */
export type Row = Pick<JobResult, 'name' | 'group' | 'target' | 'options' | 'clones' | 'depth' | 'arrival'>

class Sum {
  requests = 0
  bytes = 0
  errors = 0
  readonly latency = new LatencyHistogram()
  readonly service = new LatencyHistogram()

  add({ bytes, errors, latency, requests, service }: DirectionReport): void {
    this.requests += requests
    this.bytes += bytes
    this.errors += errors
    this.latency.addCounts(latency)
    this.service.addCounts(service ?? latency)
  }
}

type Sums = Partial<Record<DirectionName, Sum>>

class RowSums {
  readonly row: Row
  readonly sums: Sums = {}
  fromMs = Number.POSITIVE_INFINITY
  toMs = 0
  failure: string | undefined

  constructor(row: Row) {
    this.row = row
  }
}

class Interval {
  readonly sums: Sums = {}
  /** Of all lanes: how much of it was still the ramp, and how much was not. */
  rampMs = 0
  measuredMs = 0
  fromMs = Number.POSITIVE_INFINITY
  toMs = 0
}

export class Collector {
  readonly #intervalMs: number
  readonly #rows: RowSums[] = []
  readonly #rowOfLane = new Map<number, RowSums>()
  readonly #series: SeriesPoint[] = []
  /** Intervals that may still get reports, by number. */
  readonly #open = new Map<number, Interval>()
  /** The first of those that may. */
  #firstOpen = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** What these lanes do is one line. */
  addRow(row: Row, lanes: readonly number[]): void {
    const sums = new RowSums(row)
    this.#rows.push(sums)
    for (const lane of lanes) this.#rowOfLane.set(lane, sums)
  }

  add({ directions, fromMs, isRamp, lane, toMs }: LaneReport): void {
    // A lane that was blocked reports late. What it has done counts where its report ends then, so that intervals do not overlap.
    const begun = Math.floor(fromMs / this.#intervalMs)
    const number = begun >= this.#firstOpen ? begun : Math.max(this.#firstOpen, Math.floor(toMs / this.#intervalMs))
    const interval = this.#open.get(number) ?? new Interval()
    this.#open.set(number, interval)
    interval[isRamp ? 'rampMs' : 'measuredMs'] += toMs - fromMs
    interval.fromMs = Math.min(interval.fromMs, Math.max(fromMs, number * this.#intervalMs))
    interval.toMs = Math.max(interval.toMs, toMs)
    addAll(interval.sums, directions)
    const row = this.#rowOfLane.get(lane)
    if (isRamp || row === undefined) return
    row.fromMs = Math.min(row.fromMs, fromMs)
    row.toMs = Math.max(row.toMs, toMs)
    addAll(row.sums, directions)
  }

  failed(lane: number, failure: string): void {
    const row = this.#rowOfLane.get(lane)
    if (row !== undefined) row.failure ??= failure
  }

  /** The last interval that all lanes have reported of, as far as one can tell. */
  get lastPoint(): SeriesPoint | undefined {
    return this.#series.at(-1)
  }

  /** Closes the intervals that ended before `nowMs`, but for the last: late reports are still on their way. */
  closeUntil(nowMs: number): void {
    const last = Math.floor(nowMs / this.#intervalMs) - 2
    for (const number of [...this.#open.keys()].sort((one, other) => one - other)) {
      if (number > last) break
      this.#close(number)
    }
    this.#firstOpen = Math.max(this.#firstOpen, last + 1)
  }

  series(): readonly SeriesPoint[] {
    this.closeUntil(Number.POSITIVE_INFINITY)
    return this.#series
  }

  jobs(): JobResult[] {
    return this.#rows.map(({ failure, fromMs, row, sums, toMs }) => {
      const seconds = Math.max(0, toMs - fromMs) / 1000
      const directions = byDirection((name) => resultOf(sums[name] ?? new Sum(), seconds))
      return { ...row, directions, ...(failure === undefined ? {} : { failure }) }
    })
  }

  #close(number: number): void {
    const interval = this.#open.get(number)
    this.#open.delete(number)
    if (interval === undefined) return
    const { fromMs, measuredMs, rampMs, sums, toMs } = interval
    const point: SeriesPoint = {
      atSeconds: toMs / 1000,
      seconds: (toMs - fromMs) / 1000,
      isRamp: rampMs > measuredMs,
      directions: byDirection((name) => pointOf(sums[name])),
    }
    if (point.seconds > 0) this.#series.push(point)
  }
}

function addAll(sums: Sums, directions: LaneReport['directions']): void {
  for (const name of directionNames) {
    const report = directions[name]
    if (report === undefined) continue
    sums[name] ??= new Sum()
    sums[name].add(report)
  }
}

const byDirection = <Value>(make: (name: DirectionName) => Value): Record<DirectionName, Value> => ({
  read: make('read'),
  write: make('write'),
  trim: make('trim'),
  sync: make('sync'),
})

function resultOf({ bytes, errors, latency, requests, service }: Sum, seconds: number): DirectionResult {
  return {
    requests,
    bytes,
    errors,
    seconds: requests === 0 ? 0 : seconds,
    latency: latency.counts(),
    service: service.counts(),
  }
}

function pointOf(sum: Sum | undefined): DirectionPoint {
  if (sum === undefined) return { requests: 0, bytes: 0, p50Nanoseconds: 0, p99Nanoseconds: 0, maxNanoseconds: 0 }
  const counts = sum.latency.counts()
  return {
    requests: sum.requests,
    bytes: sum.bytes,
    p50Nanoseconds: percentileOf(counts, 50),
    p99Nanoseconds: percentileOf(counts, 99),
    maxNanoseconds: counts.maxNanoseconds,
  }
}
