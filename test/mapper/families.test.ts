/** An origin device and its snapshots: what links them, what each copies, and who holds still when the set of them changes. */
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 4096

test('a snapshot that is shorter than its origin saves nothing beyond its end', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 7)
  place.file('cow', sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', '0 1024 snapshot real cow P 8')
  await place.write('base', 2048, 64)
  expect(place.mapper.status('snap')).toBe(`0 1024 snapshot 16/${sectors} 16`)
  await place.write('base', 1016, 16)
  expect(place.mapper.status('snap')).toBe(`0 1024 snapshot 24/${sectors} 16`)
  expect((await place.read('snap', 1016, 8)).every((byte) => byte === 7)).toBe(true)
})

test('two names of one device are one origin, and a device on top of it is another', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 7)
  for (const cow of ['cow1', 'cow2', 'cow3']) place.file(cow, 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin 254:0`)
  await place.create('one', `0 ${sectors} snapshot /dev/mapper/real cow1 P 8`)
  await place.create('two', `0 ${sectors} snapshot real cow2 P 16`)
  await place.create('other', `0 ${sectors} snapshot base cow3 P 8`)
  await place.write('base', 0, 8)
  expect(place.mapper.status('one')).toMatch(/ 24\/\d+ 16$/)
  expect(place.mapper.status('two')).toMatch(/ 48\/\d+ 32$/)
  // A write to `base` is no write through an origin of `base`.
  expect(place.mapper.status('other')).toMatch(/ 16\/\d+ 16$/)
})

test('two snapshots with different origins may lie on one linear device', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 2 * sectors, 7)
  for (const cow of ['cow1', 'cow2']) place.file(cow, 2 * sectors)
  await place.create('both', `0 ${2 * sectors} linear disk 0`)
  await place.create('left', `0 ${sectors} linear both 0`)
  await place.create('right', `0 ${sectors} linear both ${sectors}`)
  for (const [side, cow] of [
    ['left', 'cow1'],
    ['right', 'cow2'],
  ]) {
    await place.create(`${side}-origin`, `0 ${sectors} snapshot-origin ${side}`)
    await place.create(`${side}-snap`, `0 ${sectors} snapshot ${side} ${cow} P 8`)
  }
  await place.write('left-origin', 0, 8, 1)
  await place.write('right-origin', 8, 16, 2)
  expect(place.mapper.status('left-snap')).toMatch(/ 24\/\d+ 16$/)
  expect(place.mapper.status('right-snap')).toMatch(/ 32\/\d+ 16$/)
  expect((await place.read('right-snap', 8, 8)).every((byte) => byte === 7)).toBe(true)
})

test('workers are told of a change of a family only while none of its devices has a request in flight', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 7)
  for (const cow of ['cow1', 'cow2']) place.file(cow, 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('one', `0 ${sectors} snapshot real cow1 P 8`)
  await place.create('above', `0 ${sectors} linear one 0`)
  const { machinery } = place.engine
  const inFlight: number[] = []
  const told = { attach: machinery.attach.bind(machinery), detach: machinery.detach.bind(machinery) }
  machinery.attach = (...message) => {
    inFlight.push(machinery.client.inFlight())
    return told.attach(...message)
  }
  machinery.detach = (...message) => {
    inFlight.push(machinery.client.inFlight())
    return told.detach(...message)
  }
  const volumes = await Promise.all(['base', 'one', 'above'].map((name) => place.mapper.open(name)))
  inFlight.length = 0
  let isOver = false
  const load = volumes.map(async (volume) => {
    for (let round = 0; !isOver; round++) await volume.write((round % 8) * 2 ** 18, new Uint8Array(2 ** 18).fill(round))
  })
  for (let round = 0; round < 5; round++) {
    await place.create('two', `0 ${sectors} snapshot real cow2 N 64`)
    await place.mapper.remove('two')
  }
  isOver = true
  await Promise.all(load)
  expect(inFlight).toEqual(new Array(10).fill(0))
  for (const volume of volumes) await volume.close()
})
