/** What is told of an engine as a whole: requests, how long they took, and what copying cost. */
import type { EngineStatistics, LatencySummary } from '../index.js'
import type { Figure, Sample } from './derived-metric.js'

type Operations = EngineStatistics['operations']
type CounterName = keyof EngineStatistics['counters']

const perOperation = (pick: (one: Operations[keyof Operations]) => number) => (statistics: EngineStatistics) =>
  Object.entries(statistics.operations).map(([operation, one]) => ({ labels: { operation }, value: pick(one) }))

const counterFigures: Readonly<Record<CounterName, readonly [name: string, help: string]>> = {
  turns: ['cowring_turns_total', 'Units of work that workers, and threads with a seat, have done.'],
  pathFast: [
    'cowring_uncopied_writes_total',
    'Writes, in extents, that were carried out at once: nothing was to be copied.',
  ],
  copiedChunks: ['cowring_copied_chunks_total', 'Chunks copied to stores before something was written over them.'],
  copiedBytes: ['cowring_copied_bytes_total', 'Bytes of these copies.'],
  commits: ['cowring_commits_total', 'Group commits: the entries of several copies, made known together.'],
  committedExceptions: ['cowring_committed_exceptions_total', 'Exceptions that these commits have made known.'],
  barriers: ['cowring_barriers_total', 'Flushes of files to their disks.'],
  lockWaits: ['cowring_lock_waits_total', 'Times that a piece of a request found its key held by another.'],
  commitWaits: ['cowring_commit_waits_total', 'Pieces of requests that waited for a commit in hand.'],
  secondLooks: [
    'cowring_second_looks_total',
    'Reads of a snapshot that found, after they had read the origin, that the chunk had been copied meanwhile.',
  ],
  invalidations: ['cowring_invalidations_total', 'Snapshots that became invalid.'],
  mergedChunks: ['cowring_merged_chunks_total', 'Chunks that merges have given back to origins.'],
}

export const engineFigures: readonly Figure<EngineStatistics>[] = [
  {
    name: 'cowring_requests_total',
    help: 'Requests, in extents: one of more than 1 MiB counts once for each MiB.',
    type: 'counter',
    labels: ['operation'],
    samples: perOperation(({ count }) => count),
  },
  {
    name: 'cowring_bytes_total',
    help: 'Bytes of the requests that succeeded.',
    type: 'counter',
    labels: ['operation'],
    samples: perOperation(({ bytes }) => bytes),
  },
  {
    name: 'cowring_errors_total',
    help: 'Requests, in extents, that failed.',
    type: 'counter',
    labels: ['operation'],
    samples: perOperation(({ errors }) => errors),
  },
  {
    name: 'cowring_request_duration_seconds',
    help: 'How long requests took, in extents. Of requests in place that need no copy one in sixteen is timed: for how many there were, see cowring_requests_total.',
    type: 'histogram',
    labels: ['operation', 'le'],
    samples: ({ operations }) =>
      Object.entries(operations).flatMap(([operation, { latency }]) => histogramSamples(operation, latency)),
  },
  ...Object.entries(counterFigures).map(
    ([counter, [name, help]]): Figure<EngineStatistics> => ({
      name,
      help,
      type: 'counter',
      labels: [],
      samples: ({ counters }) => [{ value: counters[counter as CounterName] }],
    }),
  ),
  {
    name: 'cowring_workers',
    help: 'Worker threads of the engine.',
    type: 'gauge',
    labels: [],
    samples: ({ workers }) => [{ value: workers }],
  },
  {
    name: 'cowring_worker_deaths_total',
    help: 'Worker threads that have died; each had a successor, unless the engine gave up.',
    type: 'counter',
    labels: [],
    samples: ({ workerDeaths }) => [{ value: workerDeaths }],
  },
]

const microsecondsPerSecond = 1e6

/** The engine's buckets do not count what is as long as their bound, Prometheus's do: at a resolution of 1 µs that is no matter. */
function histogramSamples(operation: string, { cumulative, samples, totalMicroseconds }: LatencySummary): Sample[] {
  const bucket = (le: string | number, value: number): Sample => ({
    suffix: '_bucket',
    labels: { operation, le },
    value,
  })
  return [
    ...cumulative.map((step) => bucket(step.belowMicroseconds / microsecondsPerSecond, step.samples)),
    bucket('+Inf', samples),
    { suffix: '_sum', labels: { operation }, value: totalMicroseconds / microsecondsPerSecond },
    { suffix: '_count', labels: { operation }, value: samples },
  ]
}
