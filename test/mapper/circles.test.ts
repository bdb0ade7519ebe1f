/** No order of loads makes a request go round: what closes a circle is refused, in whichever table it lies. */
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048

async function devices(): Promise<MapperPlace> {
  const place = await MapperPlace.start()
  for (const name of ['disk', 'disk2', 'plain']) place.file(name, sectors)
  for (const name of ['cow1', 'cow2']) place.file(name, 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} linear real 0`)
  await place.create('onbase', `0 ${sectors} linear base 0`)
  return place
}

const refused = { code: 'TABLE_INVALID' }

test('a device does not become the origin of a snapshot whose COW lies on it', async () => {
  await using place = await devices()
  await place.create('snap', `0 ${sectors} snapshot real onbase P 8`)
  await expect(place.mapper.load('base', `0 ${sectors} snapshot-origin real`)).rejects.toMatchObject(refused)
  await place.write('base', 0, 8)
})

test('a COW does not lie on a device that becomes its origin at the next resume', async () => {
  await using place = await devices()
  await place.mapper.load('base', `0 ${sectors} snapshot-origin real`)
  await expect(place.create('snap', `0 ${sectors} snapshot real onbase P 8`)).rejects.toMatchObject(refused)
})

test('a COW is not moved onto another snapshot of its origin', async () => {
  await using place = await devices()
  await place.create('moved', `0 ${sectors} linear plain 0`)
  await place.create('one', `0 ${sectors} snapshot real moved P 8`)
  await place.create('two', `0 ${sectors} snapshot real cow2 P 8`)
  await expect(place.mapper.load('moved', `0 ${sectors} linear two 0`)).rejects.toMatchObject(refused)
})

test('a device that carries a COW does not become a snapshot of the same origin', async () => {
  await using place = await devices()
  await place.create('one', `0 ${sectors} snapshot real onbase P 8`)
  const table = `0 ${sectors} snapshot real cow1 P 8`
  await expect(place.mapper.load('base', table, { folder: place.folder })).rejects.toMatchObject(refused)
})

test('two origins do not carry the COWs of each other, however late they become origins', async () => {
  await using place = await devices()
  await place.create('real2', `0 ${sectors} linear disk2 0`)
  await place.create('base2', `0 ${sectors} linear real2 0`)
  await place.create('snap1', `0 ${sectors} snapshot real base2 P 8`)
  await place.create('snap2', `0 ${sectors} snapshot real2 onbase P 8`)
  await place.mapper.load('base', `0 ${sectors} snapshot-origin real`)
  await expect(place.mapper.load('base2', `0 ${sectors} snapshot-origin real2`)).rejects.toMatchObject(refused)
  await place.mapper.resume('base')
  await place.write('base', 0, 8)
})
