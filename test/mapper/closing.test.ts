/** Closing lets go of everything, whatever is open, under way or asked for too late; and names that meet do not collide. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from 'cowring'
import { expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2048

/** Fails if anybody still has the file locked. */
async function expectFree(path: string): Promise<void> {
  await using engine = await Engine.start({ workers: 1, arenaBytes: 2 ** 25 })
  await engine.open(path)
}

test('an engine closes with a volume of the mapper open on an origin', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors)
  const origin = await place.engine.open(path)
  const volume = await place.mapper.open(origin.deviceName)
  await place.engine.close()
  expect(await answerOf(() => volume.read(0, 512))).toBe('DEVICE_CLOSED')
  await volume.close()
  await expectFree(path)
})

test('an engine that closes waits for an origin that is closing', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors)
  const origin = await place.engine.open(path)
  await origin.snapshot({ cow: join(place.folder, 'cow') })
  const closing = origin.close()
  await place.engine.close()
  await closing
  await expectFree(path)
})

test('an engine that closes waits for an origin that is being opened', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors)
  const opening = place.engine.open(path)
  await place.engine.close()
  expect((await opening).closed).toBe(true)
  expect(await answerOf(() => place.engine.open(path))).toBe('ENGINE_CLOSED')
  await expectFree(path)
})

test('devices that are created while the engine closes leave nothing open', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors)
  const before = [place.create('a', `0 ${sectors} linear disk 0`), place.mapper.open('a')]
  const closing = place.engine.close()
  const after = [place.create('b', `0 ${sectors} linear disk 0`), place.mapper.open('b')]
  await closing
  await Promise.allSettled([...before, ...after])
  expect(place.mapper.list()).toEqual([])
  await expectFree(path)
})

test('a mapper refuses every change once its engine is closed, instead of waiting for workers that are gone', async () => {
  await using place = await MapperPlace.start()
  await place.engine.close()
  expect(await answerOf(() => place.mapper.create('x'))).toBe('ENGINE_CLOSED')
  expect(await answerOf(() => place.mapper.create('x', '0 8 zero'))).toBe('ENGINE_CLOSED')
  expect(await answerOf(() => place.mapper.removeAll())).toBe('ENGINE_CLOSED')
})

test('origins and snapshots of one name can be opened at the same moment', async () => {
  await using place = await MapperPlace.start()
  const paths = ['a', 'b'].map((folder) => {
    mkdirSync(join(place.folder, folder))
    return place.file(join(folder, 'disk'), sectors)
  })
  const origins = await Promise.all(paths.map((path) => place.engine.open(path)))
  const snapshots = await Promise.all(
    origins.map((origin, index) => origin.snapshot({ cow: join(place.folder, `cow${index}`), name: 'before' })),
  )
  expect(new Set([...origins, ...snapshots].map(({ deviceName }) => deviceName)).size).toBe(4)
})

test('a file that is open for reading twice is closed twice', async () => {
  await using place = await MapperPlace.start()
  const path = place.file('disk', sectors)
  const first = await place.engine.open(path, { readOnly: true })
  const second = await place.engine.open(path, { readOnly: true })
  await first.close()
  await second.read(0, 512)
  await second.close()
  await expectFree(path)
})

test('an origin gets no table but its own, which could write past its snapshots', async () => {
  await using place = await MapperPlace.start()
  const origin = await place.engine.open(place.file('disk', sectors))
  const snapshot = await origin.snapshot({ cow: join(place.folder, 'cow') })
  for (const { deviceName } of [origin, snapshot]) {
    expect(await answerOf(() => place.mapper.load(deviceName, `0 ${sectors} error`))).toBe('DEVICE_BUSY')
    expect(await answerOf(() => place.mapper.remove(deviceName, { force: true }))).toBe('DEVICE_BUSY')
  }
  await place.mapper.removeAll({ force: true })
  await origin.write(0, new Uint8Array(512).fill(1))
  expect((await snapshot.read(0, 512))[0]).toBe(0)
})

test('a volume that is closed leaves the origin open whose device it was of', async () => {
  await using place = await MapperPlace.start()
  const origin = await place.engine.open(place.file('disk', 64, 7))
  const volume = await place.mapper.open(origin.deviceName)
  await volume.close()
  expect((await origin.read(0, 512))[0]).toBe(7)
})
