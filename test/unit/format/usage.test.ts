import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { capacityOf, dataChunk, geometryOf } from '../../../src/format/geometry.js'
import { percentOf, statusText, type Usage, usageOf } from '../../../src/format/usage.js'
import { anyChunkSectors, holds } from './seeded.js'

const file = 'usage.test.ts'

const persistent = (chunkSectors: number, nextDataIndex: number, committedEntries: number, cowSectors: number): Usage =>
  usageOf({ kind: 'persistent', geometry: geometryOf(chunkSectors), nextDataIndex, committedEntries, cowSectors })

const usage = (text: string): Usage => {
  const [allocatedSectors = 0, totalSectors = 0, metadataSectors = 0] = text.split(/[/ ]/).map(Number)
  return { allocatedSectors, totalSectors, metadataSectors }
}

describe('the status line', () => {
  test.each([
    [0, '16/2097152 16', '32/2097152 32'],
    [1, '24/2097152 16', '48/2097152 32'],
    [2, '32/2097152 16', '64/2097152 32'],
    [255, '2056/2097152 16', '4112/2097152 32'],
    [256, '2072/2097152 24', '4128/2097152 32'],
    [257, '2080/2097152 24', '4144/2097152 32'],
    [511, '4112/2097152 24', '8208/2097152 32'],
    [512, '4128/2097152 32', '8240/2097152 48'],
    [513, '4136/2097152 32', '8256/2097152 48'],
    [1024, '8240/2097152 48', '16448/2097152 64'],
    [49542, '397896/2097152 1560', '794240/2097152 1568'],
  ])('after %i committed exceptions it is %s with chunks of 8 sectors and %s with 16', (count, of8, of16) => {
    expect(statusText(persistent(8, count, count, 2097152))).toBe(of8)
    expect(statusText(persistent(16, count, count, 2097152))).toBe(of16)
  })

  test('allocation counts at once, metadata when it is committed: 256 allocated, 255 committed', () => {
    expect(statusText(persistent(8, 256, 255, 2097152))).toBe('2072/2097152 16')
  })

  test.each([
    ['a running snapshot', 49542, 49542, '397896/2097152 1560', 18.97],
    // The last area was just emptied: its chunk no longer counts as metadata, and still as allocated.
    ['a merge that just stepped back over an area', 35072, 35071, '281688/2097152 1104', 13.43],
    ['a merge under way', 22471, 22471, '180480/2097152 712', 8.61],
    ['a merge that is done', 0, 0, '16/2097152 16', 0],
  ])('the documented line of %s means what we count', (_name, next, committed, text, percent) => {
    const counted = persistent(8, next, committed, 2097152)
    expect(statusText(counted)).toBe(text)
    expect(percentOf(counted)).toBe(percent)
  })

  test.each([
    [8, 16, '16/16 16'],
    [8, 24, '24/24 16'],
    [8, 2056, '2056/2056 16'],
    [8, 2072, '2072/2072 24'],
    [8, 204800, '204800/204800 808'],
    [16, 204800, '204800/204800 416'],
    [1, 35, '35/35 3'],
  ])('chunks of %i sectors: a full COW of %i sectors shows %s', (chunk, sectors, expected) => {
    const full = capacityOf(geometryOf(chunk), sectors)
    expect(statusText(persistent(chunk, full, full, sectors))).toBe(expected)
  })

  test.each([
    [8, 2064, '2056/2064 16'],
    [1, 34, '33/34 2'],
  ])(
    'exact fit, deviation: chunks of %i sectors: a full COW of %i sectors shows %s, where the kernel shows Invalid',
    (chunk, sectors, expected) => {
      const full = capacityOf(geometryOf(chunk), sectors)
      expect(statusText(persistent(chunk, full, full, sectors))).toBe(expected)
    },
  )

  test.each([
    [0, '0/1024 0'],
    [3, '24/1024 0'],
  ])('a transient store with %i exceptions of 8 sectors shows %s', (allocated, expected) => {
    expect(statusText(usageOf({ kind: 'transient', chunkSectors: 8, allocated, cowSectors: 1024 }))).toBe(expected)
  })

  test('in a quiescent store, allocated is metadata plus one chunk per exception', () => {
    holds(
      file,
      fc.property(anyChunkSectors, fc.nat({ max: 2 ** 31 }), (chunk, count) => {
        const { allocatedSectors, metadataSectors } = persistent(chunk, count, count, 0)
        expect(allocatedSectors - metadataSectors).toBe(count * chunk)
        expect(allocatedSectors).toBe(dataChunk(geometryOf(chunk), count) * chunk)
      }),
    )
  })

  test('a store that hands out only what fits never shows more than its total', () => {
    holds(
      file,
      fc.property(anyChunkSectors, fc.nat({ max: 2 ** 40 }), (chunk, sectors) => {
        const full = capacityOf(geometryOf(chunk), sectors)
        // Less than two chunks are no store.
        const cowSectors = Math.max(sectors, 2 * chunk)
        expect(persistent(chunk, full, full, cowSectors).allocatedSectors).toBeLessThanOrEqual(cowSectors)
      }),
    )
  })
})

describe('the percentage', () => {
  test.each([
    ['24/24 16', 100],
    ['24/48 16', 50],
    ['24/200 16', 12],
    ['2016/8192 16', 24.61],
    ['16/8192 16', 0],
    ['24/2097152 16', 0.01],
    ['2097144/2097152 8208', 99.99],
    ['0/1024 0', 0],
  ])('of %s is %d by the rules', (text, percent) => {
    expect(percentOf(usage(text))).toBe(percent)
  })

  test.each([
    ['744/8192 16', 9.08],
    ['1048/8192 16', 12.79],
    ['1048/12288 16', 8.53],
    ['768/4096 256', 18.75],
    ['1536/4096 256', 37.5],
    ['216/8192 16', 2.64],
  ])('of %s is %d, as lvs printed it on a real system', (text, percent) => {
    expect(percentOf(usage(text))).toBe(percent)
  })

  test.each([
    ['40/256 16', 15.62],
    ['24/256 16', 9.38],
  ])('of %s, exactly between two, is the even one: %d', (text, percent) => {
    expect(percentOf(usage(text))).toBe(percent)
  })

  test('a store whose last area is full and whose next lies past the end is 100 %, not more', () => {
    expect(percentOf(usage('2072/2064 16'))).toBe(100)
  })

  test('it is 0 only without data, 100 only when full, grows with usage, and is within a hundredth of the quotient', () => {
    const counts = fc.tuple(fc.integer({ min: 3, max: 2 ** 40 }), fc.nat(), fc.nat())
    holds(
      file,
      fc.property(counts, ([total, a, b]) => {
        const metadataSectors = 1
        const [less, more] = [1 + (a % total), 1 + (b % total)].sort((x, y) => x - y) as [number, number]
        const [low, high] = [less, more].map((allocatedSectors) =>
          percentOf({ allocatedSectors, totalSectors: total, metadataSectors }),
        ) as [number, number]
        expect(low).toBeLessThanOrEqual(high)
        expect(high === 0).toBe(more === metadataSectors)
        expect(high === 100).toBe(more === total)
        if (more !== metadataSectors) expect(Math.abs(high - (more / total) * 100)).toBeLessThan(0.01)
      }),
    )
  })
})
