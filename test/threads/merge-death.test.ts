/**
 * Worker threads that die while a merge goes on under load, with other snapshots beside it: every step can be begun by one
 * worker and ended by another. In the end the origin is the snapshot with what was written to the origin since, the others are
 * what they were, in this engine and in the next one, and no key is held.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Durability, Engine, type Merge, type Origin } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stampSectors } from '../support/self-describing.js'
import {
  contentOf,
  crash,
  device,
  type Kill,
  Load,
  sectors,
  soon,
  terminate,
  terminateTwo,
  untilIdle,
} from './dying-load.js'
import { random, replayable, seedOfRun } from './random.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-merge-death-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** So slow that the threads die in the middle of many windows. */
const slow = { rateLimit: 2 ** 21 }
const unlimited = { rateLimit: 2 ** 40 }

test.each<{ what: string; kill: Kill; workers: number; chunkSectors: number; durability: Durability }>([
  { what: 'one by terminate', kill: terminate, workers: 2, chunkSectors: 8, durability: 'process-crash' },
  { what: 'two at once', kill: terminateTwo, workers: 4, chunkSectors: 1, durability: 'process-crash' },
  { what: 'one by its own exception', kill: crash, workers: 2, chunkSectors: 32, durability: 'power-loss' },
])(
  '$what: a merge goes on, and what it merges into is right',
  async ({ chunkSectors, durability, kill, what, workers }) => {
    const seed = seedOfRun()
    await replayable('merge-death.test.ts', seed, async () => {
      const next = random(seed)
      const path = join(folder, what)
      const image = new Uint8Array(sectors * 512)
      stampSectors(image, { device, firstSector: 0, sequence: 0 })
      writeFileSync(path, image)
      let engine = await Engine.start({ workers, arenaBytes: 2 ** 26 })
      let origin = await engine.open(path)
      const take = (name: string, chunk: number) =>
        origin.snapshot({ cow: `${path}-${name}.cow`, chunkSectors: chunk, durability, name })
      // Before the merged one, at its time and with chunks of another size, and in the midst of the writes.
      await take('older', chunkSectors * 4)
      const merged = await take('merged', chunkSectors)
      await take('sibling', chunkSectors * 2)
      const before = new Load(origin, next)
      before.start()
      await sleep(100)
      await take('younger', chunkSectors)
      await sleep(100)
      await before.stop()
      const shown = new Map<string, number[]>()
      for (const snapshot of origin.snapshots) shown.set(snapshot.name, await contentOf(snapshot))

      const merge = merged.merge(slow)
      const load = new Load(origin, next, shown.get('merged'))
      shown.delete('merged')
      load.start()
      for (let round = 0; round < 6 && merge.state === 'running'; round++) {
        await sleep(next() * 40)
        await kill(engine, next)
        if (round === 3) merge.limits = unlimited
      }
      merge.limits = unlimited
      expect(await soon(merge.finished, 'the merge')).toBe('merged')
      await load.stop()
      await mustBeRight(engine, origin, load, shown)
      await soon(engine.close(), 'closing')
      engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
      origin = await engine.open(path)
      await mustBeRight(engine, origin, load, shown)
      await engine.close()
    })
  },
)

test('a merge whose workers die one after the other can be paused, cancelled and gone on with', async () => {
  const seed = seedOfRun()
  await replayable('merge-death.test.ts', seed, async () => {
    const next = random(seed)
    const path = join(folder, 'steered')
    const image = new Uint8Array(sectors * 512)
    stampSectors(image, { device, firstSector: 0, sequence: 0 })
    writeFileSync(path, image)
    const engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 25 })
    const origin = await engine.open(path)
    const options = { chunkSectors: 8, durability: 'process-crash' } as const
    const merged = await origin.snapshot({ cow: `${path}-merged.cow`, name: 'merged', ...options })
    const sibling = await origin.snapshot({ cow: `${path}-sibling.cow`, name: 'sibling', ...options })
    stampSectors(image, { device, firstSector: 0, sequence: 1 })
    await merged.write(0, image)
    const load = new Load(origin, next, await contentOf(merged))
    let merge: Merge = merged.merge(slow)
    load.start()
    for (let round = 0; round < 8; round++) {
      const killing = terminate(engine, next)
      if (round % 2 === 0) await soon(merge.pause(), 'a pause')
      else await soon(merge.cancel(), 'cancelling')
      await killing
      if (merge.state === 'merged') break
      merge = merged.merge({ rateLimit: 2 ** 22 })
      await sleep(next() * 30)
    }
    if (merge.state !== 'merged') merge = merged.merge(unlimited)
    expect(await soon(merge.finished, 'the merge')).toBe('merged')
    await load.stop()
    await mustBeRight(engine, origin, load, new Map([['sibling', new Array<number>(sectors).fill(0)]]))
    expect(sibling.status()).toMatch(/^\d+\/\d+ \d+$/)
    await engine.close()
  })
})

/** Nothing is in flight: the origin shows what was acknowledged, the snapshots what they showed, and no key is held. */
async function mustBeRight(
  engine: Engine,
  origin: Origin,
  load: Load,
  shown: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  expect(engine.machinery.client.inFlight()).toBe(0)
  await soon(untilIdle(engine), 'keys of the dead, or of the merge')
  const now = load.history.now()
  for (const [sector, sequence] of (await contentOf(origin)).entries()) {
    expect(load.history.allows(sector, sequence, now, now), `origin, sector ${sector}: ${sequence}`).toBe(true)
  }
  expect(origin.snapshots.map(({ name }) => name)).toEqual([...shown.keys()])
  for (const snapshot of origin.snapshots) {
    const expected = shown.get(snapshot.name) ?? []
    const wrong = (await contentOf(snapshot)).findIndex((sequence, sector) => sequence !== expected[sector])
    expect(wrong, `the first wrong sector of ${snapshot.name}`).toBe(-1)
  }
}
