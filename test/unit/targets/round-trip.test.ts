import fc from 'fast-check'
import { expect, test } from 'vitest'
import { flakeyFeatures, flakeyTable, parseFlakey } from '../../../src/targets/flakey.js'
import { linearTable, parseLinear } from '../../../src/targets/linear.js'
import { parseSnapshot, parseStore, snapshotTable } from '../../../src/targets/snapshot.js'
import { parseStriped, stripedStatus, stripedTable } from '../../../src/targets/striped.js'
import { parseTableText, type TableLine } from '../../../src/targets/table-text.js'
import { holds } from '../../support/seeded.js'
import { deviceNumber, sectorCount, uint32 } from '../../support/table-words.js'

const file = 'test/unit/targets/round-trip.test.ts'

function lineOf(type: string, words: string, length = 8): TableLine {
  const [line] = parseTableText(`0 ${length} ${type} ${words}`)
  if (line === undefined) throw new Error('no line')
  return line
}

test('a linear target reads as it prints', () => {
  const property = fc.property(deviceNumber, sectorCount, (device, offset) => {
    const spec = { type: 'linear', device, offset } as const
    expect(parseLinear(lineOf('linear', linearTable(spec, [device])))).toEqual(spec)
  })
  holds(file, property)
})

test('a striped target reads as it prints', () => {
  const columns = fc.array(fc.record({ device: deviceNumber, offset: sectorCount }), { minLength: 1, maxLength: 9 })
  const property = fc.property(
    columns,
    fc.integer({ min: 1, max: 4096 }),
    fc.integer({ min: 1, max: 50 }),
    (c, s, n) => {
      const spec = { type: 'striped', chunkSectors: s, columns: c } as const
      const words = stripedTable(
        spec,
        c.map(({ device }) => device),
      )
      expect(parseStriped(lineOf('striped', words, c.length * s * n))).toEqual(spec)
    },
  )
  holds(file, property)
})

test('a flakey target reads as it prints', () => {
  const features = fc
    .subarray([...flakeyFeatures])
    .filter((given) => !(given.includes('drop_writes') && given.includes('error_writes')))
  const property = fc.property(
    deviceNumber,
    sectorCount,
    uint32,
    uint32,
    features,
    (device, offset, up, down, given) => {
      fc.pre(up + down > 0)
      const spec = { type: 'flakey', device, offset, upSeconds: up, downSeconds: down, features: given } as const
      expect(parseFlakey(lineOf('flakey', flakeyTable(spec, [device])))).toEqual(spec)
    },
  )
  holds(file, property)
})

test('a snapshot target reads as it prints: letters large, features in their order', () => {
  const property = fc.property(
    ...[deviceNumber, deviceNumber],
    fc.constantFrom('P', 'PO', 'N', 'p', 'po', 'pO', 'n'),
    fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    fc.constantFrom([], ['discard_zeroes_cow'], ['discard_passdown_origin', 'discard_zeroes_cow']),
    (origin, cow, storeWord, chunk, features) => {
      const given = `${origin} ${cow} ${storeWord} ${chunk} ${features.length} ${features.join(' ')}`
      const spec = parseSnapshot(lineOf('snapshot', given))
      const printed = snapshotTable({ ...spec, ...parseStore(spec) }, [origin, cow])
      const again = parseSnapshot(lineOf('snapshot', printed))
      expect({ ...again, ...parseStore(again) }).toEqual({
        ...spec,
        ...parseStore(spec),
        storeWord: storeWord.toUpperCase(),
      })
      expect(snapshotTable({ ...again, ...parseStore(again) }, [origin, cow])).toBe(printed)
    },
  )
  holds(file, property)
})

test.each([
  [{ store: 'P', chunkSectors: 16 }, false, false, '254:11 254:12 P 16'],
  [{ store: 'PO', chunkSectors: 16 }, false, false, '254:11 254:12 PO 16'],
  // Before its handover a snapshot has no chunk size yet.
  [{ store: 'P', chunkSectors: 0 }, false, false, '254:11 254:12 P 0'],
  [{ store: 'N', chunkSectors: 8 }, true, false, '254:11 254:12 N 8 1 discard_zeroes_cow'],
  [{ store: 'P', chunkSectors: 16 }, true, true, '254:11 254:12 P 16 2 discard_zeroes_cow discard_passdown_origin'],
] as const)('a snapshot %j prints as the kernel does', (store, discardZeroesCow, discardPassdownOrigin, text) => {
  const words = { origin: 'o', cow: 'c', storeWord: 'p', chunkWord: '4' }
  const spec = { type: 'snapshot', ...words, discardZeroesCow, discardPassdownOrigin, ...store } as const
  expect(snapshotTable(spec, ['254:11', '254:12'])).toBe(text)
})

test.each([
  [['8:1'], [false], '1 8:1 1 A'],
  [['8:1', '8:2', '8:3'], [false, true, false], '3 8:1 8:2 8:3 1 ADA'],
])('the status of stripes over %j that failed as %j is %s', (numbers, failed, text) => {
  expect(stripedStatus(numbers, failed)).toBe(text)
})
