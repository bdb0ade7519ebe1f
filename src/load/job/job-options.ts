/** The options of a job: fio's names and meanings for the subset that is spoken here, and a few of our own, which say so. */
import { parseDistribution } from './distribution.js'
import { arrivalNames, patternNames } from './job-spec.js'
import {
  flag,
  microseconds,
  oneOf,
  perDirection,
  size,
  sizeOrShare,
  sizeRange,
  time,
  ValueError,
  whole,
} from './values.js'

/** Limit: a thread, and 10 MiB, for each clone of most targets. */
const clonesMax = 64
/** Limit: what the queues have slots for. */
export const depthMax = 1024
/** Limit: the largest request that NBD and rings take in one piece. */
export const blockBytesMax = 32 * 2 ** 20

export interface JobOption<Value = unknown> {
  readonly parse: (text: string) => Value
  readonly help: string
}

const option = <Value>(parse: (text: string) => Value, help: string): JobOption<Value> => ({ parse, help })

/** fio's names for checksums: each means the checks of docs/load.md here. */
const verifyWords = [
  'sectors',
  '0',
  'none',
  'null',
  'md5',
  'crc32',
  'crc32c',
  'crc64',
  'sha1',
  'sha256',
  'sha512',
  'xxhash',
  'meta',
] as const

const engineNames = ['psync', 'sync', 'nbd', 'cowring'] as const

function ioEngine(text: string): (typeof engineNames)[number] {
  const name = engineNames.find((each) => each === text.trim().toLowerCase())
  if (name !== undefined) return name
  throw new ValueError(
    'it goes by the target: psync or sync for a file, nbd, cowring. Leave it out; a file has one request in flight for each clone, so give numjobs for more',
  )
}

export const jobOptions = {
  target: option(String, 'where requests go: file:PATH, cowring:PATH[,…], nbd+unix:///EXPORT?socket=PATH'),
  rw: option(oneOf(patternNames), `what is done: ${patternNames.join(', ')}`),
  rwmixread: option(whole(0, 100), 'of a mixed load, how many of 100 requests are reads (50)'),
  bs: option(perDirection(size), 'block size: of reads, writes, trims (4k)'),
  bsrange: option(perDirection(sizeRange), 'block sizes from-to, whole multiples of the smaller'),
  size: option(sizeOrShare, 'how much of the target, from offset on (all of it)'),
  offset: option(sizeOrShare, 'where in the target to begin (0)'),
  iodepth: option(whole(1, depthMax), 'requests in flight (1)'),
  numjobs: option(whole(1, clonesMax), 'clones of the job (1)'),
  runtime: option(time, 'when to end, if it is not done before'),
  time_based: option(flag, 'go round until runtime is up'),
  ramp_time: option(time, 'how long to run before anything counts (0)'),
  rate: option(perDirection(size), 'bytes a second, of each clone'),
  rate_iops: option(perDirection(whole(0, 1e9)), 'requests a second, of each clone'),
  rate_process: option(oneOf(arrivalNames), 'how requests of a rate arrive: linear, poisson (linear)'),
  open_loop: option(
    flag,
    'ours: requests are due at their rate, answered or not; latency counts from when they were due',
  ),
  random_distribution: option(parseDistribution, 'random, zipf[:theta], pareto[:h] (random)'),
  norandommap: option(flag, 'random blocks may repeat before all have been used'),
  randseed: option(whole(0, 2 ** 32 - 1), 'seed of everything that is random (1)'),
  verify: option(
    oneOf(verifyWords),
    'sectors, or any of fio’s checksums: write self-describing sectors and check them (none)',
  ),
  fsync: option(whole(0, 1e9), 'a flush behind so many writes (0: none)'),
  thinktime: option(microseconds, 'a pause between requests; a bare number is microseconds (0)'),
  thinktime_blocks: option(whole(1, 1e9), 'requests between two pauses (1)'),
  stonewall: option(flag, 'wait for the jobs before'),
  group_reporting: option(flag, 'one report of all jobs that run together'),
  direct: option(flag, 'O_DIRECT'),
  ioengine: option(ioEngine, 'may be said if it is the one the target has: psync or sync of a file, nbd, cowring'),
} as const

export type JobOptions = {
  readonly [Name in keyof typeof jobOptions]?: ReturnType<(typeof jobOptions)[Name]['parse']>
}
export type JobOptionName = keyof typeof jobOptions

/** Other names for the same. */
const aliases: Readonly<Record<string, JobOptionName>> = {
  filename: 'target',
  uri: 'target',
  readwrite: 'rw',
  blocksize: 'bs',
  blocksize_range: 'bsrange',
  wait_for_previous: 'stonewall',
}

export const jobOptionNames = Object.keys(jobOptions) as JobOptionName[]

/** The option that a key means. */
export function optionNamed(key: string): JobOptionName | undefined {
  const name = aliases[key] ?? key
  return jobOptionNames.find((each) => each === name)
}
