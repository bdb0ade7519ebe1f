/**
 * Worker threads that die under load: by `terminate`, one and two at once, and by an exception of their own. Requests in
 * flight are answered, with success or WORKER_DIED; nothing stays held; acknowledged writes are there; snapshots keep their
 * instant, in this engine and in the next one, which loads the stores again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError, type Durability, Engine, type Origin } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stampSectors } from '../support/self-describing.js'
import {
  contentOf,
  crash,
  device,
  inFlight,
  type Kill,
  Load,
  sectors,
  soon,
  terminate,
  terminateInTurn,
  terminateTwo,
  untilIdle,
} from './dying-load.js'
import { random, replayable, seedOfRun } from './random.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-death-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Instant {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly shown: number[]
}

async function makeImage(name: string): Promise<string> {
  const path = join(folder, name)
  const image = new Uint8Array(sectors * 512)
  stampSectors(image, { device, firstSector: 0, sequence: 0 })
  writeFileSync(path, image)
  return path
}

/** What must hold when the load has stopped: of the engine, the origin and every snapshot. */
async function expectWhole(engine: Engine, origin: Origin, load: Load, taken: Instant[]): Promise<void> {
  expect(engine.machinery.client.inFlight()).toBe(0)
  await soon(untilIdle(engine), 'keys of the dead')
  const now = load.history.now()
  for (const [sector, sequence] of (await contentOf(origin)).entries()) {
    expect(load.history.allows(sector, sequence, now, now), `origin, sector ${sector}: ${sequence}`).toBe(true)
  }
  for (const { from, name, shown, to } of taken) {
    const snapshot = origin.snapshots.find((each) => each.name === name)
    expect(snapshot?.status(), name).toMatch(/^\d+\/\d+ \d+$/)
    if (snapshot === undefined) continue
    for (const [sector, sequence] of (await contentOf(snapshot)).entries()) {
      const allowed = load.history.allows(sector, sequence, from, to)
      expect(allowed, `${name}, sector ${sector}: ${sequence} is not of its instant`).toBe(true)
      if (shown[sector] !== undefined) expect(sequence, `${name}, sector ${sector}`).toBe(shown[sector])
      shown[sector] = sequence
    }
  }
}

test.each<{ what: string; kill: Kill; rounds: number; workers: number; chunkSectors: number; durability: Durability }>([
  { what: 'one by terminate', kill: terminate, rounds: 10, workers: 2, chunkSectors: 8, durability: 'process-crash' },
  { what: 'one of four', kill: terminate, rounds: 14, workers: 4, chunkSectors: 1, durability: 'process-crash' },
  { what: 'one, with barriers', kill: terminate, rounds: 6, workers: 2, chunkSectors: 32, durability: 'power-loss' },
  { what: 'two at once', kill: terminateTwo, rounds: 5, workers: 4, chunkSectors: 8, durability: 'process-crash' },
  { what: 'two in turn', kill: terminateInTurn, rounds: 6, workers: 4, chunkSectors: 1, durability: 'power-loss' },
  {
    what: 'one by its own exception',
    kill: crash,
    rounds: 8,
    workers: 2,
    chunkSectors: 8,
    durability: 'process-crash',
  },
])('$what: requests are answered, data and snapshots are right, here and after a reload', async (shape) => {
  const seed = seedOfRun()
  await replayable('worker-death.test.ts', seed, async () => {
    const next = random(seed)
    const path = await makeImage(shape.what)
    const { chunkSectors, durability, workers } = shape
    let engine = await Engine.start({ workers, arenaBytes: 2 ** 26 })
    let origin = await engine.open(path)
    const taken: Instant[] = []
    const load = new Load(origin, next)
    const take = async (name: string, chunk: number) => {
      const from = load.history.now()
      const cow = join(folder, `${shape.what}-${name}.cow`)
      await soon(origin.snapshot({ cow, chunkSectors: chunk, durability, name }), `taking ${name}`)
      taken.push({ name, from, to: load.history.now(), shown: [] })
    }
    await take('before', chunkSectors)
    load.start()
    for (let round = 0; round < shape.rounds; round++) {
      await sleep(next() * 30)
      await shape.kill(engine, next)
      // Again and again something to copy: a snapshot has every chunk soon.
      if (round % 2 === 1) await take(`round-${round}`, chunkSectors * 2 ** (round % 4))
      if (round % 4 === 3) {
        const oldest = origin.snapshots.find(({ name }) => name !== 'before')
        if (oldest !== undefined && origin.snapshots.length > 3) {
          taken.splice(
            taken.findIndex(({ name }) => name === oldest.name),
            1,
          )
          await soon(oldest.remove(), 'removing a snapshot')
        }
      }
    }
    await load.stop()
    await expectWhole(engine, origin, load, taken)
    expect(load.answered).toBeGreaterThan(inFlight)
    await soon(engine.close(), 'closing')
    engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
    origin = await engine.open(path)
    await expectWhole(engine, origin, load, taken)
    await engine.close()
  })
})

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })

test('a thread that dies before it has started is replaced too', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 20))
  const { pool } = engine.machinery
  for (let kill = 0; kill < 6; kill++) {
    // At once: it has not come to loading our modules.
    const [newborn] = pool.threads
    await newborn?.terminate()
    while (pool.threads.length < 2 || pool.threads[0] === newborn) await new Promise(setImmediate)
  }
  const writes = Array.from({ length: 16 }, (_, index) => origin.write(index * 65536, new Uint8Array(512)))
  const outcome = await Promise.race([Promise.allSettled(writes).then(() => 'answered'), sleep(20_000, 'stuck')])
  if (outcome === 'answered') await engine.close()
  expect(outcome).toBe('answered')
})

test('reads of a snapshot that is being removed harm nobody', async () => {
  await using engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 20))
  const snapshot = await origin.snapshot({ cow: memory(2 ** 22), durability: 'process-crash' })
  const codeOf = (error: unknown) => (error instanceof CowringError ? error.code : String(error))
  const outcomes: Promise<string>[] = []
  let removed = false
  const removing = snapshot.remove().finally(() => {
    removed = true
  })
  while (!removed) {
    outcomes.push(snapshot.read(0, 4096).then(() => 'OK', codeOf))
    outcomes.push(origin.write(0, new Uint8Array(4096)).then(() => 'OK', codeOf))
    await sleep(0)
  }
  await removing
  expect(await Promise.all(outcomes)).not.toContain('WORKER_DIED')
})
