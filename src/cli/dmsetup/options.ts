/**
 * The options of dmsetup: one flat set, anywhere on the line, as with GNU getopt. A long one may be cut short as far as it
 * stays the only one.
 *
 * Those that have no meaning here (udev, node, read-ahead) are taken and ignored, so that scripts run as they are.
 */
import { Command, CommanderError, Option } from 'commander'
import { badLine, type DmsetupFailure } from './failure.js'

export interface DmsetupOptions {
  readonly columns?: boolean
  readonly concise?: boolean
  readonly deferred?: boolean
  readonly exec?: string
  readonly force?: boolean
  readonly help?: boolean
  readonly inactive?: boolean
  readonly json?: boolean
  readonly major?: number
  readonly minor?: number
  readonly nameprefixes?: boolean
  readonly noflush?: boolean
  readonly noheadings?: boolean
  readonly notable?: boolean
  readonly options?: string
  readonly readonly?: boolean
  readonly retry?: boolean
  readonly select?: string
  readonly separator?: string
  readonly setuuid?: boolean
  readonly sort?: string
  readonly table?: string
  readonly target?: string
  readonly tree?: boolean
  readonly uuid?: string
  readonly verbose?: boolean
  readonly version?: boolean
}

export const dmsetupOptions: readonly Option[] = [
  new Option('-c, --columns', 'print columns'),
  new Option('-C', 'print columns').hideHelp(),
  new Option('--concise', 'one line for all devices, to be given to create --concise'),
  new Option('--deferred', 'if the device is open, remove it at its last close'),
  new Option('-f, --force', 'make what uses the device fail instead of wait'),
  new Option('-h, --help', 'print help, of one command if it is named'),
  new Option('--inactive', 'the table in the inactive slot'),
  new Option('--json', 'print JSON'),
  new Option('-j, --major <number>', 'the major number of the device'),
  new Option('-m, --minor <number>', 'the minor number of the device'),
  new Option('-n, --notable', 'create without a table'),
  new Option('--nameprefixes', 'print fields as DM_NAME=…'),
  new Option('--noflush', 'do not wait for requests in flight'),
  new Option('--noheadings', 'no headings over columns'),
  new Option('-o, --options <words>', 'fields or drawing options, separated by commas'),
  new Option('-O, --sort <fields>', 'sort by these fields; - before one reverses it'),
  new Option('-r, --readonly', 'load the table read-only'),
  new Option('--retry', 'if the device is open, try again for some seconds'),
  new Option('--separator <text>', 'what stands between columns'),
  new Option('--setuuid', 'rename: the new word is a UUID'),
  new Option('--table <text>', 'the table itself'),
  new Option('--target <type>', 'only targets of this type'),
  new Option('--tree', 'draw what devices are made of'),
  new Option('-u, --uuid <uuid>', 'the UUID of the device'),
  new Option('-v, --verbose', 'print information about the device as well'),
  new Option('--version', 'print the version'),
  // Refused by name: ignoring them would do something else than was asked.
  new Option('-S, --select <selection>').hideHelp(),
  new Option('--exec <command>').hideHelp(),
  // Ignored.
  ...[
    '--addnodeoncreate',
    '--addnodeonresume',
    '--checks',
    '-G, --gid <gid>',
    '--manglename <mode>',
    '-M, --mode <mode>',
    '--nolockfs',
    '--noopencount',
    '--noudevrules',
    '--noudevsync',
    '--readahead <sectors>',
    '--showkeys',
    '--udevcookie <cookie>',
    '-U, --uid <uid>',
    '--unquoted',
    '--verifyudev',
    '-y, --yes',
  ].map((flags) => new Option(flags).hideHelp()),
]

export interface ParsedLine {
  readonly options: DmsetupOptions
  readonly words: readonly string[]
}

/** Fails with a DmsetupFailure in getopt's words. */
export function parseLine(line: readonly string[], program: string): ParsedLine {
  const command = new Command(program)
    .helpOption(false)
    .argument('[words...]')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  for (const option of dmsetupOptions) command.addOption(option)
  try {
    command.parse(inFull(line), { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) throw notUnderstood(error, program)
    throw error
  }
  const { C, major, minor, ...options } = command.opts()
  if (C === true) options.columns = true
  if (major !== undefined) options.major = numberOf(major, 'major')
  if (minor !== undefined) options.minor = numberOf(minor, 'minor')
  refuse(options as DmsetupOptions)
  return { options: options as DmsetupOptions, words: command.args }
}

function refuse(options: DmsetupOptions): void {
  if (options.table !== undefined && options.notable === true) {
    throw badLine('--table and --notable are incompatible.')
  }
  if (options.select !== undefined) throw badLine('--select is not supported; use --json and a JSON tool.')
  if (options.exec !== undefined) throw badLine('--exec is not supported: devices have no nodes to give it.')
}

/** Completes long options that were cut short, and leaves the values of options alone. */
function inFull(line: readonly string[]): string[] {
  const done: string[] = []
  for (let at = 0; at < line.length; at++) {
    const word = line[at] ?? ''
    if (word === '--') return [...done, ...line.slice(at)]
    const [long, takesNext] = word.startsWith('--') ? longInFull(word) : [word, shortTakesNext(word)]
    done.push(long)
    const next = line[at + 1]
    if (takesNext && next !== undefined) {
      done.push(next)
      at++
    }
  }
  return done
}

function longInFull(word: string): readonly [string, boolean] {
  const equals = word.indexOf('=')
  const given = equals < 0 ? word : word.slice(0, equals)
  const exact = dmsetupOptions.find(({ long }) => long === given)
  const candidates = dmsetupOptions.filter(({ long }) => long?.startsWith(given) === true)
  const option = exact ?? (candidates.length === 1 ? candidates[0] : undefined)
  if (option === undefined) return [word, false]
  return [`${option.long}${equals < 0 ? '' : word.slice(equals)}`, option.required && equals < 0]
}

/** Whether the last letter of `-abc` takes the next word. */
function shortTakesNext(word: string): boolean {
  if (!/^-[A-Za-z]/.test(word)) return false
  const letters = [...word.slice(1)]
  const takes = letters.findIndex((letter) =>
    dmsetupOptions.some(({ short, required }) => short === `-${letter}` && required),
  )
  return takes >= 0 && takes === letters.length - 1
}

function numberOf(text: unknown, what: string): number {
  if (typeof text === 'string' && /^\d{1,7}$/.test(text)) return Number(text)
  throw badLine(`Invalid ${what} number: ${text}.`)
}

/** Commander's refusal in getopt's words. */
function notUnderstood(error: CommanderError, program: string): DmsetupFailure {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? ''
  const given = quoted.split(/[ ,]/)[0] ?? ''
  if (error.code === 'commander.unknownOption') {
    return badLine(
      given.startsWith('--')
        ? `${program}: unrecognized option '${given}'`
        : `${program}: invalid option -- '${given.replace(/^-/, '').charAt(0)}'`,
    )
  }
  if (error.code === 'commander.optionMissingArgument') {
    const long = dmsetupOptions.find(({ flags }) => flags === quoted)?.long ?? given
    return badLine(`${program}: option '${long}' requires an argument`)
  }
  return badLine(`${program}: ${error.message.replace(/^error: /, '')}`)
}
