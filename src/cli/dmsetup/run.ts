/**
 * One dmsetup command line: words in, text and an exit code out. 0: done; 1: anything else, bad usage too, as with dmsetup.
 *
 * Several devices are worked on in the order they are named, and the first failure ends it, as in dmsetup.
 * Guarantees: touches nothing of the process but what the context gives it.
 */
import { CowringError } from '../../index.js'
import type { DmsetupContext } from './context.js'
import { badLine, DmsetupFailure } from './failure.js'
import { fieldHelp } from './fields.js'
import { usage, verbHelp } from './help.js'
import { type ParsedLine, parseLine } from './options.js'
import { type Verb, verbs } from './verbs.js'

export type { DmsetupContext } from './context.js'

const done = 0
const failed = 1

export async function runDmsetup(words: readonly string[], context: DmsetupContext): Promise<number> {
  const program = context.program ?? 'dmsetup'
  try {
    const line = parseLine(words, program)
    const verb = verbOf(line, context, program)
    await verb?.run({ context, verb: verb.name, options: line.options, words: line.words.slice(1) })
    return done
  } catch (error) {
    const { lines, ending } = asFailure(error)
    context.stderr([...lines, ...(ending === 'usage' ? [] : [ending])].map((line) => `${line}\n`).join(''))
    if (ending === 'usage') context.stderr(usage(program))
    return failed
  }
}

/** The verb to run; `undefined` if the line asked for help, which is printed by now. */
function verbOf(line: ParsedLine, context: DmsetupContext, program: string): Verb | undefined {
  const { options, words } = line
  const named = words[0] === 'help' ? words[1] : words[0]
  const found = verbs.find(({ name }) => name === named)
  if (options.help === true || words[0] === 'help') {
    context.stdout(found === undefined ? usage(program) : verbHelp(program, found))
    if (found === undefined && options.columns === true) context.stdout(`\n${fieldHelp()}`)
    return undefined
  }
  const version = options.version === true ? verbs.find(({ name }) => name === 'version') : undefined
  if (version !== undefined) return version
  if (named === undefined) throw new DmsetupFailure([], 'usage')
  if (found === undefined) throw new DmsetupFailure('Unknown command.', 'usage')
  const count = words.length - 1
  const [min, max] = found.words
  if (count < min || count > max) throw new DmsetupFailure('Incorrect number of arguments.', 'usage')
  // Making a device needs no major number: there is only one.
  const { major, minor } = options
  if (found.name !== 'create' && (major === undefined) !== (minor === undefined)) {
    throw badLine('Please specify both major number and minor number.')
  }
  return found
}

/** A bug shows where it is; anything else in its own words. */
function asFailure(error: unknown): Pick<DmsetupFailure, 'lines' | 'ending'> {
  if (error instanceof DmsetupFailure) return error
  const isBug = error instanceof Error && !(error instanceof CowringError)
  const text = isBug ? error.stack : error instanceof Error ? error.message : undefined
  return { lines: [text ?? String(error)], ending: 'Command failed.' }
}
