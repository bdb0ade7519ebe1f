/** The command line of `npm run bench:peers`. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { positive, regularExpression } from '../option-words.js'
import type { PeerChoices } from './peer-list.js'

export interface PeerOptions extends PeerChoices {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly imageBytes: number
  readonly only: RegExp | undefined
  readonly servers: RegExp | undefined
  readonly json: string | undefined
  readonly folder: string
}

const mib = 2 ** 20

export function parsePeerOptions(words: readonly string[]): PeerOptions {
  const given = new Command('npm run bench:peers --')
    .description('Measures cowring serve and other NBD servers with the same clients, in turn.')
    .option('--quick', 'a smaller image, one round, shorter: to see whether it works', false)
    .option('--rounds <count>', 'rounds per case; medians are over them (5)', wholeNumber)
    .option('--seconds <number>', 'timed work per measurement (1)', positive)
    .option('--warm-up <number>', 'the same work before it, not counted (0.5)', positive)
    .option('--image <MiB>', 'size of the image, a multiple of 8 (1024)', wholeNumber)
    .option('--chunk <sectors>', 'chunk size of our snapshot', wholeNumber, 8)
    .addOption(
      new Option('--qemu-aio <kind>', 'how QEMU does I/O').choices(['threads', 'io_uring']).default('io_uring'),
    )
    .option('--only <pattern>', 'only cases whose name matches this regular expression', regularExpression)
    .option('--servers <pattern>', 'only servers whose name matches this regular expression', regularExpression)
    .option('--json <file>', 'write one JSON record per case and server, one per line')
    .option('--folder <folder>', 'where image, stores and sockets are; in memory by default', '/dev/shm')
    .parse(words)
    .opts()
  const { chunk, folder, json, only, qemuAio, quick, servers } = given
  return {
    rounds: given.rounds ?? (quick ? 1 : 5),
    seconds: given.seconds ?? (quick ? 0.25 : 1),
    warmUpSeconds: given.warmUp ?? (quick ? 0.1 : 0.5),
    imageBytes: (given.image ?? (quick ? 256 : 1024)) * mib,
    chunkSectors: chunk,
    qemuAio,
    only,
    servers,
    json,
    folder,
  }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^[1-9]\d*$/.test(text)) return value
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
