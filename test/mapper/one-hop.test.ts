/** However high a stack is, a request on it is one extent for one worker, and so is what it does below. */
import type { EngineStatistics } from 'cowring'
import { expect, test } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'
import { sameBytes } from '../support/stepped-engine.js'

const sectors = 4096

/** How many extents workers have been given. */
const extents = (statistics: EngineStatistics): number =>
  Object.values(statistics.operations).reduce((sum, { count }) => sum + count, 0)

async function extentsOf(place: MapperPlace, name: string, sector: number, count: number): Promise<number[]> {
  await using volume = await place.mapper.open(name)
  const bytes = new Uint8Array(count * 512).fill(1)
  const before = extents(place.engine.statistics())
  await volume.write(sector * 512, bytes)
  const written = extents(place.engine.statistics())
  expect(sameBytes(await volume.read(sector * 512, count * 512), bytes)).toBe(true)
  return [written - before, extents(place.engine.statistics()) - written]
}

test('a linear on a linear on a linear costs what one linear costs', async () => {
  await using place = await MapperPlace.start()
  place.file('disk', 3 * sectors)
  await place.create('one', `0 ${3 * sectors} linear disk 0`)
  await place.create('two', `0 ${2 * sectors} linear one 8`)
  await place.create('three', `0 ${sectors} linear two 16`)
  expect(await extentsOf(place, 'one', 0, 2048)).toEqual([1, 1])
  expect(await extentsOf(place, 'three', 0, 2048)).toEqual([1, 1])
  expect(sameBytes(await place.read('one', 24, 2048), new Uint8Array(2048 * 512).fill(1))).toBe(true)
})

test('a striped set of files is one extent, not one for each stripe', async () => {
  await using place = await MapperPlace.start()
  for (const name of ['a', 'b', 'c']) place.file(name, 1024)
  await place.create('set', '0 3072 striped 3 8 a 0 b 0 c 0')
  await place.create('top', '0 3000 linear set 8')
  expect(await extentsOf(place, 'top', 0, 2048)).toEqual([1, 1])
})

test('a snapshot of a snapshot of a striped set is one extent at its top, and so is a write through two origins', async () => {
  await using place = await MapperPlace.start()
  for (const name of ['a', 'b']) place.file(name, sectors / 2)
  for (const name of ['cow1', 'cow2']) place.file(name, 2 * sectors)
  await place.create('set', `0 ${sectors} striped 2 8 a 0 b 0`)
  await place.create('fork', `0 ${sectors} snapshot set cow1 P 8`)
  await place.create('second', `0 ${sectors} snapshot fork cow2 P 8`)
  await place.create('origin', `0 ${sectors} snapshot-origin fork`)
  await place.create('top', `0 ${sectors / 2} linear second 8`)
  expect(await extentsOf(place, 'top', 0, 8)).toEqual([1, 1])
  expect(await extentsOf(place, 'origin', 0, 8)).toEqual([1, 1])
})
