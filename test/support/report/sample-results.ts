/** Results of runs that never were: drawn from a seed, and shaped as real ones are. */
import type {
  DirectionName,
  DirectionPoint,
  DirectionResult,
  LatencyCounts,
  LoadResult,
  SeriesPoint,
  StoreSeries,
} from '../../../src/load/result/load-result.js'

const nothing: LatencyCounts = {
  samples: 0,
  minNanoseconds: 0,
  maxNanoseconds: 0,
  meanNanoseconds: 0,
  deviationNanoseconds: 0,
  buckets: [],
}
const idle: DirectionResult = { requests: 0, bytes: 0, errors: 0, seconds: 0, latency: nothing, service: nothing }
const idlePoint: DirectionPoint = { requests: 0, bytes: 0, p50Nanoseconds: 0, p99Nanoseconds: 0, maxNanoseconds: 0 }

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function drawnFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface SampleOptions {
  readonly seed?: number
  readonly title?: string
  readonly seconds?: number
  readonly snapshots?: number
  /** Of an interval. */
  readonly step?: number
}

/** Writes and reads for a minute: a snapshot at 5 s, its merge at 20 s, a worker killed at 30 s. */
export function sampleResult(options: SampleOptions = {}): LoadResult {
  const { seed = 1, title = 'randrw 4k, 60 s', seconds = 60, snapshots = 0, step = 0.5 } = options
  const draw = drawnFrom(seed)
  const slowness = 1 + 0.22 * snapshots
  const series = Array.from({ length: Math.round(seconds / step) }, (_, index): SeriesPoint => {
    const atSeconds = (index + 1) * step
    const trouble = troubleAt(atSeconds) * slowness
    return {
      atSeconds,
      seconds: step,
      isRamp: atSeconds <= 2,
      directions: {
        read: pointOf((step * 21000) / (1 + (trouble - 1) * 0.2), 45_000 * (1 + (trouble - 1) * 0.2), draw),
        write: pointOf((step * 9000) / trouble, 110_000 * trouble, draw),
        trim: idlePoint,
        sync: idlePoint,
      },
    }
  })
  const job = (name: string, active: Partial<Record<DirectionName, DirectionResult>>) => ({
    name,
    group: 0,
    target: 'cowring:disk.img,snapshot=monday:monday.cow',
    options: { rw: 'randrw', bs: '4k', iodepth: '16', runtime: String(seconds) },
    clones: 2,
    depth: 16,
    arrival: 'closed-loop' as const,
    directions: { read: idle, write: idle, trim: idle, sync: idle, ...active },
  })
  return {
    format: 'cowring-load-1',
    version: '0.3.0',
    startedAt: '2026-03-01T12:00:00.000Z',
    elapsedSeconds: seconds,
    title,
    machine: { cpu: 'AMD EPYC 7763', cores: 2, memoryBytes: 8 * 2 ** 30, kernel: 'Linux 6.1.0', node: '20.20.0' },
    jobs: [
      job('mixed', {
        read: totalOf(series, 'read', 45_000, 0.5, draw),
        write: totalOf(series, 'write', 110_000 * slowness, 0.7, draw),
      }),
    ],
    series,
    timeline: [
      { atSeconds: 5, endSeconds: 5.02, text: 'snapshot monday' },
      { atSeconds: 20, endSeconds: 41.5, text: 'merge monday' },
      { atSeconds: 30, endSeconds: 30.01, text: 'kill-worker 0' },
    ],
    stores: [storeOf('monday', seconds, step, draw)],
    snapshotsAtStart: snapshots,
    verification: {
      sectorsChecked: 41_943_040,
      violations: [],
      moreViolations: 0,
      readToTheEnd: ['origin', 'monday'],
      unchecked: [],
    },
  }
}

/** Runs that differ in how many snapshots there were at the start. */
export const sampleSweep = (): readonly LoadResult[] =>
  [0, 1, 2, 4, 8, 16, 32, 64].map((snapshots, index) =>
    sampleResult({ seed: 100 + index, snapshots, seconds: 20, title: `randrw 4k, ${snapshots} snapshots` }),
  )

function troubleAt(seconds: number): number {
  if (seconds > 30 && seconds <= 31) return 9
  if (seconds > 20 && seconds <= 41.5) return 1.7
  return seconds > 5 && seconds <= 20 ? 1.4 + 1.4 * Math.exp(-(seconds - 5) / 3) : 1
}

function pointOf(requests: number, p50: number, draw: () => number): DirectionPoint {
  const answered = Math.round(requests * (0.92 + 0.16 * draw()))
  const p50Nanoseconds = p50 * (0.95 + 0.1 * draw())
  const p99Nanoseconds = p50Nanoseconds * (4 + 3 * draw())
  const maxNanoseconds = p99Nanoseconds * (1.5 + 8 * draw() ** 4)
  return { requests: answered, bytes: answered * 4096, p50Nanoseconds, p99Nanoseconds, maxNanoseconds }
}

function totalOf(
  series: readonly SeriesPoint[],
  direction: DirectionName,
  median: number,
  spread: number,
  draw: () => number,
): DirectionResult {
  const measured = series.filter(({ isRamp }) => !isRamp)
  const requests = measured.reduce((sum, { directions }) => sum + directions[direction].requests, 0)
  const latency = countsOf(requests, median, spread, draw)
  const seconds = measured.reduce((sum, point) => sum + point.seconds, 0)
  return { requests, bytes: requests * 4096, errors: 0, seconds, latency, service: latency }
}

/** Logarithmically normal, with a second hump of one in fifty; buckets a hundredth wide. */
function countsOf(samples: number, median: number, spread: number, draw: () => number): LatencyCounts {
  const counts = new Map<number, number>()
  const drawn = 20_000
  for (let index = 0; index < drawn; index++) {
    const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
    const value = median * Math.exp(spread * normal) * (draw() < 0.02 ? 12 : 1)
    const bucket = Math.round(1.01 ** Math.ceil(Math.log(value) / Math.log(1.01)))
    counts.set(bucket, (counts.get(bucket) ?? 0) + Math.max(1, Math.round(samples / drawn)))
  }
  const buckets = [...counts].sort(([one], [other]) => one - other)
  return {
    samples,
    minNanoseconds: buckets[0]?.[0] ?? 0,
    maxNanoseconds: buckets.at(-1)?.[0] ?? 0,
    meanNanoseconds: median * 1.2,
    deviationNanoseconds: median,
    buckets,
  }
}

function storeOf(snapshot: string, seconds: number, step: number, draw: () => number): StoreSeries {
  const totalSectors = 2 ** 21
  let percent = 0.4
  const times = Array.from({ length: Math.round(seconds / step) }, (_, index) => (index + 1) * step)
  return {
    snapshot,
    points: times
      .filter((at) => at >= 5)
      .map((atSeconds) => {
        if (atSeconds <= 20) percent += (0.5 + draw()) * step * 4
        else percent = Math.max(0.4, percent - (step * 60) / 21.5)
        return { atSeconds, percent, allocatedSectors: Math.round((percent / 100) * totalSectors), totalSectors }
      }),
    merge: times
      .filter((at) => at >= 20 && at <= 41.5)
      .map((atSeconds) => ({ atSeconds, done: Math.min(1, (atSeconds - 20) / 21.5) })),
  }
}
