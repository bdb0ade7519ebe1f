/**
 * A few requests, and then nothing: whoever misses its wake-up here sleeps on, where under load the next request would wake it.
 * Groups of overlapping requests go to different workers, want the same keys and the same commit word, and are waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Engine, type Origin, type Snapshot } from 'cowring'
import { expect, test } from 'vitest'
import { soon } from '../../threads/dying-load.js'
import { random, replayable, seedOfRun } from '../../threads/random.js'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const file = '../race/under-pauses/lone-requests.test.ts'
/** Requests that begin in different regions go to different workers. */
const regionBytes = 65536
const regions = 512
const groups = 1200

test.each([
  { workers: 1, durability: 'process-crash' },
  { workers: 2, durability: 'process-crash' },
  { workers: 3, durability: 'power-loss' },
  { workers: 4, durability: 'process-crash' },
] as const)(
  '$workers workers, $durability: a few requests at a time are all answered',
  async ({ durability, workers }) => {
    const seed = seedOfRun()
    await replayable(file, seed, async () => {
      const next = random(seed)
      const engine = await Engine.start({ workers, arenaBytes: 2 ** 25 })
      const origin = await engine.open(memory(regions * regionBytes))
      const take = (chunkSectors: number) =>
        origin.snapshot({ cow: memory(3 * regions * regionBytes), name: `${chunkSectors}`, chunkSectors, durability })
      const snapshots = [await take(8), await take(32)]
      for (let group = 0; group < groups; group++) {
        await soon(overlapping(origin, snapshots, 1 + (group % (regions - 1)), next), `group ${group}`)
        if (next() < 0.3) await sleep(next() * 2)
      }
      expect(engine.machinery.heldLocks()).toBe(0)
      expect(engine.machinery.client.inFlight()).toBe(0)
      await soon(engine.close(), 'closing')
    })
  },
)

/** One to four requests around the beginning of a region; the lengths decide which of them want the same chunks. */
function overlapping(
  origin: Origin,
  snapshots: readonly Snapshot[],
  region: number,
  next: () => number,
): Promise<unknown> {
  const border = region * regionBytes
  const upTo = (count: number) => Math.floor(next() * count)
  return Promise.all(
    Array.from({ length: 1 + upTo(4) }, () => {
      const from = border - 512 * upTo(48)
      const end = border + 512 * (1 + upTo(48))
      const start = next() < 0.4 ? border : from
      const volume = next() < 0.25 ? snapshots[upTo(snapshots.length)] : origin
      if (next() < 0.15) return snapshots[upTo(snapshots.length)]?.read(start, end - start)
      return volume?.write(start, new Uint8Array(end - start).fill(region))
    }),
  )
}
