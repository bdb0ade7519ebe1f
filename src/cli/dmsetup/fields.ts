/** The fields of `dmsetup info -c`: what each is called, how wide it is at least, and what it says of a device. */
import type { DeviceInfo, DeviceNumber } from '../../index.js'
import type { Column } from './columns.js'
import { DmsetupFailure } from './failure.js'

/** A device with what it uses and what uses it, both only where a field asks for them. */
export interface DeviceRow {
  readonly info: DeviceInfo
  readonly uses: readonly DeviceNumber[]
  readonly usedBy: readonly DeviceInfo[]
}

export interface Field extends Column {
  readonly meaning: string
  readonly section: 'name' | 'info' | 'deps'
  readonly text: (row: DeviceRow) => string
}

type Text = Field['text']

const field = (
  section: Field['section'],
  id: string,
  heading: string,
  width: number,
  meaning: string,
  text: Text,
): Field => ({ section, id, heading, width, isNumber: false, meaning, text })

const number = (...words: Parameters<typeof field>): Field => ({ ...field(...words), isNumber: true })

const numberText = ({ major, minor }: { readonly major: number; readonly minor: number }) => `${major}:${minor}`

export const fields: readonly Field[] = [
  field('name', 'name', 'Name', 16, 'What the device is called.', ({ info }) => info.name),
  field('name', 'mangled_name', 'MangledName', 16, 'The same; names are never mangled.', ({ info }) => info.name),
  field('name', 'unmangled_name', 'UnmangledName', 16, 'The same; names are never mangled.', ({ info }) => info.name),
  field('name', 'uuid', 'UUID', 32, 'Its UUID, if it was given one.', ({ info }) => info.uuid ?? ''),
  number('name', 'read_ahead', 'RAhead', 6, 'Always 0: nothing is read ahead.', () => '0'),
  field(
    'info',
    'blkdevname',
    'BlkDevName',
    16,
    'What the kernel would call the device.',
    ({ info }) => `dm-${info.minor}`,
  ),
  field(
    'info',
    'attr',
    'Stat',
    4,
    'L: live table; I: inactive table; s: suspended; r or w: what it takes.',
    ({ info }) => attributes(info),
  ),
  field('info', 'tables_loaded', 'Tables', 6, 'Which tables it has.', ({ info }) => tables(info)),
  field('info', 'suspended', 'Suspended', 9, 'Suspended or Active.', ({ info }) =>
    info.suspended ? 'Suspended' : 'Active',
  ),
  field('info', 'readonly', 'Read-only', 9, 'Read-only or Writeable.', ({ info }) =>
    info.readOnly ? 'Read-only' : 'Writeable',
  ),
  field('info', 'devno', 'DevNo', 5, 'Major and minor, with a colon between.', ({ info }) => numberText(info)),
  number('info', 'major', 'Maj', 3, 'Its major number.', ({ info }) => `${info.major}`),
  number('info', 'minor', 'Min', 3, 'Its minor number.', ({ info }) => `${info.minor}`),
  number(
    'info',
    'open',
    'Open',
    4,
    'How often it is open, by volumes and by tables.',
    ({ info }) => `${info.openCount}`,
  ),
  number('info', 'segments', 'Targ', 4, 'How many targets its live table has.', ({ info }) => `${info.targetCount}`),
  number('info', 'events', 'Event', 6, 'How many events it has seen.', ({ info }) => `${info.eventNumber}`),
  number('deps', 'device_count', '#Devs', 5, 'How many devices its table uses.', ({ uses }) => `${uses.length}`),
  field('deps', 'devs_used', 'DevNamesUsed', 16, 'The mapped ones of them, by name.', ({ uses }) =>
    listed(uses.map(({ name }) => name)),
  ),
  field('deps', 'devnos_used', 'DevNosUsed', 16, 'All of them, by number.', ({ uses }) => listed(uses.map(numberText))),
  field(
    'deps',
    'blkdevs_used',
    'BlkDevNamesUsed',
    16,
    'All of them, as the kernel calls them, files by path.',
    ({ uses }) => listed(uses.map(blockName)),
  ),
  number('deps', 'device_ref_count', '#Refs', 5, 'How many devices use it.', ({ usedBy }) => `${usedBy.length}`),
  field('deps', 'names_using_dev', 'RefNames', 8, 'Those, by name.', ({ usedBy }) =>
    listed(usedBy.map(({ name }) => name)),
  ),
  field('deps', 'devnos_using_dev', 'RefDevNos', 9, 'Those, by number.', ({ usedBy }) =>
    listed(usedBy.map(numberText)),
  ),
]

const defaultFields = 'name,major,minor,attr,open,segments,events,uuid'

/** The fields of `-o`; `+` before them adds them to the usual ones, `all` and `name_all` stand for groups. */
export function chosenFields(words: string | undefined): readonly Field[] {
  const text =
    words === undefined ? defaultFields : words.startsWith('+') ? `${defaultFields},${words.slice(1)}` : words
  return text
    .split(',')
    .filter((word) => word !== '')
    .flatMap(fieldsOf)
}

function fieldsOf(word: string): readonly Field[] {
  const found = fields.filter(({ id, section }) => word === id || word === 'all' || word === `${section}_all`)
  if (found.length === 0) throw new DmsetupFailure([`Unrecognised field: ${word}`, fieldHelp().trimEnd()])
  return found
}

/** Sorts rows by the fields of `--sort`. */
export function sortRows(rows: readonly DeviceRow[], words: string | undefined): readonly DeviceRow[] {
  if (words === undefined) return rows
  const keys = words.split(',').map((word) => {
    const [by] = chosenFields(word.replace(/^[+-]/, ''))
    return { by, sign: word.startsWith('-') ? -1 : 1 }
  })
  return [...rows].sort((one, other) => {
    for (const { by, sign } of keys) {
      if (by === undefined) continue
      const difference = compare(by, by.text(one), by.text(other)) * sign
      if (difference !== 0) return difference
    }
    return 0
  })
}

const compare = (by: Field, one: string, other: string): number =>
  by.isNumber ? Number(one) - Number(other) : one < other ? -1 : one > other ? 1 : 0

const titles = {
  name: 'What a device is called',
  info: 'What it is',
  deps: 'What it lies on, and what lies on it',
} as const

/** What `-o help` prints. */
export function fieldHelp(): string {
  const sections = (['name', 'info', 'deps'] as const).map((section) => {
    const title = titles[section]
    const own = fields.filter((one) => one.section === section)
    const all = { id: `${section}_all`, meaning: 'Every field below.' }
    const lines = [all, ...own].map(({ id, meaning }) => `  ${id.padEnd(21)} - ${meaning}`)
    return [title, '-'.repeat(title.length), ...lines, ''].join('\n')
  })
  return `${sections.join('\n')}\n`
}

const attributes = ({ live, inactive, suspended, readOnly }: DeviceInfo): string =>
  `${live ? 'L' : '-'}${inactive ? 'I' : '-'}${suspended ? 's' : '-'}${readOnly ? 'r' : 'w'}`

function tables({ live, inactive }: DeviceInfo): string {
  if (live) return inactive ? 'Both' : 'Live'
  return inactive ? 'Inactive' : 'None'
}

const listed = (words: readonly (string | undefined)[]): string => words.filter((word) => word !== undefined).join(',')

/** `dm-3` for a mapped device, the path of a file, the numbers of memory. */
export const blockName = (device: DeviceNumber): string =>
  device.name === undefined ? (device.path ?? numberText(device)) : `dm-${device.minor}`
