/** What happens to devices is told once, counted where the kernel counts it, and wakes those who wait. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 4096

/** An origin and a snapshot of it whose COW has room for five chunks of 16 sectors. */
async function smallSnapshot(place: MapperPlace, store: string): Promise<void> {
  place.file('disk', sectors)
  place.file('cow', 112)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow ${store} 16`)
  place.events.length = 0
}

const fillUp = async (place: MapperPlace, name: string): Promise<void> => {
  for (let chunk = 0; chunk < 5; chunk++) await place.write(name, chunk * 16, 2)
}

test('a snapshot that becomes invalid raises its event number once and wakes who waits', async () => {
  await using place = await MapperPlace.start()
  await smallSnapshot(place, 'P')
  await fillUp(place, 'base')
  const waiting = place.mapper.wait('snap', 0)
  await place.write('base', 1000, 2)
  expect(await waiting).toBe(1)
  await place.write('base', 2000, 2)
  expect(place.events).toEqual([{ kind: 'invalid', device: 'snap', eventNumber: 1, reason: 'its store was full' }])
  expect(place.mapper.info('snap').eventNumber).toBe(1)
  expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot Invalid`)
  // Whoever asks later is told at once.
  expect(await place.mapper.wait('snap', 0)).toBe(1)
})

test('an overflow raises an event too, which the kernel does not', async () => {
  await using place = await MapperPlace.start()
  await smallSnapshot(place, 'PO')
  await fillUp(place, 'snap')
  await expect(place.write('snap', 1000, 2)).rejects.toMatchObject({ code: 'SNAPSHOT_OVERFLOW' })
  await expect(place.write('snap', 1000, 2)).rejects.toMatchObject({ code: 'SNAPSHOT_OVERFLOW' })
  expect(place.events).toEqual([{ kind: 'overflow', device: 'snap', eventNumber: 1 }])
})

test('each watermark that usage passes is told once, in order', async () => {
  await using place = await MapperPlace.start({ mapper: { watermarks: [80, 60] } })
  await smallSnapshot(place, 'P')
  for (let chunk = 0; chunk < 5; chunk++) {
    await place.write('snap', chunk * 16, 2)
    await sleep(5)
  }
  const told = place.events.map((event) => (event.kind === 'watermark' ? [event.watermark, event.eventNumber] : event))
  // 48, 64, 80, 96 and 112 of 112 sectors: 60 % is passed at 80, 80 % at 96.
  expect(told).toEqual([
    [60, 1],
    [80, 2],
  ])
})

test('without watermarks usage raises no event, as in the kernel', async () => {
  await using place = await MapperPlace.start()
  await smallSnapshot(place, 'P')
  await fillUp(place, 'snap')
  expect(place.events).toEqual([])
  expect(place.mapper.info('snap').eventNumber).toBe(0)
})

test('a table swap wakes who waits and is not counted; a rename and a removal are', async () => {
  await using place = await MapperPlace.start()
  await smallSnapshot(place, 'P')
  const swapped = place.mapper.wait('base', 0)
  await place.mapper.load('base', `0 ${sectors} snapshot-origin real`)
  await place.mapper.resume('base')
  expect(await swapped).toBe(0)
  const renamed = place.mapper.wait('base', 0)
  await place.mapper.rename('base', 'other')
  expect(await renamed).toBe(1)
  const removed = place.mapper.wait('other', 1)
  await place.mapper.remove('other')
  expect(await removed).toBe(2)
  expect(place.events).toEqual([
    { kind: 'table', device: 'base', eventNumber: 0 },
    { kind: 'renamed', device: 'other', from: 'base', eventNumber: 1 },
    { kind: 'removed', device: 'other', eventNumber: 2 },
  ])
})

test('who waits can be called off', async () => {
  await using place = await MapperPlace.start()
  await smallSnapshot(place, 'P')
  const calledOff = new AbortController()
  const waiting = place.mapper.wait('snap', 0, { signal: calledOff.signal })
  calledOff.abort(new Error('no longer'))
  await expect(waiting).rejects.toThrow('no longer')
})

test('a stripe that fails turns its letter and raises at most fourteen events', async () => {
  await using place = await MapperPlace.start()
  place.file('one', 64)
  await place.create('bad', '0 64 error')
  await place.create('striped', '0 128 striped 2 8 one 0 bad 0')
  expect(place.mapper.status('striped')).toMatch(/^0 128 striped 2 240:0 254:0 1 AA$/)
  await place.write('striped', 0, 8)
  for (let attempt = 0; attempt < 20; attempt++) await expect(place.write('striped', 8, 8)).rejects.toThrow('EIO')
  expect(place.mapper.status('striped')).toMatch(/ 1 AD$/)
  expect(place.mapper.info('striped').eventNumber).toBe(14)
})

test('a listener that throws is heard of, and keeps nobody else from being told', async () => {
  await using place = await MapperPlace.start()
  const uncaught = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const heard = new Promise((resolve) => process.once('uncaughtException', resolve))
  try {
    const stop = place.mapper.on('event', () => {
      throw new Error('of a listener')
    })
    const last: string[] = []
    place.mapper.on('event', ({ kind }) => last.push(kind))
    await place.create('zero', '0 8 zero')
    stop()
    expect(await heard).toMatchObject({ message: 'of a listener' })
    expect(last).toEqual(['table'])
  } finally {
    for (const listener of uncaught) process.on('uncaughtException', listener)
  }
})
