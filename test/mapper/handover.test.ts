/** A snapshot whose table is reloaded keeps its store as it is, whatever the new table says of it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { encodeEntry } from '../../src/format/exception.js'
import { diskVersion, encodeHeader } from '../../src/format/header.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048

async function snapshotOf(store: string, originSectors = sectors): Promise<MapperPlace> {
  const place = await MapperPlace.start()
  place.file('disk', originSectors, 5)
  place.file('cow', 4 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow ${store} 8`)
  return place
}

const reload = async (place: MapperPlace, name: string, table: string): Promise<void> => {
  await place.mapper.load(name, table, { folder: place.folder })
  await place.mapper.resume(name)
}

test('a persistent store that is handed to a transient table stays persistent, and is not written over', async () => {
  await using place = await snapshotOf('P')
  await place.write('snap', 0, 8, 7)
  await reload(place, 'snap', `0 ${sectors} snapshot real cow N 8`)
  expect(place.mapper.table('snap')).toBe(`0 ${sectors} snapshot 254:0 240:1 P 8`)
  for (let chunk = 1; chunk < 20; chunk++) await place.write('snap', chunk * 8, 8, 8)
  expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot ${22 * 8}/${4 * sectors} 16`)
  await place.mapper.remove('snap')
  await place.create('snap', `0 ${sectors} snapshot real cow P 8`)
  expect((await place.read('snap', 0, 8)).every((byte) => byte === 7)).toBe(true)
  expect((await place.read('snap', 8, 19 * 8)).every((byte) => byte === 8)).toBe(true)
})

test('a transient store that is handed to a persistent table stays transient', async () => {
  await using place = await snapshotOf('N')
  await place.write('snap', 0, 8, 7)
  await reload(place, 'snap', `0 ${sectors} snapshot real cow P 8`)
  expect(place.mapper.table('snap')).toBe(`0 ${sectors} snapshot 254:0 240:1 N 8`)
  await place.write('snap', 8, 8, 8)
  expect((await place.read('snap', 0, 8)).every((byte) => byte === 7)).toBe(true)
  expect(readFileSync(join(place.folder, 'cow')).subarray(8 * 512, 16 * 512)).toEqual(Buffer.alloc(8 * 512, 8))
})

test('whether it overflows is for the new table to say', async () => {
  await using place = await snapshotOf('P')
  await reload(place, 'snap', `0 ${sectors} snapshot real cow PO 8`)
  expect(place.mapper.table('snap')).toBe(`0 ${sectors} snapshot 254:0 240:1 PO 8`)
})

test('an origin and its snapshot may grow while the snapshot is in use', async () => {
  await using place = await snapshotOf('P', 2 * sectors)
  await place.write('base', 0, 8, 9)
  await reload(place, 'real', `0 ${2 * sectors} linear disk 0`)
  await reload(place, 'base', `0 ${2 * sectors} snapshot-origin real`)
  await reload(place, 'snap', `0 ${2 * sectors} snapshot real cow P 8`)
  await place.write('base', 8, 8, 9)
  await place.write('base', sectors + 104, 8, 9)
  await place.write('snap', 2 * sectors - 8, 8, 6)
  const shown = await place.read('snap', 0, 2 * sectors)
  expect(shown.subarray(0, -4096).every((byte) => byte === 5)).toBe(true)
  expect(shown.subarray(-4096).every((byte) => byte === 6)).toBe(true)
})

test('a store of which a part was merged, handed to a snapshot again, puts nothing over what is left in it', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  // As old kernels leave it: the entries are in another order than the chunks of the COW.
  const cow = new Uint8Array(4 * sectors * 512)
  encodeHeader({ valid: true, version: diskVersion, chunkSectors: 8 }, cow, 0)
  for (const [position, [oldChunk, newChunk]] of [[0, 3] as const, [1, 2] as const].entries()) {
    encodeEntry(new DataView(cow.buffer), 4096 + position * 16, oldChunk, newChunk)
    cow.fill(10 + oldChunk, newChunk * 4096, (newChunk + 1) * 4096)
  }
  writeFileSync(join(place.folder, 'cow'), cow)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow P 8`)
  // One chunk at once, and long pauses between.
  const merge = await place.mapper.merge('snap', { rateLimit: 4096 })
  await vi.waitFor(() => expect(merge.current.done).toBe(4096))
  await merge.cancel()
  await place.mapper.suspend('base')
  await place.mapper.load('snap', `0 ${sectors} snapshot real cow P 8`, { folder: place.folder })
  await place.mapper.resume('snap')
  await reload(place, 'base', `0 ${sectors} snapshot-origin real`)
  await place.write('snap', 7 * 8, 8, 99)
  await place.write('base', 9 * 8, 8, 98)
  const shown = await place.read('snap', 0, 10 * 8)
  const chunks = Array.from({ length: 10 }, (_, chunk) => shown[chunk * 4096 + 100])
  expect(chunks).toEqual([10, 11, 5, 5, 5, 5, 5, 99, 5, 5])
})
