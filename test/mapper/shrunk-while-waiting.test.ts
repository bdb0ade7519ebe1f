/** Requests that wait at a suspended device are checked again when it goes on: its table may be another one by then. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

test('a write that waited is refused when the device ends before it now, and nothing outside of it is written', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 300, 7)
  await place.create('base', '0 200 linear disk 0')
  await using volume = await place.mapper.open('base')
  await place.mapper.suspend('base')
  const beyond = volume.write(150 * 512, new Uint8Array(512).fill(1))
  const inside = volume.write(50 * 512, new Uint8Array(512).fill(2))
  await place.mapper.load('base', '0 100 linear disk 0', { folder: place.folder })
  await place.mapper.resume('base')
  await expect(beyond).rejects.toMatchObject({ code: 'OUT_OF_RANGE' })
  await inside
  const content = readFileSync(join(place.folder, 'disk'))
  expect(content.subarray(100 * 512).every((byte) => byte === 7)).toBe(true)
  expect(content[50 * 512]).toBe(2)
})

test('a write that waited is refused when the device is read-only now', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 100, 7)
  await place.create('base', '0 100 linear disk 0')
  await using volume = await place.mapper.open('base')
  await place.mapper.suspend('base')
  const write = volume.write(0, new Uint8Array(512))
  const read = volume.read(0, 512)
  await place.mapper.load('base', '0 100 linear disk 0', { folder: place.folder, readOnly: true })
  await place.mapper.resume('base')
  await expect(write).rejects.toMatchObject({ code: 'READ_ONLY' })
  expect((await read)[0]).toBe(7)
})
