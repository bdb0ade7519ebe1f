/**
 * Counters and latency histograms in shared memory, one block per worker. Only its worker writes a block, with plain
 * stores; any thread may read at any time and sees each figure as it was a moment ago.
 *
 * Latency buckets have four steps per doubling, from 1 µs up: a percentile is at most an eighth off. Times are counted from
 * the push into the ring to the completion; of requests in place that need no copy only every sixteenth is timed, so there are fewer
 * samples than requests.
 */

export const operationNames = [
  'originRead',
  'originWrite',
  'snapshotRead',
  'snapshotWrite',
  'flush',
  'discard',
  'zero',
  'merge',
] as const
export type OperationName = (typeof operationNames)[number]

/** Position of each operation in a block. */
export const operationIndex = Object.fromEntries(operationNames.map((name, index) => [name, index])) as Record<
  OperationName,
  number
>

export const counterNames = [
  'turns',
  'pathFast',
  'copiedChunks',
  'copiedBytes',
  'commits',
  'committedExceptions',
  'barriers',
  'lockWaits',
  'commitWaits',
  'secondLooks',
  'invalidations',
  'mergedChunks',
] as const
export type CounterName = (typeof counterNames)[number]

/** Position of each counter in a block. */
export const counter = Object.fromEntries(counterNames.map((name, index) => [name, index])) as Record<
  CounterName,
  number
>

const bucketsPerDoubling = 4
const bucketCount = 31 * bucketsPerDoubling
const operationFields = { count: 0, bytes: 1, errors: 2, totalMs: 3, maxMs: 4, firstBucket: 5 } as const
const operationDoubles = operationFields.firstBucket + bucketCount
const countersAt = operationNames.length * operationDoubles
const blockDoubles = countersAt + 16

export const statisticsBytes = (runners: number): number => runners * blockDoubles * 8

/** Longer ones count as this long: 18 minutes. */
const doublingsMax = 30

const bucketOf = (ms: number): number => bucketOfWhole(Math.min(2 ** doublingsMax, ms * 1000) | 0)
const bucketOfWhole = (microseconds: number): number => {
  if (microseconds < bucketsPerDoubling) return microseconds
  const doublings = 31 - Math.clz32(microseconds)
  return doublings * bucketsPerDoubling + ((microseconds >>> (doublings - 2)) & (bucketsPerDoubling - 1))
}
/** The middle of a bucket. */
const bucketMicroseconds = (bucket: number): number => {
  if (bucket < bucketsPerDoubling) return bucket + 0.5
  const step = 2 ** (Math.floor(bucket / bucketsPerDoubling) - 2)
  return (bucketsPerDoubling + (bucket % bucketsPerDoubling) + 0.5) * step
}

/** The writing side: one worker's own block. */
export class StatisticsWriter {
  readonly #block: Float64Array

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#block = new Float64Array(memory, worker * blockDoubles * 8, blockDoubles)
  }

  count(index: number, by: number): void {
    this.#block[countersAt + index] = (this.#block[countersAt + index] as number) + by
  }

  operation(index: number, byteLength: number, ms: number, failed: boolean): void {
    this.untimed(index, byteLength, failed)
    this.latency(index, ms)
  }

  /** One operation, without how long it took: two looks at the clock cost a tenth of a small request. */
  untimed(index: number, byteLength: number, failed: boolean): void {
    const block = this.#block
    const at = index * operationDoubles
    block[at] = (block[at] as number) + 1
    block[at + operationFields.bytes] = (block[at + operationFields.bytes] as number) + byteLength
    if (failed) block[at + operationFields.errors] = (block[at + operationFields.errors] as number) + 1
  }

  /** How long an operation took that is counted already. */
  latency(index: number, ms: number): void {
    const block = this.#block
    const at = index * operationDoubles
    block[at + operationFields.totalMs] = (block[at + operationFields.totalMs] as number) + ms
    if (ms > (block[at + operationFields.maxMs] as number)) block[at + operationFields.maxMs] = ms
    const bucket = at + operationFields.firstBucket + bucketOf(ms)
    block[bucket] = (block[bucket] as number) + 1
  }
}

export interface LatencySummary {
  readonly samples: number
  /** Of all samples together. */
  readonly totalMicroseconds: number
  readonly meanMicroseconds: number
  readonly p50Microseconds: number
  readonly p90Microseconds: number
  readonly p99Microseconds: number
  readonly p999Microseconds: number
  readonly maxMicroseconds: number
  /** How many samples were shorter than 1 µs, 2 µs, 4 µs and so on up to 2³⁰ µs: each step counts those before it, too. */
  readonly cumulative: readonly LatencyStep[]
}

export interface LatencyStep {
  readonly belowMicroseconds: number
  readonly samples: number
}

export interface OperationStatistics {
  readonly count: number
  readonly bytes: number
  readonly errors: number
  readonly latency: LatencySummary
}

export interface EngineStatistics {
  readonly workers: number
  /** Worker threads that have died. Each had a successor, unless too many died within a minute and the engine gave up. */
  readonly workerDeaths: number
  readonly operations: Record<OperationName, OperationStatistics>
  readonly counters: Record<CounterName, number>
}

const blocksIn = (memory: SharedArrayBuffer): Float64Array[] =>
  Array.from(
    { length: memory.byteLength / (blockDoubles * 8) },
    (_, runner) => new Float64Array(memory, runner * blockDoubles * 8, blockDoubles),
  )

/** Adds up the blocks of all workers and seats. */
export function readStatistics(
  memory: SharedArrayBuffer,
  threads: Pick<EngineStatistics, 'workers' | 'workerDeaths'>,
): EngineStatistics {
  const sum = new Float64Array(blockDoubles)
  const max = new Float64Array(operationNames.length)
  for (const block of blocksIn(memory)) {
    for (const [index, value] of block.entries()) sum[index] = (sum[index] as number) + value
    for (const index of operationNames.keys()) {
      const slowest = block[index * operationDoubles + operationFields.maxMs] as number
      max[index] = Math.max(max[index] as number, slowest)
    }
  }
  const operation = (index: number): OperationStatistics => {
    const block = sum.subarray(index * operationDoubles, (index + 1) * operationDoubles)
    const count = block[operationFields.count] as number
    const buckets = block.subarray(operationFields.firstBucket)
    const slowest = (max[index] as number) * 1000
    const samples = buckets.reduce((sum, bucket) => sum + bucket, 0)
    const percentile = (share: number): number => Math.min(slowest, percentileOf(buckets, samples * share))
    return {
      count,
      bytes: block[operationFields.bytes] as number,
      errors: block[operationFields.errors] as number,
      latency: {
        samples,
        totalMicroseconds: (block[operationFields.totalMs] as number) * 1000,
        meanMicroseconds: samples === 0 ? 0 : ((block[operationFields.totalMs] as number) / samples) * 1000,
        p50Microseconds: percentile(0.5),
        p90Microseconds: percentile(0.9),
        p99Microseconds: percentile(0.99),
        p999Microseconds: percentile(0.999),
        maxMicroseconds: slowest,
        cumulative: cumulativeOf(buckets),
      },
    }
  }
  return {
    ...threads,
    operations: Object.fromEntries(operationNames.map((name, index) => [name, operation(index)])) as Record<
      OperationName,
      OperationStatistics
    >,
    counters: Object.fromEntries(
      counterNames.map((name, index) => [name, sum[countersAt + index] as number]),
    ) as Record<CounterName, number>,
  }
}

/** Latency of whatever is no merge's, since the last `restart`. */
export class LatencyWatch {
  readonly #blocks: Float64Array[]
  readonly #before = new Float64Array(bucketCount)
  readonly #now = new Float64Array(bucketCount)

  constructor(memory: SharedArrayBuffer) {
    this.#blocks = blocksIn(memory)
  }

  look(): { readonly samples: number; readonly p99Ms: number } {
    this.#now.fill(0)
    for (const block of this.#blocks) {
      for (let operation = 0; operation < operationNames.length; operation++) {
        if (operation === operationIndex.merge) continue
        // Most seats have never been taken.
        if (block[operation * operationDoubles] === 0) continue
        const at = operation * operationDoubles + operationFields.firstBucket
        for (let bucket = 0; bucket < bucketCount; bucket++) {
          this.#now[bucket] = (this.#now[bucket] as number) + (block[at + bucket] as number)
        }
      }
    }
    const since = this.#now.map((count, bucket) => count - (this.#before[bucket] as number))
    const samples = since.reduce((sum, count) => sum + count, 0)
    return { samples, p99Ms: percentileOf(since, samples * 0.99) / 1000 }
  }

  /** Leaves out what the last look saw. */
  restart(): void {
    this.#before.set(this.#now)
  }
}

/** Doublings begin with a bucket, so these counts are exact. */
function cumulativeOf(buckets: Float64Array): LatencyStep[] {
  let samples = 0
  let next = 0
  return Array.from({ length: doublingsMax + 1 }, (_, doublings) => {
    const belowMicroseconds = 2 ** doublings
    for (const end = bucketOfWhole(belowMicroseconds); next < end; next++) samples += buckets[next] as number
    return { belowMicroseconds, samples }
  })
}

function percentileOf(buckets: Float64Array, rank: number): number {
  let seen = 0
  for (const [bucket, count] of buckets.entries()) {
    seen += count
    if (count > 0 && seen >= rank) return bucketMicroseconds(bucket)
  }
  return 0
}
