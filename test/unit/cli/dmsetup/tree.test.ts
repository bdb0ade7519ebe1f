import { describe, expect, it } from 'vitest'
import { drawTree, treeOf, treeStyle } from '../../../../src/cli/dmsetup/tree.js'
import type { DeviceInfo, DeviceNumber } from '../../../../src/index.js'

const info = (name: string, minor: number): DeviceInfo => ({
  name,
  uuid: undefined,
  major: 254,
  minor,
  sectors: 8,
  suspended: minor === 3,
  readOnly: minor === 2,
  deferredRemove: false,
  live: true,
  inactive: false,
  openCount: minor,
  eventNumber: 0,
  targetCount: 1,
})
const mapped = (name: string, minor: number): DeviceNumber => ({ major: 254, minor, name, path: undefined })
const file = (minor: number, path: string): DeviceNumber => ({ major: 7, minor, name: undefined, path })

/** A live snapshot as LVM2 lays it out, and a device by itself. */
const devices = [
  { info: info('alone', 9), uses: [] },
  { info: info('base', 0), uses: [mapped('base-real', 1)] },
  { info: info('base-real', 1), uses: [file(0, '/disk')] },
  { info: info('snap', 2), uses: [mapped('base-real', 1), mapped('snap-cow', 3)] },
  { info: info('snap-cow', 3), uses: [file(1, '/cow')] },
]
const drawn = (words?: string, { utf8 = false, columns = 80 } = {}): string[] => {
  const style = treeStyle(words, utf8)
  return drawTree(treeOf(devices, style.inverted), style, columns).split('\n').slice(0, -1)
}

describe('the tree', () => {
  it('hangs what devices use under them, in ASCII', () => {
    expect(drawn()).toEqual([
      'alone (254:9)',
      'base (254:0)',
      ' `-base-real (254:1)',
      '    `- (7:0)',
      'snap (254:2)',
      ' |-base-real (254:1)',
      ' |  `- (7:0)',
      ' `-snap-cow (254:3)',
      '    `- (7:1)',
    ])
  })

  it('is drawn with box characters where the terminal has them, or on demand', () => {
    const expected = [
      'alone (254:9)',
      'base (254:0)',
      ' └─base-real (254:1)',
      '    └─ (7:0)',
      'snap (254:2)',
      ' ├─base-real (254:1)',
      ' │  └─ (7:0)',
      ' └─snap-cow (254:3)',
      '    └─ (7:1)',
    ]
    expect(drawn(undefined, { utf8: true })).toEqual(expected)
    expect(drawn('utf')).toEqual(expected)
    expect(drawn('ascii', { utf8: true })).toEqual(drawn())
  })

  it('turned round hangs what uses them under files', () => {
    expect(drawn('inverted,nodevice,blkdevname')).toEqual([
      'alone <dm-9>',
      ' </disk>',
      ' `-base-real <dm-1>',
      '    |-base <dm-0>',
      '    `-snap <dm-2>',
      ' </cow>',
      ' `-snap-cow <dm-3>',
      '    `-snap <dm-2>',
    ])
  })

  it('shows attributes beside each device', () => {
    expect(drawn('nodevice,active,rw,open,uuid')).toEqual([
      'alone [ACTIVE, RW, 9, ]',
      'base [ACTIVE, RW, 0, ]',
      ' `-base-real [ACTIVE, RW, 1, ]',
      '    `-',
      'snap [ACTIVE, RO, 2, ]',
      ' |-base-real [ACTIVE, RW, 1, ]',
      ' |  `-',
      ' `-snap-cow [SUSPENDED, RW, 3, ]',
      '    `-',
    ])
  })

  it('compact puts a first child on the line of its parent', () => {
    expect(drawn('compact')).toEqual([
      'alone (254:9)',
      'base (254:0)---base-real (254:1)--- (7:0)',
      'snap (254:2)-+-base-real (254:1)--- (7:0)',
      '             `-snap-cow (254:3)--- (7:1)',
    ])
  })

  it('is cut at the width of the terminal, unless told otherwise', () => {
    expect(drawn(undefined, { columns: 12 }).slice(0, 2)).toEqual(['alone (254:...', 'base (254:0)'])
    expect(drawn('notrunc', { columns: 12 })).toEqual(drawn())
  })

  it('takes options cut short, and refuses unknown ones by name', () => {
    expect(drawn('inv,nodev,blk')).toEqual(drawn('inverted,nodevice,blkdevname'))
    expect(() => treeStyle('frob', false)).toThrow('Tree options not recognised: frob.')
  })
})
