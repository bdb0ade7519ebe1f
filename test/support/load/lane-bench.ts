/** A lane over a device and a clock of the test's own: time goes on when the test says so. */
import { Lane } from '../../../src/load/lane/lane.js'
import type { RunClock } from '../../../src/load/lane/run-clock.js'
import type { LaneReport } from '../../../src/load/lane/tally.js'
import { Arrivals } from '../../../src/load/pattern/arrivals.js'
import { JobRequests, operation, type Pace, type RequestSource } from '../../../src/load/pattern/requests.js'
import { LatencyHistogram } from '../../../src/load/result/latency-histogram.js'
import type { DirectionName } from '../../../src/load/result/load-result.js'
import { TraceColumns } from '../../../src/load/trace/trace-columns.js'
import { jobSpec } from './job-specs.js'

export interface Sent {
  readonly what: number
  readonly offset: number
  readonly byteLength: number
  readonly atMs: number
}

export interface BenchOptions {
  readonly regionBytes?: number
  readonly source?: RequestSource
  readonly pace?: Pace
  readonly depth?: number
  /** When a request that was sent then is answered, and with which errno. */
  readonly answer?: (sent: Sent, index: number) => { readonly atMs: number; readonly errno?: number }
}

/** The device answers each request 1 ms after it was sent, unless it is told otherwise. */
export class LaneBench {
  readonly sent: Sent[] = []
  readonly reports: LaneReport[] = []
  readonly lane: Lane
  nowMs = 0
  readonly #answer: NonNullable<BenchOptions['answer']>
  readonly #due: { readonly slot: number; readonly atMs: number; readonly errno: number }[] = []

  constructor(options: Readonly<Record<string, string>>, bench: BenchOptions = {}) {
    const spec = jobSpec(options)
    const { depth = spec.depth, regionBytes = 2 ** 20 } = bench
    const clock = { now: () => this.nowMs } as unknown as RunClock
    this.#answer = bench.answer ?? (({ atMs }) => ({ atMs: atMs + 1 }))
    this.lane = new Lane({
      number: 0,
      spec,
      depth,
      intervalMs: 500,
      clock,
      source: bench.source ?? new JobRequests(spec, { start: 0, end: regionBytes }, 0),
      pace: bench.pace ?? new Arrivals(spec, 0),
      submit: (slot, what, offset, byteLength) => {
        const request = { what, offset, byteLength, atMs: this.nowMs }
        const { atMs, errno = 0 } = this.#answer(request, this.sent.length)
        this.sent.push(request)
        this.#due.push({ slot, atMs, errno })
      },
      checks: undefined,
      trace: new TraceColumns(0, () => {}),
      report: (report) => this.reports.push(report),
      explain: (errno) => `errno ${errno}`,
    })
  }

  /** Until it is done, or time has come so far; in steps of 0.25 ms. */
  run(untilMs = 60_000): this {
    while (!this.lane.isDone && this.nowMs < untilMs) {
      for (const answer of this.#due.filter(({ atMs }) => atMs <= this.nowMs)) {
        this.#due.splice(this.#due.indexOf(answer), 1)
        this.lane.ended(answer.slot, answer.errno, this.nowMs)
      }
      this.lane.issue(this.nowMs)
      if (!this.lane.isDone) this.nowMs += 0.25
    }
    this.lane.finish()
    return this
  }

  get operations(): string {
    return this.sent.map(({ what }) => 'rwts'[what]).join('')
  }

  /** Everything that was not in the ramp. */
  latency(direction: DirectionName, which: 'latency' | 'service' = 'latency'): LatencyHistogram {
    const sum = new LatencyHistogram()
    for (const { directions, isRamp } of this.reports) {
      const counts = directions[direction]?.[which]
      if (!isRamp && counts !== undefined) sum.addCounts(counts)
    }
    return sum
  }
}

/** All requests of a source, up to so many. */
export function drawAll(source: RequestSource, most = 100_000): Omit<Sent, 'atMs'>[] {
  const all: Omit<Sent, 'atMs'>[] = []
  const into = { operation: operation.read as number, offset: 0, byteLength: 0 }
  while (all.length < most && source.next(into)) {
    all.push({ what: into.operation, offset: into.offset, byteLength: into.byteLength })
  }
  return all
}
