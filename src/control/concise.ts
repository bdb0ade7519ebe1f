/**
 * The concise form of dmsetup: `NAME,UUID,MINOR,FLAGS,LINE[,LINE...][;...]`, a set of devices in one text.
 *
 * FLAGS is `ro` or `rw`, which is meant when it is empty. A backslash takes the next character as it is. White space around a
 * field is left out, unless it has a backslash before it; elsewhere a backslash before white space is the table line's.
 */
import { faultErrno } from '../targets/table-fault.js'
import type { MappedDevice } from './mapped-device.js'
import { refusal } from './refusal.js'

export interface ConciseDevice {
  readonly name: string
  readonly uuid: string | undefined
  readonly minor: number | undefined
  readonly readOnly: boolean
  /** `undefined` for a device without a table. */
  readonly table: string | undefined
}

/** Devices that others lie on come first, so that the text can be read from the front. */
export function conciseOf(devices: readonly MappedDevice[]): string {
  const wanted = new Set(devices)
  const ordered = new Set<MappedDevice>()
  const visit = (device: MappedDevice): void => {
    if (ordered.has(device)) return
    for (const below of device.live?.devices ?? []) if (wanted.has(below as MappedDevice)) visit(below as MappedDevice)
    ordered.add(device)
  }
  for (const device of devices) visit(device)
  return [...ordered].map(conciseDevice).join(';')
}

function conciseDevice({ live, minor, name, readOnly, uuid }: MappedDevice): string {
  const lines = live?.portableLines() ?? []
  const facts = [name, uuid ?? '', String(minor), readOnly ? 'ro' : 'rw']
  return [...facts.map(escapeField), ...lines.map(escapeLine)].join(',')
}

const escapeMarks = (field: string): string => field.replace(/[\\,;]/g, '\\$&')

const escapeField = (field: string): string => escapeMarks(field).replace(/^\s|\s$/g, '\\$&')

/** The space at the end of a line without arguments is nobody's; one that ends a quoted word must stay. */
const escapeLine = (line: string): string => (/\\\s$/.test(line) ? escapeField(line) : escapeMarks(line))

/** Fails with INVALID_ARGUMENT, before any device is made. */
export function parseConcise(text: string): ConciseDevice[] {
  return splitEscaped(text, ';')
    .filter((device) => device.trim() !== '')
    .map((device) => {
      const fields = splitEscaped(device, ',').map(unescapeField)
      const [name = '', uuid = '', minor = '', flags = '', ...lines] = fields
      if (name === '') throw malformed(device, 'it has no name')
      // Without a table there are four. Any other text would be the name of a device.
      if (fields.length < 4) throw malformed(name, `it has ${fields.length} of the fields`)
      if (minor !== '' && !/^\d{1,7}$/.test(minor)) throw malformed(name, `'${minor}' is no minor number`)
      if (!['', 'ro', 'rw'].includes(flags)) throw malformed(name, `'${flags}' is neither ro nor rw`)
      return {
        name,
        uuid: uuid === '' ? undefined : uuid,
        minor: minor === '' ? undefined : Number(minor),
        readOnly: flags === 'ro',
        table: lines.length === 0 ? undefined : lines.join('\n'),
      }
    })
}

const malformed = (device: string, why: string) =>
  refusal({
    ioctl: 'create',
    device,
    errno: faultErrno.EINVAL,
    reason: `a concise device reads NAME,UUID,MINOR,FLAGS,TABLE LINE[,TABLE LINE...]: ${why}`,
  })

/** Splits at a separator that no backslash precedes; escapes stay as they are. */
function splitEscaped(text: string, separator: string): string[] {
  const fields = ['']
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === separator) fields.push('')
    else fields[fields.length - 1] += character === '\\' ? character + text.charAt(++at) : character
  }
  return fields
}

/** Takes the escapes of this form away; those of a table line stay for the table. */
function unescapeField(field: string): string {
  const units = field.match(/\\[\s\S]|[\s\S]/g) ?? []
  const first = units.findIndex((unit) => !/^\s$/.test(unit))
  const last = units.findLastIndex((unit) => !/^\s$/.test(unit))
  return units
    .slice(first, last + 1)
    .map((unit, index, kept) => {
      const isAtEdge = index === 0 || index === kept.length - 1
      return (isAtEdge ? /^\\[\\,;\s]$/ : /^\\[\\,;]$/).test(unit) ? unit.slice(1) : unit
    })
    .join('')
}
