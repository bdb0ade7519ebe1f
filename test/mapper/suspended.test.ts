/** Requests that wait for a suspended device: they go on when nothing below is suspended, and only if they still may. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048

async function originWithCowDevice(): Promise<MapperPlace> {
  const place = await MapperPlace.start()
  place.file('disk', sectors)
  place.file('cow', 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('cowdev', `0 ${2 * sectors} linear cow 0`)
  return place
}

test.each([
  ['is removed', (place: MapperPlace) => place.mapper.remove('snap')],
  [
    'gets another table',
    async (place: MapperPlace) => {
      await place.mapper.load('snap', `0 ${sectors} error`)
      await place.mapper.resume('snap')
    },
  ],
])('an origin that waits for a suspended COW goes on when the snapshot %s', async (_, letGo) => {
  await using place = await originWithCowDevice()
  await place.create('snap', `0 ${sectors} snapshot real cowdev P 8`)
  await place.mapper.suspend('cowdev')
  await letGo(place)
  await place.write('base', 0, 8)
  await place.mapper.resume('cowdev')
  await place.write('base', 8, 8)
})

test('an origin waits for a COW that was suspended before its snapshot was there', async () => {
  await using place = await originWithCowDevice()
  await place.mapper.suspend('cowdev')
  await place.create('snap', `0 ${sectors} snapshot real cowdev P 8`)
  let isWritten = false
  const writing = place.write('base', 0, 8).then(() => {
    isWritten = true
  })
  await sleep(100)
  expect(isWritten).toBe(false)
  await place.mapper.resume('cowdev')
  await writing
})

test.each([
  ['ends before it', `0 1000 linear disk 0`, false, 'OUT_OF_RANGE'],
  ['is read-only', `0 ${sectors} linear disk 0`, true, 'READ_ONLY'],
])('a write that waited is not carried out on a table that %s', async (_, table, readOnly, code) => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors, 5)
  await place.create('d', `0 ${sectors} linear disk 0`)
  await using volume = await place.mapper.open('d')
  await place.mapper.suspend('d')
  const waiting = answerOf(() => volume.write(1500 * 512, new Uint8Array(512).fill(9)))
  await place.mapper.load('d', table, { folder: place.folder, readOnly })
  await place.mapper.resume('d')
  expect(await waiting).toBe(code)
  expect(readFileSync(path).every((byte) => byte === 5)).toBe(true)
})

test('a write that waited past the end of a table over volumes is refused, too', async () => {
  await using place = await originWithCowDevice()
  await place.create('snap', `0 ${sectors} snapshot real cowdev P 8`)
  await place.create('d', `0 ${sectors} linear base 0`)
  await using volume = await place.mapper.open('d')
  await place.mapper.suspend('d')
  const waiting = answerOf(() => volume.write(1500 * 512, new Uint8Array(512)))
  await place.mapper.load('d', '0 500 linear base 0\n500 500 linear base 700')
  await place.mapper.resume('d')
  expect(await waiting).toBe('OUT_OF_RANGE')
  expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot 16/${2 * sectors} 16`)
})

test('a write whose volume is closed while it waits does not reach the origin that the device was', async () => {
  await using place = await originWithCowDevice()
  await place.create('snap', `0 ${sectors} snapshot real cowdev P 8`)
  const volume = await place.mapper.open('base')
  await place.mapper.suspend('base')
  const waiting = answerOf(() => volume.write(0, new Uint8Array(512).fill(9)))
  await volume.close()
  await place.mapper.remove('base')
  expect(await waiting).toBe('DEVICE_CLOSED')
  expect((await place.read('real', 0, 1))[0]).toBe(0)
})
