/** Jobs that repeat a recording. */
import { CowringError } from '../../index.js'
import type { WrittenValue } from '../job/job-file.js'
import type { JobOptionName } from '../job/job-options.js'
import type { JobSpec } from '../job/job-spec.js'
import { resolveJob } from '../job/resolve-job.js'
import { operation } from '../pattern/requests.js'
import type { PlannedJob } from '../run/load-plan.js'
import type { RecordedLane } from './recorded-lane.js'
import type { TraceBatch } from './trace-columns.js'
import type { Trace, TracedJob } from './trace-file.js'

export interface ReplayWish {
  /** Instead of the recorded ones. */
  readonly target: string | undefined
  /** 1: as it was recorded; 2: twice as fast; infinity: as fast as possible. */
  readonly speed: number
  readonly verifies: boolean
}

/** What still holds of a recorded job; the rest is in its requests. */
const keptOptions: readonly JobOptionName[] = ['target', 'direct', 'group_reporting', 'verify']

/** Jobs without a request are left out: the recording may end before their turn. Fails with INVALID_ARGUMENT. `file` is its name in messages. */
export function replayedJobs({ batches, head }: Trace, file: string, wish: ReplayWish): PlannedJob[] {
  const jobs = head.jobs.flatMap((job) => {
    const recorded = job.lanes.map((lane) => {
      return recordedLane(
        lane,
        job.depth,
        batches.filter((batch) => batch.lane === lane),
        wish.speed,
      )
    })
    if (recorded.every(({ operations }) => operations.length === 0)) return []
    return [{ spec: replayedSpec(job, recorded, file, wish), recorded }]
  })
  if (jobs.length > 0) return jobs
  throw new CowringError('INVALID_ARGUMENT', `${file} has no requests`, { path: file })
}

/** All requests of a lane in the order in which they were due: they were recorded as they ended. */
function recordedLane(lane: number, depth: number, batches: readonly TraceBatch[], speed: number): RecordedLane {
  const count = batches.reduce((sum, { operations }) => sum + operations.length, 0)
  const all = {
    operations: new Uint8Array(count),
    offsets: new Float64Array(count),
    lengths: new Uint32Array(count),
    dueMs: new Float64Array(count),
  }
  let at = 0
  for (const batch of batches) {
    for (const column of ['operations', 'offsets', 'lengths', 'dueMs'] as const) all[column].set(batch[column], at)
    at += batch.operations.length
  }
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  order.sort((one, other) => (all.dueMs[one] as number) - (all.dueMs[other] as number))
  const sorted = {
    operations: new Uint8Array(new SharedArrayBuffer(count)),
    offsets: new Float64Array(new SharedArrayBuffer(count * 8)),
    lengths: new Uint32Array(new SharedArrayBuffer(count * 4)),
    dueMs: new Float64Array(new SharedArrayBuffer(count * 8)),
  }
  for (const [place, index] of order.entries()) {
    for (const column of ['operations', 'offsets', 'lengths', 'dueMs'] as const)
      sorted[column][place] = all[column][index] as number
  }
  return { lane, depth, speed, ...sorted }
}

function replayedSpec(
  { name, options }: TracedJob,
  recorded: readonly RecordedLane[],
  file: string,
  wish: ReplayWish,
): JobSpec {
  const kept = keptOptions.flatMap((option): [JobOptionName, WrittenValue][] => {
    const text = options[option]
    return text === undefined ? [] : [[option, { text, where: file }]]
  })
  const written = new Map(kept)
  if (wish.target !== undefined) written.set('target', { text: wish.target, where: '--target' })
  written.set('verify', { text: wish.verifies ? 'sectors' : 'none', where: '--verify' })
  const spec = resolveJob({ name, options: written })
  const { counts, end, largest, total } = requestsOf(recorded)
  const reads = counts[operation.read] as number
  const size = { min: 512, max: Math.max(512, largest) }
  return {
    ...spec,
    size: { bytes: end },
    blockBytes: { read: size, write: size, trim: size },
    readShare: total === 0 ? 1 : reads / total,
    trims: (counts[operation.trim] as number) > 0,
    clones: recorded.length,
    depth: Math.max(...recorded.map(({ depth }) => depth)),
    isOpenLoop: Number.isFinite(wish.speed),
  }
}

interface RequestFacts {
  /** Of each operation. */
  readonly counts: readonly number[]
  /** Of those but flushes. */
  readonly total: number
  /** Bytes of the largest that moves any. */
  readonly largest: number
  /** Where the farthest ends. */
  readonly end: number
}

function requestsOf(recorded: readonly RecordedLane[]): RequestFacts {
  const counts = [0, 0, 0, 0]
  let [end, largest] = [0, 0]
  for (const { lengths, offsets, operations } of recorded) {
    for (const [index, what] of operations.entries()) {
      counts[what] = (counts[what] as number) + 1
      end = Math.max(end, (offsets[index] as number) + (lengths[index] as number))
      if (what === operation.read || what === operation.write) largest = Math.max(largest, lengths[index] as number)
    }
  }
  const [reads = 0, writes = 0, trims = 0] = counts
  return { counts, end, largest, total: reads + writes + trims }
}
