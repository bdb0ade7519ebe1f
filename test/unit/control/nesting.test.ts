import { describe, expect, test } from 'vitest'
import { type NestingNode, nestingOf, volumesIn } from '../../../src/control/nesting.js'
import type { BlockFileDescriptor } from '../../../src/io/block-file.js'

const sizeBytes = 4096
const zero = { kind: 'zero', sizeBytes } as const
const volume = (number: number) => ({ kind: 'volume', sizeBytes, volume: number }) as const
const map = (...files: BlockFileDescriptor[]): BlockFileDescriptor => ({
  kind: 'map',
  sizeBytes,
  parts: files.map((file, index) => ({ start: index * 512, byteLength: 512, file, fileOffset: 0 })),
})
const stripes = (...files: BlockFileDescriptor[]): BlockFileDescriptor => ({
  kind: 'stripes',
  sizeBytes,
  chunkBytes: 512,
  columns: files.map((file) => ({ file, fileOffset: 0 })),
  failures: new SharedArrayBuffer(4),
})
const flakey = (file: BlockFileDescriptor): BlockFileDescriptor => ({
  kind: 'flakey',
  ...{ sizeBytes, file, fileOffset: 0, startedMs: 0, upMs: 1, downMs: 1 },
  faults: { failReads: true, failWrites: true, dropWrites: false },
})

describe('the volumes that a file is laid over', () => {
  test.each([
    ['a volume', volume(3), [3]],
    ['nothing', zero, []],
    ['a map', map(volume(3), zero, volume(4)), [3, 4]],
    ['stripes', stripes(volume(3), map(volume(5))), [3, 5]],
    ['a filter', flakey(stripes(volume(6), zero)), [6]],
  ])('%s', (_, file, volumes) => {
    expect(volumesIn(file)).toEqual(volumes)
  })
})

const node = (volumes: number[], ...written: BlockFileDescriptor[]): NestingNode => ({ volumes, written })

function placesOf(...nodes: NestingNode[]) {
  const places = nestingOf(nodes)
  return nodes.map((each) => places.get(each))
}

const outside = { level: 0, stack: 0 }

test('those that write to files only are in no stack', () => {
  expect(placesOf(node([1], zero), node([2, 3], map(zero, zero)))).toEqual([outside, outside])
})

test('a level is one above the highest below; a stack is numbered by its lowest volume', () => {
  const lowest = node([3], zero)
  const middle = node([2, 9], map(zero, volume(3)))
  const top = node([5], volume(3), volume(9))
  const alone = node([1], zero)
  expect(placesOf(top, alone, middle, lowest)).toEqual([
    { level: 3, stack: 2 },
    outside,
    { level: 2, stack: 2 },
    { level: 1, stack: 2 },
  ])
})

test('any volume of a node leads to it, and what writes to itself lies on nothing', () => {
  expect(placesOf(node([1, 2], volume(2)))).toEqual([outside])
  expect(placesOf(node([1, 2], zero), node([3], stripes(volume(2), zero)))).toEqual([
    { level: 1, stack: 1 },
    { level: 2, stack: 1 },
  ])
})

test('two on one are one stack; two pairs are two', () => {
  const places = placesOf(
    ...[node([15], zero), node([11], volume(15)), node([12], flakey(volume(15)))],
    ...[node([20], zero), node([21], volume(20))],
  )
  expect(places).toEqual([
    { level: 1, stack: 11 },
    { level: 2, stack: 11 },
    { level: 2, stack: 11 },
    { level: 1, stack: 20 },
    { level: 2, stack: 20 },
  ])
})

test('a volume that no node has is no reason to be in a stack', () => {
  expect(placesOf(node([1], volume(99)))).toEqual([outside])
})
