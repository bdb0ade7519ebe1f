/** What delta lists, against both sides written out and compared byte by byte. */
import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdFile } from '../../../src/control/hold-file.js'
import { type DeltaOptions, storeDelta } from '../../../src/control/store-delta.js'
import { storeByHand } from '../../support/store-by-hand.js'
import { newChunkOf } from '../../support/store-image.js'
import { holds } from '../cli/seeded.js'
import { temporaryFolder } from '../io/temporary-folder.js'

const at = temporaryFolder()
let number = 0
const fileOf = (bytes: Uint8Array): string => {
  const path = at(`file-${number++}`)
  writeFileSync(path, bytes)
  return path
}
type Entries = NonNullable<Parameters<typeof storeByHand>[0]['entries']>
const cow = (entries: Entries, data?: (newChunk: number) => number, chunkSectors = 8) =>
  fileOf(storeByHand({ entries, chunkSectors, ...(data === undefined ? {} : { data }) }))

async function delta(path: string, options: DeltaOptions = {}) {
  const ranges: [offset: number, length: number, kind: string][] = []
  for await (const { offset, length, kind } of storeDelta(path, options)) ranges.push([offset, length, kind])
  return ranges
}
const chunk = 4096

describe('a snapshot and its origin', () => {
  const entries = [
    [9, 2],
    [3, 3],
    [8, 4],
    [4, 5],
  ] as const

  it('may differ where there are exceptions: ascending, neighbours joined, cut off at the end of the origin', async () => {
    expect(await delta(cow(entries))).toEqual([
      [3 * chunk, 2 * chunk, 'may-differ'],
      [8 * chunk, 2 * chunk, 'may-differ'],
    ])
    expect(await delta(cow(entries), { originSectors: 9 * 8 + 3 })).toEqual([
      [3 * chunk, 2 * chunk, 'may-differ'],
      [8 * chunk, chunk + 3 * 512, 'may-differ'],
    ])
    expect(await delta(cow([]))).toEqual([])
  })

  it('are compared to the sector when the origin is given', async () => {
    const origin = Buffer.alloc(9 * chunk + 3 * 512, 1)
    origin[3 * chunk + 512] = 2
    origin[9 * chunk - 1] = 2
    origin[9 * chunk + 1024] = 2
    expect(
      await delta(
        cow(entries, () => 1),
        { origin: fileOf(origin) },
      ),
    ).toEqual([
      [3 * chunk + 512, 512, 'differs'],
      [9 * chunk - 512, 512, 'differs'],
      [9 * chunk + 1024, 512, 'differs'],
    ])
  })
})

describe('two snapshots', () => {
  it('are compared where both have exceptions, and may differ where one has', async () => {
    const one = cow(
      [
        [1, 2],
        [2, 3],
        [5, 4],
      ],
      (newChunk) => newChunk,
    )
    const other = cow(
      [
        [2, 2],
        [1, 3],
        [6, 4],
      ],
      (newChunk) => (newChunk === 3 ? 2 : 7),
    )
    expect(await delta(one, { other })).toEqual([
      [2 * chunk, chunk, 'differs'],
      [5 * chunk, 2 * chunk, 'may-differ'],
    ])
    // The origin holds what chunk 4 of `one` holds: there they are the same.
    expect(await delta(one, { other, origin: fileOf(Buffer.alloc(7 * chunk, 4)) })).toEqual([
      [2 * chunk, chunk, 'differs'],
      [6 * chunk, chunk, 'differs'],
    ])
    expect(await delta(one, { other: one })).toEqual([])
  })
})

/** Any two stores of one origin, and what both snapshots show, written out. */
const sides = fc
  .record({
    originSectors: fc.integer({ min: 1, max: 150 }),
    chunkSectors: fc.tuple(fc.constantFrom(1, 2, 4, 8), fc.constantFrom(1, 2, 4, 8)),
    picks: fc.tuple(fc.array(fc.nat(149), { maxLength: 40 }), fc.array(fc.nat(149), { maxLength: 40 })),
    values: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  })
  .map(({ originSectors, chunkSectors, picks, values }) => {
    const origin = Buffer.alloc(originSectors * 512)
    for (let sector = 0; sector < originSectors; sector++) origin[sector * 512 + 7] = sector % 3
    const side = (which: 0 | 1) => {
      const sectors = chunkSectors[which]
      const chunks = Math.ceil(originSectors / sectors)
      const olds = [...new Set(picks[which].map((pick) => pick % chunks))]
      const entries = olds.map((old, index) => [old, newChunkOf(index, sectors)] as const)
      const store = storeByHand({ chunkSectors: sectors, chunks: 220, entries, data: () => 0 })
      const shown = Buffer.from(origin)
      for (const [old, newChunk] of entries) {
        for (let sector = 0; sector < sectors; sector++) {
          // Some sectors of a copy are what the origin holds, some are not.
          store[(newChunk * sectors + sector) * 512 + 7] = ((old + sector) * values[which]) % 3
        }
        store.copy(shown, old * sectors * 512, newChunk * sectors * 512, (newChunk + 1) * sectors * 512)
      }
      const hasSector = (sector: number) => olds.includes(Math.floor(sector / sectors))
      return { store, shown, hasSector }
    }
    return { origin, originSectors, one: side(0), other: side(1) }
  })

/** Sector by sector: where the two sides differ, or may. */
function expected(
  sectors: number,
  one: { shown: Buffer; has: (sector: number) => boolean },
  other: { shown: Buffer; has: (sector: number) => boolean },
  hasOrigin: boolean,
): string[] {
  const kinds: string[] = []
  for (let sector = 0; sector < sectors; sector++) {
    const at = sector * 512
    const isKnown = hasOrigin || (one.has(sector) && other.has(sector)) || !(one.has(sector) || other.has(sector))
    const isSame = one.shown.subarray(at, at + 512).equals(other.shown.subarray(at, at + 512))
    kinds.push(!isKnown ? 'may-differ' : isSame ? '' : 'differs')
  }
  return kinds
}

function sectorsOf(ranges: readonly (readonly [number, number, string])[], sectors: number): string[] {
  const kinds = new Array<string>(sectors).fill('')
  let end = -1
  let before = ''
  for (const [offset, length, kind] of ranges) {
    expect(offset >= end && length > 0 && (offset > end || kind !== before)).toBe(true)
    for (let at = offset; at < offset + length; at += 512) kinds[at / 512] = kind
    end = offset + length
    before = kind
  }
  expect(kinds).toHaveLength(sectors)
  return kinds
}

it('lists what differs, whatever the chunk sizes, and nothing else', { timeout: 120_000 }, async () => {
  await holds(
    '../control/store-delta.test.ts',
    fc.asyncProperty(sides, async ({ origin, originSectors, one, other }) => {
      const [originFile, oneFile, otherFile] = [fileOf(origin), fileOf(one.store), fileOf(other.store)]
      const first = { shown: one.shown, has: one.hasSector }
      const second = { shown: other.shown, has: other.hasSector }
      const plain = { shown: origin, has: () => false }
      const cases = [
        [{ origin: originFile }, plain, true],
        [{ originSectors }, plain, false],
        [{ other: otherFile, origin: originFile }, second, true],
        [{ other: otherFile, originSectors }, second, false],
      ] as const
      for (const [options, against, hasOrigin] of cases) {
        const ranges = await delta(oneFile, options)
        expect(sectorsOf(ranges, originSectors)).toEqual(expected(originSectors, first, against, hasOrigin))
      }
    }),
    150,
  )
})

describe('a delta is refused', () => {
  const good = () => cow([[1, 2]])
  it.each<[string, string, () => Parameters<typeof delta>]>([
    ['of a store that was invalidated', 'SNAPSHOT_INVALID', () => [fileOf(storeByHand({ header: { valid: 0 } }))]],
    ['of a damaged store', 'STORE_CORRUPT', () => [cow([[1, 900]])]],
    ['with a damaged store', 'STORE_CORRUPT', () => [good(), { other: cow([[1, 900]]) }]],
    ['of one that belongs to a larger origin', 'STORE_CORRUPT', () => [good(), { originSectors: 8 }]],
    ['of one of another version', 'STORE_VERSION', () => [fileOf(storeByHand({ header: { version: 2 } }))]],
    ['of a blank file', 'COW_NOT_A_STORE', () => [fileOf(Buffer.alloc(8192))]],
    ['of a file that is not there', 'DEVICE_MISSING', () => [at('none')]],
    ['with an origin that is not there', 'DEVICE_MISSING', () => [good(), { origin: at('none') }]],
    ['with an origin and its length', 'INVALID_ARGUMENT', () => [good(), { origin: good(), originSectors: 8 }]],
  ])('%s', async (_, code, words) => {
    await expect(delta(...words())).rejects.toMatchObject({ code })
  })

  it('while somebody writes to the origin; and it lets go of everything, however it ends', async () => {
    const [one, origin] = [good(), fileOf(Buffer.alloc(8 * chunk))]
    const held = holdFile(origin, 'origin')
    await expect(delta(one, { origin })).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    held.release()
    for await (const _ of storeDelta(one, { origin })) break
    for (const path of [one, origin]) holdFile(path, 'COW').release()
  })
})
