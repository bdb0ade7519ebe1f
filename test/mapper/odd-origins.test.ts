/** Origins whose size changes under their snapshots: nothing there may end a worker thread. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

let place: MapperPlace
beforeEach(async () => {
  place = await MapperPlace.start({ workers: 1 })
  place.file('file', 4096, 1)
  place.file('cow', 4096)
  await place.create('real', '0 1024 linear file 0')
})
afterEach(() => place[Symbol.asyncDispose]())

const reload = async (name: string, table: string) => {
  await place.mapper.load(name, table, { folder: place.folder })
  await place.mapper.resume(name)
}
const byteAt = async (name: string, sector: number) => (await place.read(name, sector, 1))[0]

test('an origin that grows is protected as far as its snapshot reaches, and written as far as it reaches itself', async () => {
  await place.create('snap', '0 1024 snapshot real cow P 8')
  await reload('real', '0 4096 linear file 0')
  await place.create('base', '0 4096 snapshot-origin real')
  await place.write('base', 1016, 16, 2)
  await place.write('base', 4088, 8, 2)
  expect(place.mapper.status('snap')).toBe('0 1024 snapshot 24/4096 16')
  expect([await byteAt('snap', 1016), await byteAt('base', 1016), await byteAt('base', 4095)]).toEqual([1, 2, 2])
})

test('where an origin ends before its snapshot, the snapshot has errors, and works as before elsewhere', async () => {
  await place.create('snap', '0 1024 snapshot real cow P 8')
  await place.write('snap', 1016, 8, 3)
  await reload('real', '0 512 linear file 0')
  expect([await byteAt('snap', 1016), await byteAt('snap', 0)]).toEqual([3, 1])
  await expect(place.read('snap', 512, 8)).rejects.toMatchObject({ code: 'IO_ERROR', facts: { errno: 5 } })
  // A whole chunk needs nothing of the origin.
  await place.write('snap', 512, 8, 4)
  expect(await byteAt('snap', 512)).toBe(4)
  await expect(place.write('snap', 801, 1, 4)).rejects.toMatchObject({
    code: expect.stringMatching(/INVALID|IO_ERROR/),
  })
  expect(await byteAt('real', 0)).toBe(1)
})

test('a snapshot of a device that has no table has errors, and works when that gets one', async () => {
  await place.mapper.create('later')
  await place.create('snap', '0 1024 snapshot later cow P 8')
  await expect(place.read('snap', 0, 8)).rejects.toMatchObject({ code: 'IO_ERROR' })
  await reload('later', '0 1024 linear file 0')
  await place.mapper.create('base', '0 1024 snapshot-origin later')
  await place.write('base', 0, 1, 2)
  expect([await byteAt('snap', 0), await byteAt('base', 0)]).toEqual([1, 2])
})
