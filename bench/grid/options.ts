/** The command line of `npm run bench`. */
import { Command, Option } from 'commander'
import { positive, regularExpression } from '../option-words.js'

export interface BenchOptions {
  readonly quick: boolean
  readonly full: boolean
  readonly published: boolean
  readonly mapped: boolean
  readonly merge: boolean
  readonly rounds: number
  readonly seconds: number
  readonly originBytes: number
  readonly pattern: RegExp | undefined
  readonly json: string | undefined
  readonly html: string | undefined
  readonly qemuAio: string
  /** What was typed, for the record. */
  readonly command: string
  readonly disk: string
  readonly tmpfs: string
}

const mib = 2 ** 20

/** On the disk that the checkout is on, and ignored by git. */
const diskDefault = new URL('../../../node_modules/.cache/', import.meta.url).pathname

export function parseOptions(words: readonly string[]): BenchOptions {
  const program = new Command('npm run bench --')
    .description('Measures the engine against the same system calls without an engine, and prints the targets first.')
    .option('--quick', 'a smaller origin and shorter rounds: a look, not a measurement', false)
    .option('--full', 'every case, not only the usual ones: hours', false)
    .option('--published', 'what docs/benchmarks.md shows: a star through the grid, and all other parts', false)
    .option('--mapped', 'the cases with a target through engine.mapper, beside engine.open instead of the floor', false)
    .option('--merge', 'only merges: alone beside a plain copy, and with requests meanwhile', false)
    .option('--rounds <count>', 'rounds per case; medians are over them', positive)
    .option('--seconds <number>', 'timed work per round and side', positive)
    .option('--case <pattern>', 'only cases whose name matches this regular expression', regularExpression)
    .option('--json <file>', 'write one JSON record per case, one per line')
    .option('--html <file>', 'write a report with plots')
    .addOption(
      new Option('--qemu-aio <kind>', 'how QEMU does I/O').choices(['threads', 'io_uring']).default('io_uring'),
    )
    .option('--disk <folder>', 'a folder on a real disk, for power-loss', diskDefault)
    .option('--tmpfs <folder>', 'a folder in memory', '/dev/shm')
    .parse(words)
  const given = program.opts()
  const { disk, full, html, json, mapped, merge, published, qemuAio, quick, tmpfs } = given
  return {
    quick,
    full,
    published,
    mapped,
    merge,
    rounds: Math.ceil(given.rounds ?? (quick ? 1 : published ? 5 : 3)),
    seconds: given.seconds ?? (quick ? 0.25 : published ? 0.25 : 0.75),
    originBytes: (quick ? 64 : 256) * mib,
    pattern: given.case,
    json,
    html,
    qemuAio,
    command: ['npm run bench --', ...words.slice(2)].join(' '),
    disk,
    tmpfs,
  }
}
