/** Stacks of copy-on-write volumes whose worker dies, or whose lower volume fails: what was answered is there, and no write hangs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceVolume, Engine } from 'cowring'
import { expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'
import { random, replayable, seedOfRun } from '../threads/random.js'

const sectors = 2048
const deaths = 6

const stack: readonly (readonly [name: string, line: string])[] = [
  ['x', `0 ${sectors} linear x.img 0`],
  ['s1', `0 ${sectors} snapshot x cow1 P 8`],
  ['o1', `0 ${sectors} snapshot-origin x`],
  ['s2', `0 ${sectors} snapshot s1 cow2 P 16`],
  ['o2', `0 ${sectors} snapshot-origin s1`],
  ['y', '0 8192 linear y.img 0'],
  ['s4', '0 8192 snapshot y cow4 P 4'],
  ['s3', `0 ${sectors} snapshot x s4 P 8`],
]

async function putUp(place: MapperPlace): Promise<void> {
  for (const [name, line] of stack) {
    await place.mapper.create(name, line, { folder: place.folder, durability: 'process-crash' })
  }
}

/** What each sector was last written with; undefined where a write died with its worker. */
class Content {
  readonly sectors: (number | undefined)[] = new Array(sectors).fill(7)
  readonly #busy = new Set<number>()
  readonly #volume: DeviceVolume

  constructor(volume: DeviceVolume) {
    this.#volume = volume
  }

  async write(first: number, count: number, stamp: number): Promise<void> {
    const range = Array.from({ length: count }, (_, index) => first + index)
    if (range.some((sector) => this.#busy.has(sector))) return sleep(0)
    for (const sector of range) this.#busy.add(sector)
    const answer = await answerOf(() => this.#volume.write(first * 512, new Uint8Array(count * 512).fill(stamp)))
    expect(['ok', 'WORKER_DIED']).toContain(answer)
    for (const sector of range) {
      this.sectors[sector] = answer === 'ok' ? stamp : undefined
      this.#busy.delete(sector)
    }
  }

  async expectIn(place: MapperPlace, name: string): Promise<void> {
    const bytes = await place.read(name, 0, sectors)
    const wrong = this.sectors.findIndex((stamp, sector) => stamp !== undefined && bytes[sector * 512] !== stamp)
    expect(wrong < 0 ? '' : `${name}, sector ${wrong}: ${bytes[wrong * 512]} for ${this.sectors[wrong]}`).toBe('')
  }
}

async function killOne({ machinery }: Engine, next: () => number): Promise<void> {
  const { pool, workerCount } = machinery
  await machinery.recovered()
  await Promise.all(Array.from({ length: workerCount }, (_, worker) => pool.send(worker, { kind: 'sync' })))
  await pool.threads[Math.floor(next() * pool.threads.length)]?.terminate()
}

test('a stack whose workers die keeps what was answered, at every level and in its stores', async () => {
  const seed = seedOfRun()
  await replayable('../mapper/nested-failures.test.ts', seed, async () => {
    const next = random(seed)
    await using place = await MapperPlace.start({ workers: 3, arenaBytes: 2 ** 26 })
    place.file('x.img', sectors, 7)
    for (const name of ['cow1', 'cow2', 'y.img']) place.file(name, 4 * sectors)
    place.file('cow4', 16 * sectors)
    await putUp(place)
    const volumes = await Promise.all(['o1', 'o2', 's3'].map((name) => place.mapper.open(name)))
    const contents = volumes.map((volume) => new Content(volume))
    let isOver = false
    let stamp = 0
    const writer = async (): Promise<void> => {
      while (!isOver) {
        const count = 1 + Math.floor(next() * 12)
        const first = Math.floor(next() * (sectors - count))
        await contents[Math.floor(next() * contents.length)]?.write(first, count, 1 + (stamp++ % 250))
      }
    }
    const writers = Promise.all(Array.from({ length: 12 }, writer))
    for (let death = 0; death < deaths; death++) {
      await sleep(next() * 80)
      await killOne(place.engine, next)
    }
    isOver = true
    await writers
    for (const volume of volumes) await volume.close()
    const expectAll = async (): Promise<void> => {
      const [o1, o2, s3] = contents
      for (const name of ['o1', 'x']) await o1?.expectIn(place, name)
      for (const name of ['o2', 's1']) await o2?.expectIn(place, name)
      await s3?.expectIn(place, 's3')
      expect((await place.read('s2', 0, sectors)).every((byte) => byte === 7)).toBe(true)
    }
    await expectAll()
    await place.mapper.removeAll()
    await putUp(place)
    await expectAll()
  })
})

test.each([
  ['is full', async () => {}],
  [
    'cannot be written, its header neither',
    async (place: MapperPlace) => {
      await place.mapper.load('c', '0 64 error')
      await place.mapper.resume('c')
    },
  ],
])('an origin is written on when a store below the store of its snapshot %s', async (_, spoil) => {
  await using place = await MapperPlace.start()
  place.file('disk', sectors, 7)
  place.file('y.img', 8192)
  place.file('small', 64)
  await place.create('x', `0 ${sectors} linear disk 0`)
  await place.create('o', `0 ${sectors} snapshot-origin x`)
  await place.create('c', '0 64 linear small 0')
  await place.create('lower', '0 8192 snapshot y.img c P 8')
  await place.create('upper', `0 ${sectors} snapshot x lower P 8`)
  await place.write('o', 0, 8, 9)
  await spoil(place)
  for (let chunk = 1; chunk < 20; chunk++) await place.write('o', chunk * 8, 8, 9)
  expect(place.mapper.status('upper')).toBe(`0 ${sectors} snapshot Invalid`)
  expect(place.mapper.status('lower')).toBe('0 8192 snapshot Invalid')
})
