#!/usr/bin/env node
/**
 * The command line. Exit code 0: done and verified; 1: it failed, or what it verified differed; 2: bad usage; over 128: ended
 * by a signal. `cowring dmsetup` exits as dmsetup does: 0 or 1.
 */
import { CommanderError } from 'commander'
import { CowringError } from '../index.js'
import { exitCodes } from './command-parts.js'
import { cowringProgram } from './program.js'

// Whoever reads our output may have seen enough: `cowring dmsetup ls | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.done)
})

process.exitCode = await main(process.argv)

async function main(words: readonly string[]): Promise<number> {
  let code: number = exitCodes.done
  const program = cowringProgram((ended) => {
    code = ended
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

/** One line for what can go wrong outside the program; a bug in it shows where it is. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('suppressed' in error && 'error' in error) {
    return `${messageOf(error.suppressed)}\ncowring: then, on closing: ${messageOf(error.error)}`
  }
  const isOperating = error instanceof CowringError || 'syscall' in error
  return isOperating ? error.message : (error.stack ?? error.message)
}
