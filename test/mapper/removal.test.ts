/** Removing by force and at the last close, where several devices are concerned. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dump } from '../support/mapper-dump.js'
import { MapperPlace } from '../support/mapper-place.js'

let place: MapperPlace
beforeEach(async () => {
  place = await MapperPlace.start({ workers: 1 })
  for (const name of ['file', 'origin', 'cow']) place.file(name, 64, 7)
  place.file('cow', 64)
})
afterEach(() => place[Symbol.asyncDispose]())

const names = () => place.mapper.list().map(({ name }) => name)
const removals = () => place.events.filter(({ kind }) => kind === 'removed').map(({ device }) => device)

test.each([
  ['the lower one was asked first', ['below', 'middle', 'above']],
  ['the upper one was asked first', ['above', 'middle', 'below']],
])('devices to be removed at their last close all go with the last close above them, when %s', async (_, order) => {
  const { mapper } = place
  await place.create('below', '0 64 linear file 0')
  await mapper.create('middle', '0 64 linear below 0')
  await mapper.create('above', '0 64 linear middle 0')
  const volume = await mapper.open('above')
  for (const name of order) await mapper.remove(name, { deferred: true })
  expect(names()).toEqual(['above', 'below', 'middle'])
  await volume.close()
  expect(names()).toEqual([])
  expect(removals()).toEqual(['above', 'middle', 'below'])
})

test('a removal that was called off does not happen', async () => {
  const { mapper } = place
  await place.create('d', '0 64 linear file 0')
  const volume = await mapper.open('d')
  await mapper.remove('d', { deferred: true })
  await mapper.message('d', 0, '@cancel_deferred_remove')
  await volume.close()
  expect(names()).toEqual(['d'])
})

test('a device that was to go later and goes now goes once', async () => {
  const { mapper } = place
  await place.create('below', '0 64 linear file 0')
  await mapper.create('above', '0 64 linear below 0')
  await mapper.remove('below', { deferred: true })
  await mapper.removeAll()
  expect(names()).toEqual([])
  expect(removals().sort()).toEqual(['above', 'below'])
})

test('removing all leaves what is open, and what that lies on; with `deferred` those go later', async () => {
  const { mapper } = place
  await place.create('below', '0 64 linear file 0')
  await mapper.create('above', '0 64 linear below 0')
  await place.create('free', '0 64 linear file 0')
  const volume = await mapper.open('above')
  await mapper.removeAll()
  expect(names()).toEqual(['above', 'below'])
  await mapper.removeAll({ deferred: true })
  expect(mapper.list().map(({ deferredRemove }) => deferredRemove)).toEqual([true, true])
  await volume.close()
  expect(names()).toEqual([])
})

test.each([[false], [true]])(
  'removing by force what waits for a handover leaves the snapshot as it was (suspended: %s)',
  async (suspended) => {
    const { mapper } = place
    await place.create('s', '0 64 snapshot origin cow P 8')
    await place.write('s', 0, 8, 3)
    if (suspended) await mapper.suspend('s')
    await mapper.create('d')
    const before = dump(mapper).get('s')
    await mapper.load('d', '0 64 snapshot origin cow P 8', { folder: place.folder })
    await mapper.remove('d', { force: true })
    expect(dump(mapper).get('s')).toBe(before)
    if (suspended) await mapper.resume('s')
    expect((await place.read('s', 0, 1))[0]).toBe(3)
  },
)

test('removing by force a device that others use leaves them with errors instead of its bytes', async () => {
  const { mapper } = place
  await place.create('below', '0 64 linear file 0')
  await mapper.create('above', '0 64 linear below 0')
  expect((await place.read('above', 0, 1))[0]).toBe(7)
  await expect(mapper.remove('below', { force: true })).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
  expect(mapper.table('below')).toBe('0 64 error ')
  await expect(place.read('above', 0, 1)).rejects.toMatchObject({ code: 'IO_ERROR', facts: { errno: 5 } })
})

test('a removal with retries waits for the last close', async () => {
  const { mapper } = place
  await place.create('d', '0 64 linear file 0')
  const volume = await mapper.open('d')
  const removed = mapper.remove('d', { retry: true })
  await volume.close()
  await removed
  expect(names()).toEqual([])
})

test('removing at the last close counts every opener: a volume, a live table and an inactive one', async () => {
  const { mapper } = place
  await place.create('d', '0 64 linear file 0')
  const volume = await mapper.open('d')
  await mapper.create('live', '0 8 linear d 0')
  await mapper.create('inactive')
  await mapper.load('inactive', '0 8 linear d 0\n8 8 linear d 8')
  expect(mapper.info('d').openCount).toBe(3)
  await mapper.remove('d', { deferred: true })
  await volume.close()
  expect(mapper.info('d').openCount).toBe(2)
  await mapper.clear('inactive')
  expect(mapper.info('d').openCount).toBe(1)
  await mapper.remove('live')
  expect(names()).toEqual(['inactive'])
})
