/** `cowring demo`. */
import { type Command, InvalidArgumentError } from 'commander'
import { exampleText, exitCodes, type Finish } from './command-parts.js'
import { demo } from './demo.js'
import { packageVersion } from './package-version.js'
import { Page } from './page.js'

const secondsMax = 3600
const workersMax = 16

export function addDemo(program: Command, finish: Finish): void {
  program
    .command('demo')
    .description('show the whole job in under a minute: snapshots, parallel writes, a fork, reopening, all verified')
    .argument('[image]', 'a disk image to work on a copy of; without one, 256 MiB are made for the run')
    .option('-s, --seconds <number>', 'how long to overwrite the image', parseSeconds, 5)
    .option('-w, --workers <number>', 'worker threads (default: one per core, at most 8)', parseWorkers)
    .option(
      '-f, --folder <dir>',
      'where to put the temporary folder (default: the first of the usual places with room)',
    )
    .addHelpText('after', exampleText('cowring demo --seconds 10 disk.img'))
    .action(async (image: string | undefined, options) => {
      const isVerified = await demo(new Page(process.stdout), packageVersion(), {
        ...options,
        ...(image === undefined ? {} : { image }),
      })
      finish(isVerified ? exitCodes.done : exitCodes.failed)
    })
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (text.trim() !== '' && seconds > 0 && seconds <= secondsMax) return seconds
  throw new InvalidArgumentError(`It must be a number above 0 and at most ${secondsMax}.`)
}

function parseWorkers(text: string): number {
  const workers = Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= workersMax) return workers
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${workersMax}.`)
}
