/**
 * A run of the load harness as it could have been: the same for the same seed, and consistent in itself (the series add up to the
 * jobs, percentiles come from the counts).
 */
import { LatencyHistogram } from '../../../src/load/result/latency-histogram.js'
import {
  type DirectionName,
  type DirectionPoint,
  type DirectionResult,
  directionNames,
  type JobResult,
  type LoadResult,
  type SeriesPoint,
  type VerificationResult,
  type Violation,
} from '../../../src/load/result/load-result.js'
import { Random } from '../model-random.js'

export interface SampleShape {
  readonly seed?: number
  /** Intervals of a second; the first is the ramp. */
  readonly seconds?: number
  readonly snapshots?: readonly string[]
  readonly violations?: number
}

interface SampleJob {
  readonly job: Omit<JobResult, 'directions'>
  readonly requestsASecond: Partial<Record<DirectionName, number>>
}

/** One closed loop in two copies that reads, writes and flushes, and one open loop after it that discards. */
const sampleJobs: readonly SampleJob[] = [
  {
    job: {
      name: 'mixed',
      group: 0,
      target: 'cowring:/images/disk.img',
      options: { rw: 'randrw', bs: '4k', iodepth: '8', numjobs: '2' },
      clones: 2,
      depth: 8,
      arrival: 'closed-loop',
    },
    requestsASecond: { read: 70, write: 30, sync: 3 },
  },
  {
    job: {
      name: 'discards',
      group: 1,
      target: 'cowring:/images/disk.img',
      options: { rw: 'randtrim', bs: '4k', rate_iops: '20', rate_process: 'poisson' },
      clones: 1,
      depth: 1,
      arrival: 'open-loop',
    },
    requestsASecond: { trim: 20 },
  },
]

export function sampleResult(shape: SampleShape = {}): LoadResult {
  const { seed = 1, seconds = 6, snapshots = ['monday', 'tuesday'], violations = 0 } = shape
  const random = new Random(seed)
  const collected = sampleJobs.map((sample) => new CollectedJob(sample, seconds - 1))
  const series: SeriesPoint[] = []
  for (let second = 1; second <= seconds; second++) {
    const isRamp = second === 1
    const interval = new Collected()
    for (const job of collected) job.work(interval, isRamp, random)
    series.push({ atSeconds: second, seconds: 1, isRamp, directions: interval.points() })
  }
  const storePercent = (index: number, second: number) =>
    ((index + 1) / (snapshots.length + 1)) * (second / seconds) * 100
  return {
    format: 'cowring-load-1',
    version: '1.2.3',
    startedAt: '2026-01-02T03:04:05.000Z',
    elapsedSeconds: seconds,
    title: 'cowring load mixed.fio',
    machine: { cpu: 'Sample CPU', cores: 2, memoryBytes: 8 * 2 ** 30, kernel: '6.1.0', node: 'v20.20.0' },
    jobs: collected.map((job) => job.result()),
    series,
    timeline: snapshots.map((snapshot, index) => ({
      atSeconds: 1.5 + index,
      endSeconds: 1.6 + index,
      text: `snapshot ${snapshot}`,
    })),
    stores: snapshots.map((snapshot, index) => ({
      snapshot,
      points: series.map(({ atSeconds }) => ({
        atSeconds,
        percent: storePercent(index, atSeconds),
        allocatedSectors: Math.round(storePercent(index, atSeconds) * 20.48),
        totalSectors: 2048,
      })),
      merge: index === 0 ? [{ atSeconds: seconds - 1, done: 0.5 }] : [],
    })),
    snapshotsAtStart: 0,
    verification: verificationOf(snapshots, violations),
  }
}

class CollectedJob {
  readonly #sample: SampleJob
  readonly #measuredSeconds: number
  readonly #measured = new Collected()

  constructor(sample: SampleJob, measuredSeconds: number) {
    this.#sample = sample
    this.#measuredSeconds = measuredSeconds
  }

  work(interval: Collected, isRamp: boolean, random: Random): void {
    for (const direction of directionNames) {
      const requests = Math.round((this.#sample.requestsASecond[direction] ?? 0) * (0.8 + 0.4 * random.next()))
      for (let request = 0; request < requests; request++) {
        // From a few microseconds to tens of milliseconds, most of them short.
        const service = Math.floor(5000 * Math.exp(9 * random.next() ** 3))
        const wait = this.#sample.job.arrival === 'open-loop' ? Math.floor(20_000 * random.next()) : 0
        interval.record(direction, service, wait)
        if (!isRamp) this.#measured.record(direction, service, wait)
      }
    }
  }

  result(): JobResult {
    const { job, requestsASecond } = this.#sample
    return {
      ...job,
      directions: this.#measured.results((direction) => (requestsASecond[direction] ? this.#measuredSeconds : 0)),
    }
  }
}

const byDirection = <Value>(of: (direction: DirectionName) => Value): Record<DirectionName, Value> => ({
  read: of('read'),
  write: of('write'),
  trim: of('trim'),
  sync: of('sync'),
})

const bytesOf = (direction: DirectionName, requests: number): number => (direction === 'sync' ? 0 : requests * 4096)

class Collected {
  readonly #latency = byDirection(() => new LatencyHistogram())
  readonly #service = byDirection(() => new LatencyHistogram())

  record(direction: DirectionName, service: number, wait: number): void {
    this.#service[direction].record(service)
    this.#latency[direction].record(service + wait)
  }

  results(secondsOf: (direction: DirectionName) => number): Record<DirectionName, DirectionResult> {
    return byDirection((direction) => {
      const latency = this.#latency[direction].counts()
      return {
        requests: latency.samples,
        bytes: bytesOf(direction, latency.samples),
        errors: 0,
        seconds: secondsOf(direction),
        latency,
        service: this.#service[direction].counts(),
      }
    })
  }

  points(): Record<DirectionName, DirectionPoint> {
    return byDirection((direction) => {
      const latency = this.#latency[direction]
      return {
        requests: latency.samples,
        bytes: bytesOf(direction, latency.samples),
        p50Nanoseconds: latency.percentile(50),
        p99Nanoseconds: latency.percentile(99),
        maxNanoseconds: latency.maxNanoseconds,
      }
    })
  }
}

const verificationOf = (snapshots: readonly string[], violations: number): VerificationResult => ({
  sectorsChecked: 123_456,
  violations: Array.from({ length: violations }, (_, index): Violation => {
    const volume = snapshots[index % Math.max(1, snapshots.length)] ?? 'origin'
    const story = `sector ${index * 8} of ${volume} holds version 3\n  at 2.0 s version 4 was written and answered`
    return { kind: 'lost write', volume, sector: index * 8, atSeconds: 3, story }
  }),
  moreViolations: 0,
  readToTheEnd: ['origin', ...snapshots],
  unchecked: [],
})
