/** Devices that change their size below others: nothing is read or written that a device does not have. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048

test('past the end of an origin that became shorter everything fails, and its file is left alone', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors, 5)
  place.file('cow', 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow P 8`)
  await place.mapper.load('real', '0 1004 linear disk 0', { folder: place.folder })
  await place.mapper.resume('real')
  expect(await answerOf(() => place.write('base', 1500, 8, 9))).toBe('IO_ERROR')
  expect(await answerOf(() => place.read('base', 1500, 8))).toBe('IO_ERROR')
  expect(await answerOf(() => place.read('snap', 1000, 8))).toBe('IO_ERROR')
  // A whole chunk needs nothing of the origin.
  expect(await answerOf(() => place.write('snap', 1504, 8, 9))).toBe('ok')
  expect((await place.read('snap', 1504, 8)).every((byte) => byte === 9)).toBe(true)
  // Half in, half out: what is missing cannot be copied.
  expect(await answerOf(() => place.write('snap', 1005, 2, 9))).toBe('SNAPSHOT_INVALID')
  expect(readFileSync(path).every((byte) => byte === 5)).toBe(true)
})

test('a snapshot may be loaded before its origin has a table', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  place.file('cow', 2 * sectors)
  await place.mapper.create('real')
  await place.mapper.create('snap')
  await place.mapper.load('snap', `0 ${sectors} snapshot real cow P 8`, { folder: place.folder })
  await place.mapper.load('real', `0 ${sectors} linear disk 0`, { folder: place.folder })
  await place.mapper.resume('real')
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.mapper.resume('snap')
  await place.write('base', 0, 8, 9)
  expect((await place.read('snap', 0, 8)).every((byte) => byte === 5)).toBe(true)
})

test('a snapshot that is longer than its origin is refused before its COW is touched', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors)
  const cow = place.file('cow', 2 * sectors)
  const creating = place.create('snap', `0 ${2 * sectors} snapshot disk cow P 8`)
  await expect(creating).rejects.toMatchObject({ code: 'TABLE_INVALID' })
  expect(readFileSync(cow).every((byte) => byte === 0)).toBe(true)
})
