import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { conciseOf, parseConcise } from '../../../src/control/concise.js'
import { MappedDevice } from '../../../src/control/mapped-device.js'
import { PhysicalDevice } from '../../../src/control/physical-devices.js'
import { Table, type Target } from '../../../src/control/table.js'
import { ZeroFile } from '../../../src/io/odd-files.js'
import { parseTableText } from '../../../src/targets/table-text.js'
import { sharedArena } from '../../support/contract-files.js'
import { holds } from '../../support/seeded.js'
import { nastyText } from '../../support/table-words.js'

const arena = sharedArena(65536)
const sizeBytes = 1 << 20

function mapped(name: string, minor: number, targets: readonly Target[] = [], uuid?: string, readOnly = false) {
  const device = new MappedDevice(name, minor, { begin: () => {}, refuse: () => {} }, {} as never)
  device.uuid = uuid
  if (targets.length > 0) device.live = new Table(targets, [], readOnly)
  return device
}

function fileAt(path: string, minor = 0) {
  const source = {
    descriptor: { kind: 'zero', sizeBytes } as const,
    ...{ path, name: path, identity: path, sizeBytes, blockSectors: 1, created: false },
    remove: () => {},
    close: () => {},
  }
  return new PhysicalDevice(source as never, new ZeroFile(sizeBytes, arena), true, path, [240, minor])
}

const linear = (start: number, length: number, device: PhysicalDevice | MappedDevice, offset = 0): Target => ({
  ...{ start, length, type: 'linear' as const, devices: [device] },
  spec: { type: 'linear', device: '', offset },
})
const zeroTarget: Target = { start: 0, length: 8, type: 'zero', devices: [] }

test('a device is NAME,UUID,MINOR,FLAGS and its lines; devices are separated by semicolons', () => {
  const one = mapped('one', 4, [linear(0, 8, fileAt('/img/a')), { ...zeroTarget, start: 8 }], 'U-1', true)
  expect(conciseOf([one, mapped('two', 7)])).toBe('one,U-1,4,ro,0 8 linear /img/a 0,8 8 zero ;two,,7,rw')
})

test('those that others lie on come first, and nobody is named who was not asked for', () => {
  const below = mapped('z-below', 2, [linear(0, 8, fileAt('/img/a'))])
  const middle = mapped('m', 1, [linear(0, 8, below)])
  const top = mapped('a-top', 0, [linear(0, 8, middle)])
  expect(conciseOf([top, middle, below]).split(';')).toEqual([
    'z-below,,2,rw,0 8 linear /img/a 0',
    'm,,1,rw,0 8 linear 254:2 0',
    'a-top,,0,rw,0 8 linear 254:1 0',
  ])
  expect(conciseOf([top])).toBe('a-top,,0,rw,0 8 linear 254:1 0')
})

describe('parsing', () => {
  test.each([
    ['', []],
    [' ; \n ;', []],
    ['a,,,', [{ name: 'a', uuid: undefined, minor: undefined, readOnly: false, table: undefined }]],
    ['a,,,rw', [{ name: 'a', uuid: undefined, minor: undefined, readOnly: false, table: undefined }]],
    [' a , u , 12 , ro , 0 8 zero ', [{ name: 'a', uuid: 'u', minor: 12, readOnly: true, table: '0 8 zero' }]],
    [
      'a,,,rw,0 8 zero,8 8 error;\n b,,,rw',
      [
        { name: 'a', uuid: undefined, minor: undefined, readOnly: false, table: '0 8 zero\n8 8 error' },
        { name: 'b', uuid: undefined, minor: undefined, readOnly: false, table: undefined },
      ],
    ],
    [
      'a\\,b\\;c\\\\d,,,rw',
      [{ name: 'a,b;c\\d', uuid: undefined, minor: undefined, readOnly: false, table: undefined }],
    ],
    ['\\ a\\ ,,,rw', [{ name: ' a ', uuid: undefined, minor: undefined, readOnly: false, table: undefined }]],
  ])('%j is %j', (text, devices) => {
    expect(parseConcise(text)).toEqual(devices)
  })

  test.each([
    [',,,rw', 'it has no name'],
    ['a', 'it has 1 of the fields'],
    ['a,u,3', 'it has 3 of the fields'],
    ['a,,,RW', "'RW' is neither ro nor rw"],
    ['a,,x,rw', "'x' is no minor number"],
    ['a,,-1,rw', "'-1' is no minor number"],
    ['a,,12345678,rw', "'12345678' is no minor number"],
    ['a,,,rw;b,,,no', "'no' is neither ro nor rw"],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => parseConcise(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(reason) }),
    )
  })
})

test('what is printed reads as it was, whatever names and paths are made of', () => {
  const device = fc.record({
    name: nastyText,
    uuid: fc.option(nastyText, { nil: undefined }),
    readOnly: fc.boolean(),
    paths: fc.array(nastyText, { maxLength: 3 }),
  })
  const property = fc.property(fc.array(device, { minLength: 1, maxLength: 4 }), (wanted) => {
    const devices = wanted.map(({ name, paths, readOnly, uuid }, minor) => {
      const targets = paths.map((path, index) => linear(index * 8, 8, fileAt(`/${path}`), index))
      return mapped(name, minor, targets, uuid, readOnly && targets.length > 0)
    })
    const read = parseConcise(conciseOf(devices))
    expect(read.map(({ minor, name, uuid }) => ({ name, uuid, minor }))).toEqual(
      devices.map(({ minor, name, uuid }) => ({ name, uuid, minor })),
    )
    for (const [index, { readOnly, table }] of read.entries()) {
      expect(readOnly).toBe(devices[index]?.readOnly)
      const words = table === undefined ? [] : parseTableText(table).map((line) => line.words)
      expect(words).toEqual(wanted[index]?.paths.map((path, line) => [`/${path}`, String(line)]))
    }
  })
  holds('test/unit/control/concise.test.ts', property)
})

test('a path that ends in white space may end a line', () => {
  const origin = { start: 0, length: 8, type: 'snapshot-origin', devices: [fileAt('/a ')], family: {} } as unknown
  const [read] = parseConcise(conciseOf([mapped('o', 0, [origin as Target])]))
  expect(parseTableText(read?.table ?? '')).toEqual([{ start: 0, length: 8, type: 'snapshot-origin', words: ['/a '] }])
})
