/** Tables that change under parallel requests: nothing is lost, nothing fails, and snapshots stay what they were. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'
import { freshSeed, Random, seedFromEnvironment } from '../support/model-random.js'

const sectors = 4096
const lane = 1024

let place: MapperPlace
let random: Random
const seed = seedFromEnvironment() ?? freshSeed()
beforeEach(async () => {
  random = new Random(seed)
  place = await MapperPlace.start()
  place.file('file', sectors)
  place.file('cow', 16 * sectors)
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail')
    console.error(`Replay: COWRING_SEED=${seed} npx vitest run test/mapper/swap-under-load.test.ts`)
  await place[Symbol.asyncDispose]()
})

const reload = async (name: string, table: string) => {
  await place.mapper.load(name, table, { folder: place.folder })
  await place.mapper.suspend(name)
  await place.mapper.resume(name)
}

/**
 * Writes and reads back at random, on a volume for each of the quarters of a device that is full of `fill`, until `act` is
 * over; none of that may show: every sector is what was last written there.
 */
async function underLoad(name: string, act: () => Promise<void>, { fill = 0, quarters = [0, 1, 2, 3] } = {}) {
  const expected = new Uint8Array(sectors).fill(fill)
  let over = false
  let writes = 0
  const mustHave = (read: Uint8Array, firstSector: number) => {
    for (let at = 0; at < read.length; at += 256) {
      const sector = firstSector + Math.floor(at / 512)
      if (read[at] !== expected[sector]) throw new Error(`sector ${sector}: ${read[at]} instead of ${expected[sector]}`)
    }
  }
  const load = async (quarter: number) => {
    await using volume = await place.mapper.open(name)
    while (!over) {
      const count = random.int(1, 40)
      const first = quarter * lane + random.int(0, lane - count)
      const byte = random.int(1, 255)
      await volume.write(first * 512, new Uint8Array(count * 512).fill(byte))
      expected.fill(byte, first, first + count)
      writes++
      mustHave(await volume.read(quarter * lane * 512, lane * 512), quarter * lane)
    }
  }
  const loads = Promise.all(quarters.map(load))
  await Promise.race([act(), loads]).finally(() => {
    over = true
  })
  await loads
  mustHave(await place.read(name, 0, sectors), 0)
  expect(writes).toBeGreaterThan(8)
}

/** As long as some more requests take. */
const aWhile = async () => {
  for (let turn = 0; turn < 5; turn++)
    await place.mapper.open('d').then((volume) => volume.read(0, 512).finally(() => volume.close()))
}

test('a device that becomes linear, striped, two lines and linear again loses nothing', async () => {
  const half = sectors / 2
  const tables = [
    `0 ${sectors} striped 2 ${half} file 0 file ${half}`,
    `0 ${lane} linear file 0\n${lane} ${sectors - lane} linear file ${lane}`,
    `0 ${sectors} striped 1 8 file 0`,
    `0 ${sectors} linear file 0`,
  ]
  await place.create('d', `0 ${sectors} linear file 0`)
  await place.mapper.create('above', `0 ${sectors} linear d 0`)
  await underLoad('above', async () => {
    for (let round = 0; round < 8; round++) {
      await reload('d', tables[round % tables.length] ?? '')
      await aWhile()
    }
  })
})

/** A snapshot of a disk of 0xee, and its origin over it. */
async function takeSnapshot(cow: string): Promise<void> {
  place.file('file', sectors, 0xee)
  await place.create('d', `0 ${sectors} linear file 0`)
  await place.create('snap', `0 ${sectors} snapshot d ${cow} P 8`)
  await place.mapper.create('origin', `0 ${sectors} snapshot-origin d`)
}
const expectOldImage = async () => {
  const image = await place.read('snap', 0, sectors)
  expect(image.every((byte) => byte === 0xee)).toBe(true)
}

test('a COW device that is given a longer table while its snapshot is in use goes on, and has more room', async () => {
  // Room for 255 chunks; a quarter has 128.
  await place.create('cowdev', '0 2056 linear cow 0')
  await takeSnapshot('cowdev')
  const grow = async () => {
    for (let room = 4096; room <= 16 * sectors; room *= 2) {
      await reload('cowdev', `0 ${room} linear cow 0`)
      await aWhile()
    }
  }
  await underLoad('origin', grow, { fill: 0xee, quarters: [1] })
  await place.write('origin', 0, sectors, 5)
  expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot 4128/65536 32`)
  await expectOldImage()
})

test('a snapshot that is reloaded with its own table, again and again, hands over under its origin’s writes', async () => {
  await takeSnapshot('cow')
  place.file('cow2', 16 * sectors)
  await place.create('second', `0 ${sectors} snapshot d cow2 PO 16`)
  await underLoad(
    'origin',
    async () => {
      for (let round = 0; round < 6; round++) {
        await reload('snap', `0 ${sectors} snapshot d cow P 8`)
        await reload('second', `0 ${sectors} snapshot d cow2 PO 16`)
        await aWhile()
      }
    },
    { fill: 0xee },
  )
  await expectOldImage()
  expect(place.mapper.table('snap')).toMatch(/ P 8$/)
  expect(place.mapper.status('second')).toMatch(/^0 4096 snapshot \d+\/65536 \d+$/)
  // What was handed over is what is on disk.
  await place.mapper.remove('snap')
  await place.create('snap', `0 ${sectors} snapshot d cow P 8`)
  await expectOldImage()
})

test('origins whose table is swapped under writes keep their snapshot: plain, copied out, and plain underneath', async () => {
  await takeSnapshot('cow')
  await underLoad(
    'origin',
    async () => {
      for (let round = 0; round < 6; round++) {
        await reload('d', round % 2 === 0 ? `0 ${sectors} striped 1 8 file 0` : `0 ${sectors} linear file 0`)
        await reload('origin', `0 ${sectors} snapshot-origin d`)
        await aWhile()
      }
    },
    { fill: 0xee },
  )
  await expectOldImage()
})
