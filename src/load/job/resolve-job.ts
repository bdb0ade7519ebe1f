/** From what was written to what is to be done: defaults filled in, and options that do not go together refused. */
import { CowringError } from '../../index.js'
import { parseTarget } from '../target/target-address.js'
import { parseOptions, type WrittenJob } from './job-file.js'
import { blockBytesMax, type JobOptions } from './job-options.js'
import type { JobSpec } from './job-spec.js'
import type { PerDirection, SizeRange } from './values.js'

const sectorBytes = 512
const blockBytesDefault = 4096
const noVerify: ReadonlySet<string> = new Set(['0', 'none', 'null'])

/** Fails with INVALID_ARGUMENT. */
export function resolveJob(job: WrittenJob): JobSpec {
  const options = parseOptions(job)
  const { target } = options
  if (target === undefined) throw refusal(job, 'has no target; give target=file:PATH, or filename=PATH')
  const pattern = options.rw ?? 'read'
  const isRandom = pattern.startsWith('rand')
  const spec: JobSpec = {
    name: job.name,
    given: Object.fromEntries([...job.options].map(([name, { text }]) => [name, text])),
    target,
    isRandom,
    readShare: shareOfReads(pattern, options.rwmixread),
    trims: pattern.endsWith('trim'),
    blockBytes: blockSizes(options),
    offset: options.offset ?? { bytes: 0 },
    size: options.size,
    depth: options.iodepth ?? 1,
    clones: options.numjobs ?? 1,
    runtimeSeconds: options.runtime === 0 ? undefined : options.runtime,
    isTimeBased: options.time_based ?? false,
    rampSeconds: options.ramp_time ?? 0,
    bytesPerSecond: rates(options.rate),
    requestsPerSecond: rates(options.rate_iops),
    isOpenLoop: options.open_loop ?? false,
    arrivals: options.rate_process ?? 'linear',
    distribution: options.random_distribution ?? { kind: 'uniform' },
    mayRepeat: options.norandommap ?? false,
    seed: options.randseed ?? 1,
    isVerified: options.verify !== undefined && !noVerify.has(options.verify),
    writesPerFlush: options.fsync ?? 0,
    thinkSeconds: options.thinktime ?? 0,
    requestsPerThink: options.thinktime_blocks ?? 1,
    waitsForOthers: options.stonewall ?? false,
    isGrouped: options.group_reporting ?? false,
    isDirect: options.direct ?? false,
  }
  refuseContradictions(job, spec)
  refuseOddRates(job, spec)
  refuseOtherEngine(job, options)
  refuseOddBlocks(job, spec)
  return spec
}

function shareOfReads(pattern: string, mixRead: number | undefined): number {
  if (pattern.endsWith('read')) return 1
  return ['rw', 'readwrite', 'randrw'].includes(pattern) ? (mixRead ?? 50) / 100 : 0
}

function blockSizes({ bs, bsrange }: JobOptions): PerDirection<SizeRange> {
  const of = (bytes = blockBytesDefault): SizeRange => ({ min: bytes, max: bytes })
  return {
    read: bsrange?.read ?? of(bs?.read),
    write: bsrange?.write ?? of(bs?.write),
    trim: bsrange?.trim ?? of(bs?.trim),
  }
}

/** 0 for as fast as it goes. */
const rates = (given: PerDirection<number | undefined> | undefined): PerDirection<number> | undefined =>
  given && { read: given.read ?? 0, write: given.write ?? 0, trim: given.trim ?? 0 }

function refuseContradictions(job: WrittenJob, spec: JobSpec): void {
  const { bytesPerSecond, isOpenLoop, isTimeBased, isVerified, requestsPerSecond, runtimeSeconds, thinkSeconds } = spec
  if (isTimeBased && runtimeSeconds === undefined) throw refusal(job, 'is time_based without a runtime; give one')
  if (bytesPerSecond !== undefined && requestsPerSecond !== undefined) {
    throw refusal(job, 'has rate and rate_iops; give one of them')
  }
  if (isOpenLoop && thinkSeconds > 0)
    throw refusal(job, 'is open_loop with thinktime; its rate says when requests come')
  if (isVerified && spec.trims)
    throw refusal(job, 'has verify with trims, after which nothing is certain; leave one out')
}

/** Each direction of a job has a stream of requests of its own, so a mix has a rate for both or for none. */
function refuseOddRates(job: WrittenJob, spec: JobSpec): void {
  const { bytesPerSecond, isOpenLoop, readShare, requestsPerSecond, trims } = spec
  const given = bytesPerSecond ?? requestsPerSecond ?? { read: 0, write: 0, trim: 0 }
  const used = [...(readShare > 0 ? [given.read] : []), ...(readShare < 1 ? [trims ? given.trim : given.write] : [])]
  if (isOpenLoop && used.every((rate) => rate === 0)) {
    throw refusal(job, 'is open_loop without a rate; give rate_iops or rate')
  }
  if (used.some((rate) => rate === 0) && used.some((rate) => rate > 0)) {
    throw refusal(job, 'has a rate for only one of its directions; give both, such as rate_iops=700,300')
  }
}

function refuseOtherEngine(job: WrittenJob, { ioengine, target = '' }: JobOptions): void {
  const { kind } = parseTarget(target)
  const engines = { file: ['psync', 'sync'], nbd: ['nbd'], engine: ['cowring'] }[kind]
  if (ioengine === undefined || engines.includes(ioengine)) return
  throw refusal(
    job,
    `has ioengine ${ioengine}, but its target '${target}' goes by ${engines.join(' or ')}; leave it out`,
  )
}

function refuseOddBlocks(job: WrittenJob, { blockBytes, offset, size }: JobSpec): void {
  for (const place of [offset, size]) {
    if (place === undefined || 'share' in place || place.bytes % sectorBytes === 0) continue
    throw refusal(job, `has an offset or a size of ${place.bytes} bytes, no multiple of ${sectorBytes}`)
  }
  for (const { max, min } of Object.values(blockBytes) as SizeRange[]) {
    const odd = [min, max].find((bytes) => bytes === 0 || bytes % sectorBytes !== 0 || bytes > blockBytesMax)
    if (odd === undefined) continue
    throw refusal(job, `has blocks of ${odd} bytes; they must be multiples of ${sectorBytes} up to ${blockBytesMax}`)
  }
}

const refusal = ({ name }: WrittenJob, text: string): CowringError =>
  new CowringError('INVALID_ARGUMENT', `job '${name}' ${text}`)
