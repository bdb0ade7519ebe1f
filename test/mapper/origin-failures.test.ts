/** A snapshot that fails at its last step leaves the origin as it was: its devices, its table, what it takes. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

test('a snapshot whose device cannot be resumed leaves no device, no file and no snapshot-origin behind', async () => {
  await using place = await MapperPlace.start()
  const origin = await place.engine.open(place.file('disk', 4096, 7))
  const before = place.mapper.concise()
  const resume = place.mapper.resume.bind(place.mapper)
  place.mapper.resume = (name) => (name === 'cow' ? Promise.reject(new Error('no')) : resume(name))
  const cow = join(place.folder, 'cow')
  await expect(origin.snapshot({ cow })).rejects.toThrow('no')
  place.mapper.resume = resume
  expect(place.mapper.concise()).toBe(before)
  expect(origin.snapshots).toEqual([])
  expect(() => place.sectorsOf('cow')).toThrow('ENOENT')
  await origin.discard(0, 4096)
  const snapshot = await origin.snapshot({ cow })
  await origin.write(0, new Uint8Array(512).fill(1))
  expect((await snapshot.read(0, 512))[0]).toBe(0)
})
