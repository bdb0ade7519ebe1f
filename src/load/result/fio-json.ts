/**
 * A run as fio 3.33 would report it with `--output-format=json`, or `json+` where bins are asked for, so that tools that read
 * fio's reports read ours.
 *
 * Every field that fio writes is there, in its unit and of its type. What the two measure alike stands where fio has it:
 *
 * | fio | here |
 * | --- | --- |
 * | lat_ns | `latency`: from the instant at which a request was due. Where the arrival rate is fixed that includes its wait, which fio leaves out |
 * | clat_ns, latency_ns/us/ms | `service`: from sending to the answer |
 * | slat_ns | the difference of their means, with no distribution |
 * | sync | flushes; lat_ns as above |
 * | error | 5 (EIO) of a job that failed or had errors; total_err counts them |
 * | bw_*, iops_* (min … samples) | the intervals of the series; of a job that is alone in working in a direction, as the series tells jobs not apart |
 * | iodepth_level | the depth of a closed loop, which is always full |
 *
 * What is not measured is 0, as with fio where it does not measure it: short_ios, drop_ios, usr_cpu, sys_cpu, ctx, majf, minf,
 * iodepth_submit, iodepth_complete, latency_target, latency_window; bw_agg; `disk_util` is empty. `cowring` holds the whole record.
 */
import { fioDistribution, fioLatency } from './fio-latency.js'
import { fioSeries } from './fio-series.js'
import type { DirectionName, JobResult, LoadResult } from './load-result.js'

const eio = 5
const ioDirections = ['read', 'write', 'trim'] as const satisfies readonly DirectionName[]
type IoDirection = (typeof ioDirections)[number]

export function fioJson(result: LoadResult, { bins }: { readonly bins: boolean }): object {
  const ended = new Date(Date.parse(result.startedAt) + result.elapsedSeconds * 1000)
  return {
    'fio version': `cowring-${result.version}`,
    timestamp: Math.floor(ended.getTime() / 1000),
    timestamp_ms: ended.getTime(),
    time: ctime(ended),
    'global options': {},
    jobs: result.jobs.map((job) => fioJob(job, result, bins)),
    disk_util: [],
    cowring: result,
  }
}

function fioJob(job: JobResult, result: LoadResult, bins: boolean): object {
  const all = Object.values(job.directions)
  const errors = all.reduce((sum, direction) => sum + direction.errors, 0)
  const seconds = Math.max(...all.map((direction) => direction.seconds))
  const io = (direction: IoDirection) => fioDirection(direction, job, result, bins)
  const { sync } = job.directions
  return {
    jobname: job.name,
    groupid: job.group,
    error: errors > 0 || job.failure !== undefined ? eio : 0,
    ...(errors > 0 ? { total_err: errors, first_error: eio } : {}),
    eta: 0,
    elapsed: Math.ceil(seconds),
    'job options': { ...job.options },
    read: io('read'),
    write: io('write'),
    trim: io('trim'),
    sync: { total_ios: sync.requests, lat_ns: fioLatency(sync.latency, { bins }) },
    job_runtime: Math.round(seconds * 1000) * job.clones,
    usr_cpu: 0,
    sys_cpu: 0,
    ctx: 0,
    majf: 0,
    minf: 0,
    iodepth_level: depthLevels(job),
    iodepth_submit: noughts(batchSizes),
    iodepth_complete: noughts(batchSizes),
    ...fioDistribution(ioDirections.map((direction) => job.directions[direction].service)),
    latency_depth: job.depth,
    latency_target: 0,
    latency_percentile: 100,
    latency_window: 0,
  }
}

function fioDirection(direction: IoDirection, job: JobResult, result: LoadResult, bins: boolean): object {
  const { bytes, latency, requests, seconds, service } = job.directions[direction]
  const perSecond = (value: number): number => (seconds > 0 ? value / seconds : 0)
  const wait = Math.max(0, latency.meanNanoseconds - service.meanNanoseconds)
  const waitWhole = Math.round(wait)
  return {
    io_bytes: bytes,
    io_kbytes: Math.floor(bytes / 1024),
    bw_bytes: Math.floor(perSecond(bytes)),
    bw: Math.floor(perSecond(bytes) / 1024),
    iops: perSecond(requests),
    runtime: Math.round(seconds * 1000),
    total_ios: requests,
    short_ios: 0,
    drop_ios: 0,
    slat_ns: { min: waitWhole, max: waitWhole, mean: wait, stddev: 0, N: latency.samples },
    clat_ns: fioLatency(service, { bins }),
    lat_ns: fioLatency(latency, { bins }),
    ...fioSeries(result, job, direction),
  }
}

const depths = ['1', '2', '4', '8', '16', '32', '>=64'] as const
const batchSizes = ['0', '4', '8', '16', '32', '64', '>=64'] as const

const noughts = (names: readonly string[]): Record<string, number> => Object.fromEntries(names.map((name) => [name, 0]))

function depthLevels({ arrival, depth }: JobResult): Record<string, number> {
  const level = depths[Math.min(Math.floor(Math.log2(depth)), depths.length - 1)] ?? '1'
  return { ...noughts(depths), ...(arrival === 'closed-loop' ? { [level]: 100 } : {}) }
}

/** As C's `ctime` of the local time: `Fri Jan  2 03:04:05 2026`. */
function ctime(date: Date): string {
  const [weekday, month, day, year, time] = date.toString().split(' ')
  return `${weekday} ${month} ${day?.replace(/^0/, ' ')} ${time} ${year}`
}
