#!/usr/bin/env node
/**
 * The command line. Exit code 0: done and verified; 1: it failed, or what it verified differed; 2: bad usage; over 128: ended
 * by a signal.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { CowringError } from '../index.js'
import { type DemoOptions, demo } from './demo.js'
import { Page } from './page.js'

const exitCodes = { done: 0, failed: 1, badUsage: 2 } as const
const secondsMax = 3600
const workersMax = 16

process.exitCode = await main(process.argv)

async function main(words: readonly string[]): Promise<number> {
  let code: number = exitCodes.done
  const program = commandLine(async (image, options) => {
    const isVerified = await demo(new Page(process.stdout), version(), {
      ...options,
      ...(image === undefined ? {} : { image }),
    })
    code = isVerified ? exitCodes.done : exitCodes.failed
  })
  try {
    await program.parseAsync(words)
    return code
  } catch (error) {
    // Commander has printed its own by now: help and version are no errors, everything else is bad usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badUsage
    process.stderr.write(`cowring: ${messageOf(error)}\n`)
    return exitCodes.failed
  }
}

function commandLine(
  onDemo: (image: string | undefined, options: Omit<DemoOptions, 'image'>) => Promise<void>,
): Command {
  const program = new Command('cowring')
    .description('Copy-on-write snapshots of disk images, in the format of the Linux device mapper, without root.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureOutput({ outputError: (text, write) => write(usageError(text)) })
    .exitOverride()
    .addHelpText('after', '\nExample:\n  $ cowring demo disk.img     works on a copy; disk.img is never changed')
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
    .addHelpText('after', '\nExample:\n  $ cowring demo --seconds 10 disk.img')
    .action(onDemo)
  return program
}

/** Commander's `error: …` as one line of ours. */
function usageError(text: string): string {
  const what = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\.$/, '')
  return `cowring: ${what}; 'cowring --help' says what there is\n`
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

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof found === 'string' ? found : 'of unknown version'
}

/** One line for what can go wrong outside the program; a bug in it shows where it is. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('suppressed' in error && 'error' in error) {
    return `${messageOf(error.suppressed)}\ncowring: then, on closing: ${messageOf(error.error)}`
  }
  const isOperating = error instanceof CowringError || 'syscall' in error
  return isOperating ? error.message : (error.stack ?? error.message)
}
