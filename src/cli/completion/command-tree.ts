/**
 * What can be completed, taken from commander's definitions and the table of dmsetup's verbs, so that a new option is
 * completed without a word about it here.
 */
import type { Command, Option } from 'commander'
import { dmsetupOptions } from '../dmsetup/options.js'
import { verbs } from '../dmsetup/verbs.js'

export interface Place {
  /** The words that lead here: `io read`. Empty for the program itself. */
  readonly path: string
  /** What may come next: commands and options. */
  readonly commands: readonly string[]
  readonly options: readonly CompletableOption[]
  readonly next: 'devices' | 'files' | 'nothing'
}

export interface CompletableOption {
  readonly flags: readonly string[]
  readonly description: string
  /** What its value may be: `undefined` if it takes none. */
  readonly value: 'files' | 'anything' | readonly string[] | undefined
}

/** Options whose value is a path. */
const fileOptions: ReadonlySet<string> = new Set([
  '--socket',
  '--restore',
  '--input',
  '--folder',
  '--tls-certificates',
  '--tls-psk',
  '--html',
])

export function placesOf(program: Command): readonly Place[] {
  return [...commandPlaces(program, []), ...verbs.map(verbPlace)]
}

function commandPlaces(command: Command, path: readonly string[]): readonly Place[] {
  const here: Place = {
    path: path.join(' '),
    commands:
      path[0] === 'dmsetup' ? ['help', ...verbs.map(({ name }) => name)] : command.commands.map((one) => one.name()),
    options:
      path[0] === 'dmsetup'
        ? [socket, help]
        : [...command.options.filter(({ hidden }) => !hidden).map(completable), help],
    next: nextOf(path),
  }
  return [here, ...command.commands.flatMap((one) => commandPlaces(one, [...path, one.name()]))]
}

function verbPlace({ name, options, takesDevices }: (typeof verbs)[number]): Place {
  const chooses = takesDevices ? ['--uuid', '--major', '--minor'] : []
  const heeded = dmsetupOptions.filter(({ long }) => long !== undefined && [...options, ...chooses].includes(long))
  return {
    path: `dmsetup ${name}`,
    commands: [],
    options: [...heeded.map(completable), socket, help],
    next: takesDevices ? 'devices' : 'nothing',
  }
}

const takeFiles: ReadonlySet<string> = new Set(['demo', 'report', 'serve'])

const nextOf = ([first, second]: readonly string[]): Place['next'] => {
  if ((first === 'io' && second !== undefined) || first === 'merge') return 'devices'
  return (first === 'store' && second !== undefined) || takeFiles.has(first ?? '') ? 'files' : 'nothing'
}

const help: CompletableOption = { flags: ['--help'], description: 'print help', value: undefined }
const socket: CompletableOption = { flags: ['--socket'], description: 'the socket of the daemon', value: 'files' }

function completable({ short, long, description, required, optional, argChoices }: Option): CompletableOption {
  const flags = [short, long].filter((flag) => flag !== undefined)
  if (!required && !optional) return { flags, description, value: undefined }
  return { flags, description, value: argChoices ?? (fileOptions.has(long ?? '') ? 'files' : 'anything') }
}
