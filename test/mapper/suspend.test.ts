/** Suspending: what waits, what does not, and what becomes of what waited. */
import type { DeviceVolume } from 'cowring'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'

let place: MapperPlace
beforeEach(async () => {
  place = await MapperPlace.start()
  place.file('file', 4096, 1)
  place.file('cow', 4096)
  await place.create('d', '0 4096 linear file 0')
})
afterEach(() => place[Symbol.asyncDispose]())

const sectorOf = (byte: number) => new Uint8Array(512).fill(byte)
/** Whatever a request is going to be answered soon, it is by then. */
const aWhile = async () => {
  for (let turn = 0; turn < 20; turn++) await place.read('elsewhere', 0, 1)
}
const reload = async (name: string, table: string) => {
  await place.mapper.load(name, table, { folder: place.folder })
  await place.mapper.resume(name)
}

/** Every kind of request, and what they came to so far. */
function requestsOn(volume: DeviceVolume, firstSector: number): { answers: string[]; all: Promise<unknown> } {
  const answers: string[] = []
  const note = async (name: string, action: () => Promise<unknown>) => {
    answers.push(`${name} ${await answerOf(async () => void (await action()))}`)
  }
  const at = firstSector * 512
  const all = Promise.all([
    note('write', () => volume.write(at, sectorOf(9))),
    note('read', () => volume.read(at + 512, 512)),
    note('zeroes', () => volume.writeZeroes(at + 1024, 512)),
    note('flush', () => volume.flush()),
  ])
  return { answers, all }
}
const allDone = ['flush ok', 'read ok', 'write ok', 'zeroes ok']

beforeEach(async () => {
  place.file('elsewhere', 8)
  await place.create('elsewhere', '0 8 linear elsewhere 0')
})

test('requests on a suspended device, and on those above it, wait and are done after the resume', async () => {
  const { mapper } = place
  await mapper.create('above', '0 2048 linear d 2048')
  await mapper.create('origin', '0 4096 snapshot-origin d')
  const volumes = await Promise.all(['d', 'above', 'origin'].map((name) => mapper.open(name)))
  await mapper.suspend('d')
  const requests = volumes.map((volume, index) => requestsOn(volume, index * 64))
  await aWhile()
  expect(requests.map(({ answers }) => answers)).toEqual([[], [], []])
  await mapper.resume('d')
  await Promise.all(requests.map(({ all }) => all))
  for (const { answers } of requests) expect(answers.sort()).toEqual(allDone)
  expect((await place.read('d', 2048 + 64, 1))[0]).toBe(9)
  expect((await place.read('d', 2048 + 66, 1))[0]).toBe(0)
  await Promise.all(volumes.map((volume) => volume.close()))
})

test('suspending waits for what is in flight; with noFlush it does not, and nothing is lost either way', async () => {
  const { mapper } = place
  await using volume = await mapper.open('d')
  for (const noFlush of [false, true]) {
    const writes = Array.from({ length: 64 }, (_, index) => volume.write(index * 512, sectorOf(noFlush ? 4 : 3)))
    let done = 0
    for (const write of writes) write.then(() => done++)
    await mapper.suspend('d', { noFlush })
    if (!noFlush) expect(done).toBe(64)
    await mapper.resume('d')
    await Promise.all(writes)
    expect((await volume.read(63 * 512, 512))[0]).toBe(noFlush ? 4 : 3)
  }
})

test('suspending what is above a suspended device does not wait for what waits below', async () => {
  const { mapper } = place
  await mapper.create('above', '0 4096 linear d 0')
  await using volume = await mapper.open('above')
  await mapper.suspend('d')
  const requests = requestsOn(volume, 0)
  await mapper.suspend('above')
  await mapper.resume('d')
  await aWhile()
  expect(requests.answers).toEqual([])
  await mapper.resume('above')
  await requests.all
  expect(requests.answers.sort()).toEqual(allDone)
})

test("a suspended snapshot still receives the copies of its origin's writes", async () => {
  const { mapper } = place
  await mapper.create('snap', `0 4096 snapshot d ${place.file('cow2', 4096)} P 8`)
  await mapper.create('origin', '0 4096 snapshot-origin d')
  await mapper.suspend('snap')
  await place.write('origin', 0, 8, 2)
  expect(mapper.status('snap')).toBe('0 4096 snapshot 24/4096 16')
  await mapper.resume('snap')
  expect((await place.read('snap', 0, 1))[0]).toBe(1)
})

test("a write of the origin waits while a snapshot's COW is suspended", async () => {
  const { mapper } = place
  await place.create('cowdev', '0 4096 linear cow 0')
  await mapper.create('snap', '0 4096 snapshot d cowdev P 8')
  await mapper.create('origin', '0 4096 snapshot-origin d')
  await using volume = await mapper.open('origin')
  await mapper.suspend('cowdev')
  const requests = requestsOn(volume, 0)
  await aWhile()
  expect(requests.answers).toEqual([])
  await mapper.resume('cowdev')
  await requests.all
  expect(requests.answers.sort()).toEqual(allDone)
})

test.each([
  [
    'its volume is closed and it is removed',
    async (volume: DeviceVolume) => {
      await volume.close()
      await place.mapper.remove('d')
    },
  ],
  [
    'it is closed with a removal at its last close',
    async (volume: DeviceVolume) => {
      await place.mapper.remove('d', { deferred: true })
      await volume.close()
    },
  ],
  ['the engine is closed', () => place.engine.close()],
])('requests that wait on a suspended device are answered with an error when %s', async (_, end) => {
  const volume = await place.mapper.open('d')
  await place.mapper.suspend('d')
  const requests = requestsOn(volume, 0)
  await end(volume)
  await requests.all
  for (const answer of requests.answers) expect(answer).toMatch(/DEVICE_CLOSED|ENGINE_CLOSED|IO_ERROR|WORKER_DIED/)
})

test('requests that wait are answered with errors when the device is given an error table by force', async () => {
  const volume = await place.mapper.open('d')
  await place.mapper.suspend('d')
  const requests = requestsOn(volume, 0)
  await expect(place.mapper.remove('d', { force: true })).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
  await requests.all
  expect(requests.answers.sort()).toEqual(['flush ok', 'read IO_ERROR', 'write IO_ERROR', 'zeroes IO_ERROR'])
  await volume.close()
})

test.each([['0 1024 linear file 0'], ['0 512 linear file 0\n512 512 error']])(
  'requests that waited while their device became shorter (%s) fail, and touch nothing behind its end',
  async (table) => {
    await using volume = await place.mapper.open('d')
    await place.mapper.suspend('d')
    const requests = requestsOn(volume, 3000)
    await reload('d', table)
    await requests.all
    expect(requests.answers.sort()).toEqual([
      'flush ok',
      'read OUT_OF_RANGE',
      'write OUT_OF_RANGE',
      'zeroes OUT_OF_RANGE',
    ])
    await place.create('whole', '0 4096 linear file 0')
    expect((await place.read('whole', 3000, 1))[0]).toBe(1)
  },
)

test('requests that waited while their device became one to read only fail if they write', async () => {
  await using volume = await place.mapper.open('d')
  await place.mapper.suspend('d')
  const requests = requestsOn(volume, 0)
  await place.mapper.load('d', '0 4096 linear file 0', { folder: place.folder, readOnly: true })
  await place.mapper.resume('d')
  await requests.all
  expect(requests.answers.sort()).toEqual(['flush ok', 'read ok', 'write READ_ONLY', 'zeroes READ_ONLY'])
})
