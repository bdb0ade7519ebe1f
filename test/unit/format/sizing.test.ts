import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { capacityOf, geometryOf } from '../../../src/format/geometry.js'
import { extendPercent, maximumCowChunks, maximumCowSectors } from '../../../src/format/sizing.js'
import { percentOf, usageOf } from '../../../src/format/usage.js'
import { anyChunkSectors, holds } from './seeded.js'

const kib = 2
const mib = 1024 * kib
const gib = 1024 * mib

describe('the largest useful COW', () => {
  test.each([
    ['4 KiB', 4 * kib, '4 KiB', 4 * kib, 3, 12],
    ['4 KiB', 4 * kib, '128 KiB', 128 * kib, 3, 384],
    ['20 KiB', 20 * kib, '4 KiB', 4 * kib, 7, 28],
    ['1 MiB', mib, '4 KiB', 4 * kib, 259, 1036],
    ['1 GiB', gib, '4 KiB', 4 * kib, 263170, 1052680],
    ['1 GiB', gib, '8 KiB', 8 * kib, 131330, 1050640],
    ['4 GiB', 4 * gib, '4 KiB', 4 * kib, 1052674, 4210696],
  ])(
    'for an origin of %s (%i sectors) and chunks of %s (%i sectors) has %i chunks, %i KiB',
    (_o, origin, _c, chunk, chunks, size) => {
      expect(maximumCowChunks(origin, chunk)).toBe(chunks)
      expect(maximumCowSectors(origin, chunk)).toBe(size * kib)
    },
  )

  test('it holds every chunk of the origin, so such a store never fills', () => {
    holds(
      'sizing.test.ts',
      fc.property(anyChunkSectors, fc.integer({ min: 1, max: 2 ** 40 }), (chunk, origin) => {
        const capacity = capacityOf(geometryOf(chunk), maximumCowSectors(origin, chunk))
        expect(capacity).toBeGreaterThanOrEqual(Math.ceil(origin / chunk))
      }),
    )
  })

  test('one chunk less would not do', () => {
    holds(
      'sizing.test.ts',
      fc.property(anyChunkSectors, fc.integer({ min: 1, max: 2 ** 40 }), (chunk, origin) => {
        const capacity = capacityOf(geometryOf(chunk), maximumCowSectors(origin, chunk) - chunk)
        expect(capacity).toBeLessThan(Math.ceil(origin / chunk))
      }),
    )
  })
})

describe('extension by policy', () => {
  test.each([
    [75, 70, 20, 20],
    [90, 70, 20, 29],
    [100, 70, 20, 43],
    [100, 50, 20, 100],
    [50, 50, 20, 0],
    [70, 70, 20, 0],
    [70.01, 70, 20, 20],
    [100, 100, 20, 0],
    [77, 70, 5, 10],
  ])('at %d %% with threshold %i and percent %i the COW grows by %i %%', (used, threshold, percent, expected) => {
    expect(extendPercent(used, threshold, percent)).toBe(expected)
  })

  test('a store of 12 KiB that one write filled grows by its own size, and is half full then', () => {
    const counts = { kind: 'persistent', geometry: geometryOf(8), nextDataIndex: 1, committedEntries: 1 } as const
    const full = percentOf(usageOf({ ...counts, cowSectors: 24 }))
    expect(full).toBe(100)
    const grown = 24 * (1 + extendPercent(full, 50, 20) / 100)
    expect(grown).toBe(48)
    expect(percentOf(usageOf({ ...counts, cowSectors: grown }))).toBe(50)
  })

  test('250 exceptions of 4 KiB in 4 MiB are 24.61 %', () => {
    const usage = usageOf({
      kind: 'persistent',
      geometry: geometryOf(8),
      nextDataIndex: 250,
      committedEntries: 250,
      cowSectors: 8192,
    })
    expect(percentOf(usage)).toBe(24.61)
  })

  test('it never grows below what brings usage down to the threshold', () => {
    const hundredths = fc.integer({ min: 0, max: 10000 })
    holds(
      'sizing.test.ts',
      fc.property(hundredths, fc.integer({ min: 50, max: 100 }), fc.nat({ max: 100 }), (used, threshold, percent) => {
        const grown = extendPercent(used / 100, threshold, percent)
        if (used <= 100 * threshold) expect(grown).toBe(0)
        else {
          expect(grown).toBeGreaterThanOrEqual(percent)
          expect(used).toBeLessThanOrEqual(threshold * (100 + grown))
          if (grown > percent) expect(used).toBeGreaterThan(threshold * (100 + grown - 1))
        }
      }),
    )
  })

  test('a threshold below 50 is a programmer’s mistake', () => {
    expect(() => extendPercent(60, 40, 20)).toThrow('between 50 and 100')
  })
})
