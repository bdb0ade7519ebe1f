import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  areaChunk,
  areaOfPosition,
  byteOffsetOfPosition,
  canCommit,
  capacityOf,
  chunkSectorsMax,
  dataChunk,
  dataIndexOf,
  endPositionOf,
  geometryOf,
  isMetadataChunk,
  nextDataIndex,
  validateChunkSectors,
} from '../../../src/format/geometry.js'
import { anyChunkSectors, holds } from './seeded.js'

const file = 'geometry.test.ts'
const anyGeometry = anyChunkSectors.map(geometryOf)
const small = geometryOf(1)

describe('where areas and data lie', () => {
  test.each([
    { chunk: 1, epa: 32, areas: [1, 34, 67, 100], sectors: [1, 34, 67, 100] },
    { chunk: 2, epa: 64, areas: [1, 66, 131, 196], sectors: [2, 132, 262, 392] },
    { chunk: 4, epa: 128, areas: [1, 130, 259, 388], sectors: [4, 520, 1036, 1552] },
    { chunk: 8, epa: 256, areas: [1, 258, 515, 772], sectors: [8, 2064, 4120, 6176] },
    { chunk: 16, epa: 512, areas: [1, 514, 1027, 1540], sectors: [16, 8224, 16432, 24640] },
    { chunk: 32, epa: 1024, areas: [1, 1026, 2051, 3076], sectors: [32, 32832, 65632, 98432] },
    { chunk: 64, epa: 2048, areas: [1, 2050, 4099, 6148], sectors: [64, 131200, 262336, 393472] },
    { chunk: 128, epa: 4096, areas: [1, 4098, 8195, 12292], sectors: [128, 524544, 1048960, 1573376] },
    {
      chunk: 1024,
      epa: 32768,
      areas: [1, 32770, 65539, 98308],
      sectors: [1024, 33556480, 67111936, 100667392],
    },
  ])('chunks of $chunk sectors have areas of $epa entries at chunks $areas', ({ chunk, epa, areas, sectors }) => {
    const g = geometryOf(chunk)
    expect(g).toEqual({ chunkSectors: chunk, chunkBytes: chunk * 512, entriesPerArea: epa })
    expect([0, 1, 2, 3].map((area) => areaChunk(g, area))).toEqual(areas)
    expect([0, 1, 2, 3].map((area) => areaChunk(g, area) * chunk)).toEqual(sectors)
    expect(areas.every((area) => isMetadataChunk(g, area))).toBe(true)
    expect(areas.some((area) => isMetadataChunk(g, area - 1) || isMetadataChunk(g, area + 1))).toBe(false)
  })

  test.each([
    [1, { 0: 2, 31: 33, 32: 35, 33: 36, 63: 66, 64: 68 }],
    [8, { 0: 2, 1: 3, 255: 257, 256: 259, 257: 260, 511: 514, 512: 516 }],
    [16, { 0: 2, 1: 3, 511: 513, 512: 515, 513: 516, 1023: 1026, 1024: 1028 }],
  ])('with chunks of %i sectors the i-th exception is stored in chunk %j', (chunk, chunkOfIndex) => {
    const g = geometryOf(chunk)
    for (const [index, expected] of Object.entries(chunkOfIndex)) {
      expect(dataChunk(g, Number(index)), `index ${index}`).toBe(expected)
      expect(dataIndexOf(g, expected), `chunk ${expected}`).toBe(Number(index))
    }
  })

  test('the header, the areas and what is no chunk number have no data index', () => {
    const g = geometryOf(8)
    for (const chunk of [0, 1, 258, 515, -1, 2.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(dataIndexOf(g, chunk), `chunk ${chunk}`).toBeUndefined()
    }
  })

  test('the header is no metadata chunk, though it holds metadata', () => {
    expect(isMetadataChunk(small, 0)).toBe(false)
  })

  test('data indexes number the chunks that are neither header nor area, in order', () => {
    const isData = (chunk: number) => chunk >= 2 && chunk % 33 !== 1
    const data = Array.from({ length: 400 }, (_, chunk) => chunk).filter(isData)
    expect(data.map((chunk) => dataIndexOf(small, chunk))).toEqual(data.map((_, index) => index))
    expect(data.map((_, index) => dataChunk(small, index))).toEqual(data)
  })

  test('dataIndexOf undoes dataChunk, for every chunk size and far beyond 32 bits', () => {
    holds(
      file,
      fc.property(anyGeometry, fc.nat({ max: 2 ** 50 }), (g, index) => {
        const chunk = dataChunk(g, index)
        expect(isMetadataChunk(g, chunk)).toBe(false)
        expect(dataIndexOf(g, chunk)).toBe(index)
      }),
    )
  })

  test('every chunk is the header, an area, or the chunk of exactly its data index', () => {
    holds(
      file,
      fc.property(anyGeometry, fc.integer({ min: 1, max: 2 ** 50 }), (g, chunk) => {
        const index = dataIndexOf(g, chunk)
        if (index === undefined) expect(areaChunk(g, Math.floor(chunk / (g.entriesPerArea + 1)))).toBe(chunk)
        else expect(dataChunk(g, index)).toBe(chunk)
      }),
    )
  })

  test('entries lie one after another in their area, and areas at their chunks', () => {
    const g = geometryOf(8)
    const where = [0, 1, 255, 256, 257, 512].map((position) => [
      areaOfPosition(g, position),
      byteOffsetOfPosition(g, position),
    ])
    expect(where).toEqual([
      [0, 4096],
      [0, 4112],
      [0, 4096 + 4080],
      [1, 258 * 4096],
      [1, 258 * 4096 + 16],
      [2, 515 * 4096],
    ])
  })

  test('the geometry of a chunk size is computed once', () => {
    expect(geometryOf(64)).toBe(geometryOf(64))
  })

  test.each([0, 3, -8, 1.5, chunkSectorsMax * 2])('there is no geometry of %d sectors', (chunkSectors) => {
    expect(() => geometryOf(chunkSectors)).toThrow('no legal chunk')
  })
})

describe('what is handed out after a load', () => {
  const g = geometryOf(8)

  test.each([
    ['no entry', undefined, 0],
    ['one entry', 2, 1],
    ['an area that lacks one', 256, 255],
    ['a full area: the next area is stepped over', 257, 256],
    ['the first of the second area', 259, 257],
    ['two full areas', 514, 512],
  ])('%s', (_name, highest, expected) => {
    expect(nextDataIndex(g, highest)).toBe(expected)
  })

  test('it is the data index after the highest, so allocation never returns to what a list uses', () => {
    holds(
      file,
      fc.property(anyGeometry, fc.nat({ max: 2 ** 40 }), (geometry, index) => {
        expect(nextDataIndex(geometry, dataChunk(geometry, index))).toBe(index + 1)
      }),
    )
  })

  test('from a highest chunk that is an area itself the first data chunk behind it is next', () => {
    expect(nextDataIndex(g, 1)).toBe(0)
    expect(nextDataIndex(g, 258)).toBe(256)
  })
})

describe('capacity', () => {
  test.each([
    [8, 0, 0],
    [8, 8, 0],
    [8, 16, 0],
    [8, 24, 1],
    [8, 32, 2],
    [8, 2056, 255],
    [8, 2072, 256],
    [8, 2080, 257],
    [8, 204800, 25499],
    [16, 48, 1],
    [16, 204800, 12774],
    [1, 35, 32],
  ])('chunks of %i sectors: a COW of %i sectors holds %i exceptions, as in the kernel', (chunk, sectors, expected) => {
    expect(capacityOf(geometryOf(chunk), sectors)).toBe(expected)
  })

  test.each([
    [8, 2064, 255],
    [1, 34, 31],
    [16, 514 * 16, 511],
    [8, 515 * 8, 511],
  ])(
    'exact fit, deviation: chunks of %i sectors: a COW of %i sectors is full after %i exceptions, where the kernel hands out one more and invalidates the snapshot',
    (chunk, sectors, expected) => {
      const g = geometryOf(chunk)
      expect(sectors).toBeGreaterThanOrEqual((dataChunk(g, expected) + 1) * chunk)
      expect(canCommit(g, sectors, expected)).toBe(false)
      expect(canCommit(g, sectors, expected - 1)).toBe(true)
      expect(capacityOf(g, sectors)).toBe(expected)
      expect(capacityOf(g, sectors + chunk)).toBe(expected + 1)
    },
  )

  test('a trailing fraction of a chunk holds nothing', () => {
    for (const extra of [1, 7]) expect(capacityOf(geometryOf(8), 24 + extra)).toBe(1)
  })

  /** The rules one by one: the data chunk fits, and so does the area the list ends in after the commit. */
  const countedCapacity = (chunkSectors: number, cowSectors: number, offset = 0): number => {
    const g = geometryOf(chunkSectors)
    const fits = (chunk: number) => (chunk + 1) * chunkSectors <= cowSectors
    for (let position = 0; ; position += 1) {
      if (!fits(dataChunk(g, position + offset))) return position
      const fills = (position + 1) % g.entriesPerArea === 0
      if (fills && !fits(areaChunk(g, (position + 1) / g.entriesPerArea))) return position
    }
  }

  test('it is what counting exceptions one by one gives, for every size up to four areas', () => {
    for (let sectors = 0; sectors <= 140; sectors += 1) {
      expect(capacityOf(small, sectors), `${sectors} sectors`).toBe(countedCapacity(1, sectors))
    }
    for (let sectors = 0; sectors <= 530; sectors += 1) {
      expect(capacityOf(geometryOf(2), sectors), `${sectors} sectors, chunk 2`).toBe(countedCapacity(2, sectors))
    }
  })

  test('in a store with holes the end comes earlier by the holes, and no area is missing', () => {
    for (const offset of [1, 2, 31, 32, 33]) {
      for (let sectors = 0; sectors <= 140; sectors += 1) {
        const end = endPositionOf(small, sectors, offset)
        expect(end, `${sectors} sectors, offset ${offset}`).toBe(countedCapacity(1, sectors, offset))
      }
    }
  })

  test('a larger COW never holds less, and one sector more gives at most one exception', () => {
    holds(
      file,
      fc.property(anyGeometry, fc.nat({ max: 2 ** 42 }), (g, sectors) => {
        const more = capacityOf(g, sectors + 1) - capacityOf(g, sectors)
        expect(more === 0 || more === 1).toBe(true)
      }),
    )
  })

  test('what fits can be stored, committed and loaded again; one more cannot', () => {
    holds(
      file,
      fc.property(anyGeometry, fc.nat({ max: 2 ** 42 }), (g, sectors) => {
        const capacity = capacityOf(g, sectors)
        const handedOut = (index: number) =>
          (dataChunk(g, index) + 1) * g.chunkSectors <= sectors && canCommit(g, sectors, index)
        if (capacity > 0) expect(handedOut(capacity - 1)).toBe(true)
        expect(handedOut(capacity)).toBe(false)
      }),
    )
  })
})

describe('legal chunk sizes', () => {
  test('every power of two from one sector to 1 GiB is legal on blocks of 512 bytes', () => {
    for (let log2 = 0; log2 <= 21; log2 += 1) expect(validateChunkSectors(2 ** log2, [1, 1])).toBeUndefined()
  })

  test.each([0, 3, 12, -8, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    '%d is no power of 2',
    (chunkSectors) => {
      expect(validateChunkSectors(chunkSectors, [1])).toBe('Chunk size is not a power of 2')
    },
  )

  test.each([
    [1, [8, 1]],
    [4, [1, 8]],
  ])('a chunk of %i sectors does not go with blocks of %j sectors', (chunkSectors, blockSectors) => {
    expect(validateChunkSectors(chunkSectors, blockSectors)).toBe('Chunk size is not a multiple of device blocksize')
  })

  test.each([2 ** 22, 2 ** 31])('%d sectors are too high', (chunkSectors) => {
    expect(validateChunkSectors(chunkSectors, [1])).toBe('Chunk size is too high')
  })
})
