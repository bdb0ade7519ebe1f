/** Tables do not write past the snapshots that an image remembers: that needs a decision, as everywhere in cowring. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const line = '0 100 linear disk 0'

test('an image that remembers snapshots is not written through a table; it may be read', async () => {
  await using place = await MapperPlace.start()
  const image = place.file('disk', 100, 7)
  const origin = await place.engine.open(image)
  await origin.snapshot({ cow: join(place.folder, 'monday.cow') })
  await origin.close()
  await expect(place.create('base', line)).rejects.toMatchObject({
    code: 'TABLE_INVALID',
    message: expect.stringContaining("remembers the snapshots 'monday': use engine.open"),
  })
  expect(place.mapper.list()).toEqual([])
  await place.mapper.create('base', line, { folder: place.folder, readOnly: true })
  expect((await place.read('base', 0, 1))[0]).toBe(7)
  await place.mapper.remove('base')
  // The refusal says which file to remove to give them up.
  expect(existsSync(`${image}.cowring`)).toBe(true)
  rmSync(`${image}.cowring`)
  await place.create('base', line)
})

test('the image of an open origin and the COWs of its snapshots belong to it alone', async () => {
  await using place = await MapperPlace.start()
  const origin = await place.engine.open(place.file('disk', 100, 7))
  await origin.snapshot({ cow: join(place.folder, 'cow') })
  for (const name of ['disk', 'cow']) {
    await expect(place.create('mine', `0 10 linear ./${name} 0`)).rejects.toThrow('is an open origin, or a COW of one')
  }
  // On top of the origin everything is allowed: its snapshots are asked.
  await place.create('above', `0 100 linear ${origin.deviceName} 0`)
  await place.write('above', 0, 8, 1)
  expect((await origin.snapshots[0]?.read(0, 512))?.[0]).toBe(7)
  await place.mapper.remove('above')
})
