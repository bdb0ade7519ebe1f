/**
 * A few requests, and then nothing: whoever misses its wake-up here sleeps on, where under load the next request would wake it.
 * Groups of overlapping requests go to different workers, want the same keys and the same commit word, and are waited for; and
 * each of them is the first one to its chunks, which a snapshot that nobody writes to must go on showing as they were.
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
const groups = 1000
const regions = groups + 2

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
      const instant = await take(16)
      for (let group = 0; group < groups; group++) {
        await soon(overlapping({ origin, snapshots, instant }, 1 + group, next), `group ${group}`)
        if (next() < 0.3) await sleep(next() * 2)
      }
      expect(isBlank(await instant.read(0, instant.sizeBytes))).toBe(true)
      expect(engine.machinery.heldLocks()).toBe(0)
      expect(engine.machinery.client.inFlight()).toBe(0)
      await soon(engine.close(), 'closing')
    })
  },
)

interface Volumes {
  readonly origin: Origin
  readonly snapshots: readonly Snapshot[]
  /** Nobody writes to it. */
  readonly instant: Snapshot
}

/** One to five requests around the beginning of a region; the lengths decide which of them want the same chunks. */
function overlapping({ instant, origin, snapshots }: Volumes, region: number, next: () => number): Promise<unknown> {
  const border = region * regionBytes
  const upTo = (count: number) => Math.floor(next() * count)
  return Promise.all(
    Array.from({ length: 1 + upTo(5) }, async () => {
      const start = next() < 0.4 ? border : border - 512 * upTo(48)
      const byteLength = border + 512 * (1 + upTo(48)) - start
      if (next() < 0.4) {
        expect(isBlank(await instant.read(start, byteLength)), `region ${region} of the instant`).toBe(true)
        return
      }
      const volume = next() < 0.25 ? (snapshots[upTo(snapshots.length)] ?? origin) : origin
      await volume.write(start, new Uint8Array(byteLength).fill(1 + (region % 255)))
    }),
  )
}

const isBlank = (bytes: Uint8Array) => bytes.every((byte) => byte === 0)
