/**
 * The client of the random cases: fio through its nbd engine, one thread a connection, each in an area of its own.
 *
 * First writes replay lists of addresses (address-lists.ts), because fio's own random order cannot both keep apart and
 * never come back. `--io_size` says how much a list is: otherwise fio 3.33 hangs up on the requests in flight when it ends.
 */
import { type FioFigures, figuresOf } from './fio-report.js'
import { run } from './programs.js'

export const ioBytes = 4096

const mib = 2 ** 20

export interface FioLoad {
  readonly depth: number
  readonly connections: number
  readonly seconds: number
  /** Beforehand, over the same connections, and not counted. */
  readonly warmUpSeconds: number
}

/** Random requests anywhere in the first `areaBytes`. */
export async function fioAtRandom(
  uri: string,
  work: 'randread' | 'randwrite',
  areaBytes: number,
  load: FioLoad,
): Promise<FioFigures> {
  const { connections } = load
  const shareBytes = areaBytes / connections
  const jobs = Array.from({ length: connections }, (_, index) => [
    `--name=connection-${index}`,
    `--offset=${index * shareBytes}`,
    `--size=${shareBytes}`,
  ])
  const words = [`--rw=${work}`, '--norandommap', '--time_based', ...common(uri, load), ...jobs.flat()]
  return figuresOf(await run('fio', words), work === 'randread' ? 'read' : 'write', ioBytes)
}

/** One connection a list; each address is written once. Ends with the lists, if those end before the time is up. */
export async function fioFromLists(
  uri: string,
  lists: readonly string[],
  writesPerList: number,
  load: FioLoad,
): Promise<FioFigures> {
  const jobs = lists.map((path, index) => [`--name=connection-${index}`, `--read_iolog=${path}`])
  const end = `--io_size=${writesPerList * ioBytes}`
  return figuresOf(await run('fio', ['--rw=randwrite', end, ...common(uri, load), ...jobs.flat()]), 'write', ioBytes)
}

const common = (uri: string, { depth, seconds, warmUpSeconds }: FioLoad): string[] => [
  '--ioengine=nbd',
  // Processes would be in sessions of their own, and outlive a client that is killed.
  '--thread',
  `--uri=${uri}`,
  `--bs=${ioBytes}`,
  `--iodepth=${depth}`,
  `--ramp_time=${Math.round(warmUpSeconds * 1000)}ms`,
  `--runtime=${Math.round(seconds * 1000)}ms`,
  // The whole time of a request. Its completion alone leaves out what fio's engine does while it hands a request in.
  '--lat_percentiles=1',
  '--group_reporting',
  '--output-format=json',
]

/** Writes every MiB of the first `areaBytes`, or every other one; answers how many bytes that is. */
export async function fioFill(uri: string, areaBytes: number, share: 'all' | 'half'): Promise<number> {
  const byteCount = share === 'all' ? areaBytes : areaBytes / 2
  const pattern = share === 'all' ? 'write' : 'write:1m'
  const output = await run('fio', [
    ...['--name=fill', '--ioengine=nbd', '--thread', `--uri=${uri}`, `--rw=${pattern}`, '--bs=1m', '--iodepth=4'],
    ...[`--size=${areaBytes}`, `--io_size=${byteCount}`, '--group_reporting', '--output-format=json'],
  ])
  const { operations } = figuresOf(output, 'write', mib)
  if (operations * mib !== byteCount) throw new Error(`fio has filled ${operations} MiB of ${byteCount / mib}`)
  return byteCount
}
