/** What is printed and what is read: tables, rows, paragraphs, errors. */
import { describe, expect, it } from 'vitest'
import { CowringError } from '../../../../src/base/errors.js'
import { columnText } from '../../../../src/cli/dmsetup/columns.js'
import { DmsetupFailure, ioctl, query } from '../../../../src/cli/dmsetup/failure.js'
import { chosenFields, type DeviceRow, fields, sortRows } from '../../../../src/cli/dmsetup/fields.js'
import { infoParagraph } from '../../../../src/cli/dmsetup/info-long.js'
import { tableLines } from '../../../../src/cli/dmsetup/table-text.js'
import { snapshotStatus, targetLines, targetText } from '../../../../src/cli/dmsetup/target-lines.js'
import type { DeviceInfo } from '../../../../src/index.js'

const device = (changes: Partial<DeviceInfo> = {}): DeviceInfo => ({
  name: 'base',
  uuid: undefined,
  major: 254,
  minor: 0,
  sectors: 32768,
  suspended: false,
  readOnly: false,
  deferredRemove: false,
  live: true,
  inactive: false,
  openCount: 1,
  eventNumber: 3,
  targetCount: 1,
  ...changes,
})

describe('a table', () => {
  it('loses its comments, blank lines and spare blanks', () => {
    const text = '# two disks\n\n  0 100  linear /dev/a 0   # first\r\n\t100 50 error\n   \n'
    expect(tableLines(text, '')).toBe('0 100 linear /dev/a 0\n100 50 error')
    expect(tableLines('', 'on stdin')).toBe('')
  })

  it('is refused with the number of the line that names no target', () => {
    expect(() => tableLines('0 1 zero\nnonsense', 'on stdin')).toThrow('Invalid format on line 2 of table on stdin.')
    expect(() => tableLines('-1 1 zero', 'f')).toThrow('Invalid format on line 1 of table f.')
    expect(() => tableLines('0 1', '')).toThrow('Invalid format on line 1 of table .')
  })

  it('of the mapper comes apart and together, with the space behind a type without parameters', () => {
    const text = '0 4096 snapshot-origin \n4096 112 linear 1:1 0'
    const lines = targetLines(text)
    expect(lines).toEqual([
      { start: 0, length: 4096, type: 'snapshot-origin', params: '' },
      { start: 4096, length: 112, type: 'linear', params: '1:1 0' },
    ])
    expect(lines.map(targetText).join('\n')).toBe(text)
    expect(targetLines('0 8 error').map(targetText)).toEqual(['0 8 error '])
    expect(targetLines('')).toEqual([])
  })

  it.each([
    ['397896/2097152 1560', { state: 'valid', allocatedSectors: 397896, totalSectors: 2097152, metadataSectors: 1560 }],
    ['Invalid', { state: 'invalid' }],
    ['Overflow', { state: 'overflow' }],
    ['Merge failed', { state: 'merge-failed' }],
    ['Unknown', { state: 'unknown' }],
  ])('says in JSON what a snapshot is: %s', (params, expected) => {
    expect(snapshotStatus({ start: 0, length: 8, type: 'snapshot', params })).toEqual(expected)
    expect(snapshotStatus({ start: 0, length: 8, type: 'linear', params })).toBeUndefined()
  })
})

describe('info', () => {
  it('is a paragraph of these lines', () => {
    expect(infoParagraph(device())).toBe(
      [
        'Name:              base',
        'State:             ACTIVE',
        'Read Ahead:        0',
        'Tables present:    LIVE',
        'Open count:        1',
        'Event number:      3',
        'Major, minor:      254, 0',
        'Number of targets: 1',
        '',
        '',
      ].join('\n'),
    )
    const other = device({ suspended: true, readOnly: true, deferredRemove: true, inactive: true, uuid: 'COW-1' })
    expect(infoParagraph(other)).toContain('State:             SUSPENDED (READ-ONLY) (DEFERRED REMOVE)\n')
    expect(infoParagraph(other)).toContain('Tables present:    LIVE & INACTIVE\n')
    expect(infoParagraph(other)).toContain('Number of targets: 1\nUUID: COW-1\n\n')
    expect(infoParagraph(device({ live: false }))).toContain('Tables present:    None\n')
    expect(infoParagraph(device({ live: false, inactive: true }))).toContain('Tables present:    INACTIVE\n')
  })

  const rows: readonly DeviceRow[] = [
    { info: device(), uses: [], usedBy: [] },
    {
      info: device({
        name: 'snapshot-with-a-long-name',
        minor: 12,
        uuid: 'U',
        suspended: true,
        inactive: true,
        openCount: 0,
      }),
      uses: [
        { major: 254, minor: 0, name: 'base', path: undefined },
        { major: 7, minor: 1, name: undefined, path: '/a/cow' },
      ],
      usedBy: [],
    },
  ]
  const printed = (words: string | undefined, style: Parameters<typeof columnText>[2]) => {
    const chosen = chosenFields(words)
    return columnText(
      chosen,
      rows.map((row) => chosen.map(({ text }) => text(row))),
      style,
    )
  }

  it('in columns is aligned as LVM2 aligns it, the last column filled up', () => {
    expect(printed(undefined, { headings: true, prefixes: false })).toBe(
      [
        `Name                      Maj Min Stat Open Targ Event  ${'UUID'.padEnd(32)}`,
        `base                      254   0 L--w    1    1      3 ${' '.repeat(32)}`,
        `snapshot-with-a-long-name 254  12 LIsw    0    1      3 ${'U'.padEnd(32)}`,
        '',
      ].join('\n'),
    )
  })

  it('in columns with a separator is not aligned, and its headings can be left out', () => {
    expect(printed('name,open', { headings: false, separator: ':', prefixes: false })).toBe(
      'base:1\nsnapshot-with-a-long-name:0\n',
    )
    expect(printed('name,open', { headings: true, separator: ',', prefixes: false })).toBe(
      'Name,Open\nbase,1\nsnapshot-with-a-long-name,0\n',
    )
  })

  it('in columns with prefixes can be read by a shell', () => {
    expect(printed('name,attr', { headings: false, prefixes: true })).toBe(
      "DM_NAME='base' DM_ATTR='L--w'\nDM_NAME='snapshot-with-a-long-name' DM_ATTR='LIsw'\n",
    )
  })

  it('takes fields in addition, by section, and refuses unknown ones by name', () => {
    expect(
      chosenFields('+suspended')
        .map(({ id }) => id)
        .at(-1),
    ).toBe('suspended')
    expect(chosenFields('+suspended')).toHaveLength(9)
    expect(chosenFields('all')).toHaveLength(fields.length)
    expect(chosenFields('deps_all').every(({ section }) => section === 'deps')).toBe(true)
    expect(() => chosenFields('name,frob')).toThrow('Unrecognised field: frob')
    const byId = (id: string) => fields.find((field) => field.id === id)?.text(rows[1] as DeviceRow)
    expect(byId('devnos_used')).toBe('254:0,7:1')
    expect(byId('blkdevs_used')).toBe('dm-0,/a/cow')
    expect(byId('devs_used')).toBe('base')
  })

  it('sorts numbers as numbers, and backwards behind a minus', () => {
    const names = (keys: string) => sortRows(rows, keys).map(({ info }) => info.minor)
    expect(names('minor')).toEqual([0, 12])
    expect(names('-minor')).toEqual([12, 0])
    expect(names('events,-name')).toEqual([12, 0])
  })
})

describe('an error', () => {
  const linesOf = async (facts: ConstructorParameters<typeof CowringError>[2], message = 'it failed') => {
    const failing = ioctl('suspend', 'snap', () => Promise.reject(new CowringError('DEVICE_BUSY', message, facts)))
    const error: unknown = await failing.catch((caught) => caught)
    return error instanceof DmsetupFailure ? error.lines : error
  }

  it('has the recorded form: the cause, then the step, with the pair or with two blanks', async () => {
    const log = ['device-mapper: table: 254:2: snapshot: requires 4 or more arguments (-EINVAL)']
    expect(await linesOf({ device: 't', ioctl: 'reload', errno: 22, deviceNumber: '254:2', log })).toEqual([
      ...log,
      'device-mapper: reload ioctl on t (254:2) failed: Invalid argument',
    ])
    expect(await linesOf({ device: 'snap2', ioctl: 'resume', errno: 22 })).toEqual([
      'device-mapper: resume ioctl on snap2  failed: Invalid argument',
    ])
    expect(await linesOf({ ioctl: 'remove', errno: 6 })).toEqual([
      'device-mapper: remove ioctl on snap  failed: No such device or address',
    ])
  })

  it('without a step is named after the verb, and without an errno says its message', async () => {
    expect(await linesOf({ errno: 16 })).toEqual([
      'device-mapper: suspend ioctl on snap  failed: Device or resource busy',
    ])
    expect(await linesOf({})).toEqual(['device-mapper: suspend ioctl on snap  failed: it failed'])
    expect(await linesOf({ errno: 999 })).toEqual(['device-mapper: suspend ioctl on snap  failed: Unknown error 999'])
  })

  it('about a device that info and status do not find is short', async () => {
    const missing = () => Promise.reject(new CowringError('DEVICE_MISSING', 'no', { errno: 6, ioctl: 'info' }))
    await expect(query('info', 'x', missing)).rejects.toThrow(/^Device does not exist\.$/)
  })

  it('that is a bug passes as it is', async () => {
    const bug = new TypeError('x is not a function')
    await expect(ioctl('suspend', 'snap', () => Promise.reject(bug))).rejects.toBe(bug)
  })
})
