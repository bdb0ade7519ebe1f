/** `mapper.merge`: merges of devices that somebody made by tables, named by the snapshot or by the origin. */
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048
/** So slow that a merge is in its middle for seconds. */
const slowly = { rateLimit: 2 ** 14 }
const features = '1000 1 error_writes'

async function load(place: MapperPlace, name: string, table: string): Promise<void> {
  await place.mapper.load(name, table, { folder: place.folder })
  await place.mapper.resume(name)
}

test('a merge that is loaded again makes requests wait, also those of devices above', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  place.file('cow', 2 * sectors)
  await place.create('cowdev', `0 ${2 * sectors} linear cow 0`)
  await place.create('base', `0 ${sectors} snapshot-origin disk`)
  await place.create('snap', `0 ${sectors} snapshot disk cowdev P 8`)
  await place.write('snap', 0, 256, 7)
  await place.create('above', `0 ${sectors} linear base 0`)
  await load(place, 'cowdev', `0 ${2 * sectors} flakey cow 0 0 ${features}`)
  await expect((await place.mapper.merge('snap')).finished).rejects.toThrow('Write error in exception store')
  await load(place, 'cowdev', `0 ${2 * sectors} linear cow 0`)
  await using above = await place.mapper.open('above')
  let isGoing = true
  const read = async (): Promise<void> => {
    while (isGoing) {
      expect((await above.read(0, 4096)).every((byte) => byte === 7)).toBe(true)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const readers = Promise.all([read(), read(), read(), read()])
  expect(await (await place.mapper.merge('base')).finished).toBe('merged')
  isGoing = false
  await readers
})

test('a snapshot whose merge was cancelled, and that has its store back, has nothing to do with the merge of another', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  await place.create('base', `0 ${sectors} snapshot-origin disk`)
  for (const name of ['first', 'second']) {
    place.file(`${name}.cow`, 2 * sectors)
    await place.create(name, `0 ${sectors} snapshot disk ${place.folder}/${name}.cow P 8`)
    await place.write(name, 0, 256, 7)
  }
  await (await place.mapper.merge('first', slowly)).cancel()
  await place.mapper.suspend('base')
  await load(place, 'first', `0 ${sectors} snapshot disk ${place.folder}/first.cow P 8`)
  await load(place, 'base', `0 ${sectors} snapshot-origin disk`)
  const merge = await place.mapper.merge('second', slowly)
  expect(place.mapper.merging('base')).toEqual({ merge, origin: 'base', snapshot: 'second' })
  expect(place.mapper.merging('first')).toBeUndefined()
  await expect(place.mapper.merge('first')).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
  await merge.cancel()
  expect(await (await place.mapper.merge('base', { rateLimit: undefined })).finished).toBe('merged')
  expect(place.mapper.list().map(({ name }) => name)).toEqual(['base', 'first'])
})

test('an origin with a read-only table is not merged into, and stays one that cannot be written', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  place.file('cow', 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.mapper.create('base', `0 ${sectors} snapshot-origin real`, { readOnly: true })
  await place.create('snap', `0 ${sectors} snapshot real cow P 8`)
  await place.write('snap', 0, 256, 7)
  await expect(place.mapper.merge('snap')).rejects.toThrow('base has a read-only table')
  expect(place.mapper.info('base')).toMatchObject({ readOnly: true, suspended: false })
  expect((await place.read('base', 0, 8)).every((byte) => byte === 5)).toBe(true)
  expect((await place.read('snap', 0, 8)).every((byte) => byte === 7)).toBe(true)
})
