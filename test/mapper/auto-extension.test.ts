/** File-backed COWs are extended by LVM2's rules, before they overflow, up to the largest useful size. */
import { expect, test } from 'vitest'
import { maximumCowSectors } from '../../src/format/sizing.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 65536
const chunk = 8

const extending = (threshold: number, percent: number) =>
  MapperPlace.start({ mapper: { autoExtend: { threshold, percent } } })

async function snapshotWith(place: MapperPlace, cowSectors: number, store = 'P', chunkSectors = chunk): Promise<void> {
  place.file('disk', sectors)
  place.file('cow', cowSectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow ${store} ${chunkSectors}`)
}

const extensions = (place: MapperPlace) =>
  place.events.flatMap((event) => (event.kind === 'extended' ? [[event.fromSectors, event.toSectors]] : []))

test('a COW passes the threshold and grows by what it takes to come down to it, at least by the percentage', async () => {
  await using place = await extending(70, 20)
  await snapshotWith(place, 800)
  // 16 sectors of metadata and 67 chunks: 552 of 800, 69 %.
  await place.write('snap', 0, 67 * chunk)
  expect(extensions(place)).toEqual([])
  await place.write('snap', 67 * chunk, chunk * 2)
  expect(extensions(place)).toEqual([[800, 960]])
  expect(place.sectorsOf('cow')).toBe(960)
  expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot 568/960 16`)
})

test('a COW that fills up in one request is extended meanwhile, and nothing overflows', async () => {
  await using place = await extending(50, 20)
  await snapshotWith(place, 64)
  await place.write('base', 0, sectors / 2, 3)
  await place.write('snap', sectors / 2, 256, 4)
  expect(place.mapper.status('snap')).not.toMatch(/Invalid|Overflow/)
  expect(Buffer.from(await place.read('snap', 0, sectors / 2)).every((byte) => byte === 0)).toBe(true)
  expect(Buffer.from(await place.read('snap', sectors / 2, 256)).every((byte) => byte === 4)).toBe(true)
})

test('it ends at the largest size that can be of use, where every chunk has room', async () => {
  await using place = await extending(50, 100)
  await snapshotWith(place, 64)
  await place.write('base', 0, sectors, 3)
  expect(place.sectorsOf('cow')).toBe(maximumCowSectors(sectors, chunk))
  expect(place.mapper.status('snap')).toMatch(/snapshot \d+\/\d+ \d+$/)
})

test('a store that is full below its threshold, as few large chunks can be, is extended too', async () => {
  await using place = await extending(95, 20)
  await snapshotWith(place, 3000, 'N', 1024)
  await place.write('base', 0, 8192)
  expect(place.mapper.status('snap')).toMatch(/snapshot 8192\/\d+ 0$/)
})

test('at a threshold of 100 nothing is extended, and a full store is invalid as ever', async () => {
  await using place = await extending(100, 20)
  await snapshotWith(place, 64)
  await place.write('base', 0, 1024)
  expect(extensions(place)).toEqual([])
  expect(place.mapper.status('snap')).toMatch(/Invalid$/)
})

test('a COW that is no file is left alone', async () => {
  await using place = await extending(50, 20)
  place.file('disk', sectors)
  place.file('cow', 64)
  await place.create('cowdev', '0 64 linear cow 0')
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cowdev P ${chunk}`)
  await place.write('base', 0, 1024)
  expect(extensions(place)).toEqual([])
  expect(place.mapper.status('snap')).toMatch(/Invalid$/)
})

test('settings that make no sense are refused before anything starts', async () => {
  for (const [threshold, percent] of [
    [49, 20],
    [101, 20],
    [70, 0],
    [70, Number.NaN],
  ] as const) {
    await expect(extending(threshold, percent)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})
