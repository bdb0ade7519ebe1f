/** Jobs that fio and `cowring load` both do, from the same job file on the same target. */

export type Medium = 'memory' | 'disk' | 'nbd'

export interface ComparedJob {
  readonly name: string
  readonly medium: Medium
  /** Options beside the target and the times, a line each. */
  readonly options: readonly string[]
  /** The directions that the job has. */
  readonly directions: readonly ('read' | 'write')[]
}

const reads = ['read'] as const
const writes = ['write'] as const
const both = ['read', 'write'] as const

export const comparedJobs: readonly ComparedJob[] = [
  { name: 'memory: 4k random reads', medium: 'memory', options: ['rw=randread', 'bs=4k'], directions: reads },
  { name: 'memory: 4k random writes', medium: 'memory', options: ['rw=randwrite', 'bs=4k'], directions: writes },
  {
    name: 'memory: 16k random, 70 % reads',
    medium: 'memory',
    options: ['rw=randrw', 'rwmixread=70', 'bs=16k'],
    directions: both,
  },
  { name: 'memory: 1m sequential reads', medium: 'memory', options: ['rw=read', 'bs=1m'], directions: reads },
  { name: 'memory: 1m sequential writes', medium: 'memory', options: ['rw=write', 'bs=1m'], directions: writes },
  {
    name: 'memory: 4k random reads, two clones',
    medium: 'memory',
    options: ['rw=randread', 'bs=4k', 'numjobs=2'],
    directions: reads,
  },
  {
    name: 'memory: 2,000 random requests a second',
    medium: 'memory',
    options: ['rw=randread', 'bs=4k', 'rate_iops=2000'],
    directions: reads,
  },
  {
    name: 'disk: 4k random reads, direct',
    medium: 'disk',
    options: ['rw=randread', 'bs=4k', 'direct=1'],
    directions: reads,
  },
  { name: 'disk: 64k writes, direct', medium: 'disk', options: ['rw=write', 'bs=64k', 'direct=1'], directions: writes },
  {
    name: 'disk: 4k writes, a flush behind each 16',
    medium: 'disk',
    options: ['rw=randwrite', 'bs=4k', 'fsync=16'],
    directions: writes,
  },
  { name: 'NBD: 4k random reads, depth 1', medium: 'nbd', options: ['rw=randread', 'bs=4k'], directions: reads },
  {
    name: 'NBD: 4k random reads, depth 32',
    medium: 'nbd',
    options: ['rw=randread', 'bs=4k', 'iodepth=32'],
    directions: reads,
  },
  {
    name: 'NBD: 4k random writes, depth 32',
    medium: 'nbd',
    options: ['rw=randwrite', 'bs=4k', 'iodepth=32'],
    directions: writes,
  },
]

export interface JobTimes {
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** The file that both read. `target` is a path, or the URI of an export. */
export function jobFile({ medium, options }: ComparedJob, target: string, sizeBytes: number, times: JobTimes): string {
  const isNbd = medium === 'nbd'
  const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)}ms`
  return [
    '[global]',
    `ioengine=${isNbd ? 'nbd' : 'psync'}`,
    `${isNbd ? 'uri' : 'filename'}=${target}`,
    `size=${sizeBytes}`,
    `ramp_time=${milliseconds(times.warmUpSeconds)}`,
    `runtime=${milliseconds(times.seconds)}`,
    'time_based',
    'norandommap',
    'group_reporting',
    '[compared]',
    ...options,
    '',
  ].join('\n')
}
