/** The verbs of dmsetup: what each takes, what it does, an example. Usage, help and completion are made from this table. */
import { clear, create, load, remove, removeAll, rename, resume, suspend, wipeTable } from './change-devices.js'
import type { Call } from './context.js'
import { showDeps } from './show-deps.js'
import { showInfo } from './show-info.js'
import { showList } from './show-list.js'
import { showTargets } from './show-targets.js'
import { showTargetTypes, showTargetVersions, showVersion } from './show-versions.js'
import { sendMessage, waitForEvent } from './talk.js'

export interface Verb {
  readonly name: string
  readonly synopsis: string
  readonly summary: string
  /** Long names of the options it heeds, apart from those that choose a device. */
  readonly options: readonly string[]
  /** How many words may follow it. */
  readonly words: readonly [min: number, max: number]
  readonly takesDevices: boolean
  readonly examples: readonly string[]
  readonly run: (call: Call) => Promise<void>
}

const any = Number.POSITIVE_INFINITY

const loadVerb = {
  synopsis: '<device> [<table_file>]',
  summary: 'Loads a table into the inactive slot: from --table, a file, or standard input. `resume` makes it live.',
  options: ['--table', '--readonly', '--verbose'],
  words: [0, 2],
  takesDevices: true,
  run: load,
} as const

export const verbs: readonly Verb[] = [
  {
    name: 'create',
    synopsis: '<device> [<table_file>] | --concise [<devices>]',
    summary:
      'Makes a device. Its table comes from --table, a file, or standard input, and is live at once; with --notable there is none.',
    options: ['--table', '--notable', '--uuid', '--minor', '--readonly', '--concise', '--verbose'],
    words: [0, 2],
    takesDevices: false,
    examples: ["create base --table '0 2097152 snapshot-origin disk.img'", 'create --concise < devices.txt'],
    run: create,
  },
  {
    name: 'remove',
    synopsis: '[--deferred] [-f|--force] [--retry] <device>...',
    summary: 'Removes devices. One that is open stays, unless an option says what to do with it.',
    options: ['--deferred', '--force', '--retry'],
    words: [0, any],
    takesDevices: true,
    examples: ['remove --retry snap'],
    run: remove,
  },
  {
    name: 'remove_all',
    synopsis: '[-f|--force] [--deferred]',
    summary: 'Removes every device that is not open; with --force those that are get an error table first.',
    options: ['--force', '--deferred'],
    words: [0, 0],
    takesDevices: false,
    examples: ['remove_all'],
    run: removeAll,
  },
  {
    name: 'suspend',
    synopsis: '[--noflush] <device>...',
    summary: 'Lets the requests in flight finish and keeps new ones waiting until `resume`.',
    options: ['--noflush', '--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['suspend base'],
    run: suspend,
  },
  {
    name: 'resume',
    synopsis: '<device>...',
    summary: 'Makes the inactive table live, if there is one, and lets requests through again.',
    options: ['--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['resume base'],
    run: resume,
  },
  { ...loadVerb, name: 'load', examples: ["load base --table '0 2097152 linear disk.img 0'"] },
  { ...loadVerb, name: 'reload', examples: ['reload base new-table.txt'] },
  {
    name: 'clear',
    synopsis: '<device>...',
    summary: 'Gives up the table in the inactive slot.',
    options: ['--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['clear base'],
    run: clear,
  },
  {
    name: 'wipe_table',
    synopsis: '[-f|--force] [--noflush] <device>...',
    summary: 'Replaces the live table by one that fails every request, so that what it used is let go of.',
    options: ['--force', '--noflush', '--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['wipe_table snap'],
    run: wipeTable,
  },
  {
    name: 'rename',
    synopsis: '<device> <new_name> | --setuuid <device> <uuid>',
    summary: 'Gives a device another name, or a UUID if it has none yet.',
    options: ['--setuuid'],
    words: [1, 2],
    takesDevices: true,
    examples: ['rename snap monday', 'rename --setuuid snap COW-0017'],
    run: rename,
  },
  {
    name: 'message',
    synopsis: '<device> <sector> <message>...',
    summary: 'Sends a message to the target at a sector. None of the snapshot targets takes any.',
    options: [],
    words: [2, any],
    takesDevices: true,
    examples: ['message snap 0 @cancel_deferred_remove'],
    run: sendMessage,
  },
  {
    name: 'ls',
    synopsis: '[--target <type>] [-o <options>] [--tree]',
    summary: 'Lists the devices, or draws what they are made of.',
    options: ['--target', '--options', '--tree', '--inactive', '--json'],
    words: [0, 0],
    takesDevices: false,
    examples: ['ls --tree -o ascii,open'],
    run: showList,
  },
  {
    name: 'info',
    synopsis: '[-c] [-o <fields>] [--noheadings] [--separator <text>] [-O|--sort <fields>] [<device>...]',
    summary: 'Prints the state of devices: a paragraph each, or with -c a row each. `-c -o help` lists the fields.',
    options: ['--columns', '--options', '--noheadings', '--separator', '--sort', '--nameprefixes', '--json'],
    words: [0, any],
    takesDevices: true,
    examples: ['info -c -o name,open,events --noheadings --separator :'],
    run: showInfo,
  },
  {
    name: 'deps',
    synopsis: '[-o devno|blkdevname|devname] [<device>...]',
    summary: 'Lists the devices and files that the live table uses.',
    options: ['--options', '--inactive', '--json', '--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['deps -o devname snap'],
    run: showDeps,
  },
  {
    name: 'status',
    synopsis: '[--target <type>] [<device>...]',
    summary: 'Prints a line for each target of the live table: for a snapshot, how full its store is.',
    options: ['--target', '--json', '--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['status snap', 'status --target snapshot'],
    run: showTargets,
  },
  {
    name: 'table',
    synopsis: '[--inactive] [--concise] [--target <type>] [<device>...]',
    summary: 'Prints the table in the form that `create` and `load` take; with --concise all of a device in one line.',
    options: ['--inactive', '--concise', '--target', '--json', '--verbose'],
    words: [0, any],
    takesDevices: true,
    examples: ['table snap', 'table --concise > devices.txt'],
    run: showTargets,
  },
  {
    name: 'wait',
    synopsis: '<device> [<event_number>]',
    summary: 'Ends when the event number of the device is another one than the one given (0 by default).',
    options: ['--verbose', '--json'],
    words: [0, 2],
    takesDevices: true,
    examples: ['wait snap "$(cowring dmsetup info -c --noheadings -o events snap)"'],
    run: waitForEvent,
  },
  {
    name: 'mknodes',
    synopsis: '[<device>...]',
    summary: 'Does nothing: devices have no nodes. It is there for scripts.',
    options: [],
    words: [0, any],
    takesDevices: true,
    examples: ['mknodes'],
    run: async () => {},
  },
  {
    name: 'targets',
    synopsis: '',
    summary: 'Lists the types of targets and their versions.',
    options: ['--json'],
    words: [0, 0],
    takesDevices: false,
    examples: ['targets'],
    run: showTargetTypes,
  },
  {
    name: 'target-version',
    synopsis: '<target>...',
    summary: 'Prints the versions of the types named.',
    options: ['--json'],
    words: [1, any],
    takesDevices: false,
    examples: ['target-version snapshot'],
    run: showTargetVersions,
  },
  {
    name: 'version',
    synopsis: '',
    summary: 'Prints the version of cowring, and of the kernel interface it follows.',
    options: ['--json'],
    words: [0, 0],
    takesDevices: false,
    examples: ['version'],
    run: showVersion,
  },
]
