/**
 * Worker threads that die under load: by `terminate`, one and two at once, and by an exception of their own. Requests in
 * flight are answered, with success or WORKER_DIED; nothing stays held; acknowledged writes are there; snapshots keep their
 * instant, in this engine and in the next one, which loads the stores again.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError, type Durability, Engine, type Origin, type Snapshot } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stampSectors } from '../support/self-describing.js'
import { deadly } from './deadly.js'
import { random, replayable, seedOfRun } from './random.js'
import { SectorHistory, sequencesOf } from './sector-history.js'

const device = 1
const sectors = 8192
const inFlight = 256
/** Longer than any recovery takes; a request that needs more is stuck. */
const stuckMs = 30_000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-death-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes and reads at random until told to stop. Every lane has its own sectors, so a sector has one writer at a time. */
class Load {
  readonly history = new SectorHistory(sectors)
  died = 0
  answered = 0
  readonly #origin: Origin
  readonly #random: () => number
  readonly #lanes: Promise<void>[] = []
  #sequence = 0
  #stopping = false

  constructor(origin: Origin, next: () => number) {
    this.#origin = origin
    this.#random = next
  }

  start(): void {
    const own = sectors / inFlight
    for (let lane = 0; lane < inFlight; lane++) this.#lanes.push(this.#run(lane * own, own))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await soon(Promise.all(this.#lanes), 'requests in flight')
  }

  async #run(from: number, own: number): Promise<void> {
    while (!this.#stopping) {
      const count = 1 + Math.floor(this.#random() * own)
      const first = from + Math.floor(this.#random() * (own - count + 1))
      try {
        if (this.#random() < 0.7) await this.#write(first, count)
        else await this.#origin.snapshots[0]?.read(first * 512, count * 512)
        this.answered++
      } catch (error) {
        if (!(error instanceof CowringError) || error.code !== 'WORKER_DIED') throw error
        this.died++
      }
    }
  }

  async #write(first: number, count: number): Promise<void> {
    const bytes = new Uint8Array(count * 512)
    const sequence = ++this.#sequence
    stampSectors(bytes, { device, firstSector: first, sequence })
    const answered = this.history.submit(first, count, sequence)
    await this.#origin.write(first * 512, bytes)
    answered()
  }
}

/** Fails, instead of hanging, what does not come about. */
async function soon<Result>(promise: Promise<Result>, what: string): Promise<Result> {
  const timer = new AbortController()
  const stuck = sleep(stuckMs, 'stuck' as const, { signal: timer.signal }).catch(() => 'stuck' as const)
  const first = await Promise.race([promise.then((value) => ({ value })), stuck])
  timer.abort()
  if (first === 'stuck') throw new Error(`${what}: nothing happened for ${stuckMs} ms`)
  return first.value
}

interface Instant {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly shown: number[]
}

async function contentOf(volume: Origin | Snapshot): Promise<number[]> {
  const bytes = await soon(volume.read(0, volume.sizeBytes), `reading ${volume.name}`)
  return sequencesOf(bytes, device, 0, volume.name)
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

async function untilIdle(engine: Engine): Promise<void> {
  while (engine.machinery.heldLocks() > 0) await sleep(5)
}

type Kill = (engine: Engine, next: () => number) => Promise<void>
type Thread = Engine['machinery']['pool']['threads'][number]

/**
 * Threads that are in their loop, in random order; waits until there are `count` of them. One that is still loading its
 * modules must not be terminated: some Node versions abort the process then.
 */
async function running(engine: Engine, count: number, next: () => number): Promise<Thread[]> {
  const { pool, workerCount } = engine.machinery
  for (;;) {
    await engine.machinery.recovered()
    const threads = pool.threads
    await Promise.all(Array.from({ length: workerCount }, (_, worker) => pool.send(worker, { kind: 'sync' })))
    const alive = threads.filter((thread) => pool.threads.includes(thread))
    if (alive.length >= count) return alive.sort(() => next() - 0.5)
    await sleep(5)
  }
}

const terminate: Kill = async (engine, next) => {
  await (await running(engine, 1, next))[0]?.terminate()
}
const terminateTwo: Kill = async (engine, next) => {
  await Promise.all((await running(engine, 2, next)).slice(0, 2).map((thread) => thread.terminate()))
}
/** The second dies while the first is being replaced. */
const terminateInTurn: Kill = async (engine, next) => {
  const [first, second] = await running(engine, 2, next)
  await first?.terminate()
  await sleep(next() * 60)
  await second?.terminate()
}
const crash: Kill = async (engine, next) => {
  const { workerCount } = engine.machinery
  await running(engine, workerCount, next)
  const worker = Math.floor(next() * workerCount)
  void engine.machinery.pool.send(worker, deadly)
  await sleep(1)
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
