/** Origins that become part of a stack, and cease to be, while they are written: their requests then go to other workers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { MapperPlace } from '../support/mapper-place.js'
import { random, replayable, seedOfRun } from '../threads/random.js'

const sectors = 16384
const rounds = 4
const swapsPerRound = 6

test('a filter that comes and goes over an origin under load costs no request, and the snapshot stays what it was', async () => {
  const seed = seedOfRun()
  await replayable('../mapper/nesting-moves.test.ts', seed, async () => {
    const next = random(seed)
    await using place = await MapperPlace.start({ workers: 4, arenaBytes: 2 ** 27 })
    place.file('disk', sectors, 5)
    place.file('other', sectors, 6)
    await place.create('real', `0 ${sectors} linear disk 0`)
    await place.create('base', `0 ${sectors} snapshot-origin real`)
    await place.create('filter', `0 ${sectors} linear other 0`)
    await using base = await place.mapper.open('base')
    await using _open = await place.mapper.open('filter')
    const options = { folder: place.folder, durability: 'process-crash' } as const
    for (let round = 0; round < rounds; round++) {
      place.file(`cow${round}`, 3 * sectors)
      const before = await base.read(0, sectors * 512)
      const table = `0 ${sectors} snapshot real cow${round} P 16`
      await place.mapper.create('snap', table, options)
      let isOver = false
      const writer = async (): Promise<void> => {
        while (!isOver) {
          const count = 1 + Math.floor(next() * 63)
          const at = Math.floor(next() * (sectors - count))
          await base.write(at * 512, new Uint8Array(512 * count).fill(round))
        }
      }
      const writers = Promise.all(Array.from({ length: 64 }, writer))
      for (let swap = 0; swap < swapsPerRound; swap++) {
        await sleep(2)
        const line = swap % 2 === 0 ? 'flakey base 0 60 0' : 'linear other 0'
        await place.mapper.load('filter', `0 ${sectors} ${line}`, options)
        await place.mapper.resume('filter')
      }
      isOver = true
      await writers
      // Again from its store: a chunk that was saved twice would be refused.
      await place.mapper.remove('snap')
      await place.mapper.create('snap', table, options)
      const shown = await place.read('snap', 0, sectors)
      expect(Buffer.compare(shown, before), `round ${round}`).toBe(0)
      await place.mapper.remove('snap')
    }
  })
})

test('a stack for which the arena has no room is refused, and takes nothing with it', async () => {
  await using place = await MapperPlace.start({ workers: 1 })
  place.file('disk', sectors, 5)
  for (const cow of ['cow1', 'cow2']) place.file(cow, 3 * sectors)
  await place.create('x', `0 ${sectors} linear disk 0`)
  await place.create('s1', `0 ${sectors} snapshot x cow1 P 8`)
  await place.create('s2', `0 ${sectors} snapshot s1 cow2 P 8`)
  const taken: Uint8Array[] = []
  const takeAll = async (): Promise<void> => {
    for (;;) taken.push(place.engine.alloc(2 ** 20))
  }
  const give = (): void => place.engine.free(taken.pop() ?? new Uint8Array())
  expect(await answerOf(takeAll)).toBe('ARENA_FULL')
  // One of the two levels has room; then the other has it, too.
  give()
  expect(await answerOf(() => place.create('o2', `0 ${sectors} snapshot-origin s1`))).toBe('ARENA_FULL')
  give()
  await place.create('o2', `0 ${sectors} snapshot-origin s1`)
  while (taken.length > 0) give()
  await place.write('o2', 0, 8, 9)
  expect((await place.read('s2', 0, 8)).every((byte) => byte === 5)).toBe(true)
})
