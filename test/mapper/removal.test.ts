/** Deferred removal: each device goes at its last close, once, and so does what only it had open. */
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const removedOf = (place: MapperPlace): string[] =>
  place.events.flatMap(({ device, kind }) => (kind === 'removed' ? [device] : []))

test('a device that was marked before the one that lies on it goes with it', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 64)
  await place.create('low', '0 64 linear disk 0')
  await place.create('up', '0 64 linear low 0')
  const volume = await place.mapper.open('up')
  await place.mapper.remove('low', { deferred: true })
  await place.mapper.remove('up', { deferred: true })
  await volume.close()
  expect(place.mapper.list()).toEqual([])
  expect(removedOf(place)).toEqual(['up', 'low'])
})

test('removing all, deferred, removes each once', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 64)
  await place.create('a', '0 64 linear disk 0')
  await place.create('b', '0 64 linear a 0')
  await place.mapper.removeAll({ deferred: true })
  expect(removedOf(place)).toEqual(['b', 'a'])
})
