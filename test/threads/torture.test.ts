/**
 * Many overlapping reads and writes of the same few chunks in flight on real threads, with snapshots taken in the middle of
 * it. A snapshot shows one instant: whatever a sector showed first it shows for ever, and it is what the origin held at
 * some moment of the call that took it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, type Origin, type Snapshot } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stampSectors } from '../support/self-describing.js'
import { random, replayable, seedOfRun } from './random.js'
import { SectorHistory, sequencesOf } from './sector-history.js'

const device = 1
const forkDevice = 2
const requests = 12_000
const inFlightMax = 3000
const requestSectorsMax = 96

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-torture-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })

/** A snapshot, the moments of the call that took it, and what each sector was first seen to be. */
interface Instant {
  readonly snapshot: Snapshot
  readonly from: number
  readonly to: number
  readonly seen: Float64Array
}

class Torture {
  readonly #origin: Origin
  readonly #sectors: number
  readonly #history: SectorHistory
  readonly #instants: Instant[] = []
  readonly #random: () => number
  #fork: Snapshot | undefined
  #forkTouched: Uint8Array
  #sequence = 0

  constructor(origin: Origin, next: () => number) {
    this.#origin = origin
    this.#sectors = origin.sizeBytes / 512
    this.#history = new SectorHistory(this.#sectors)
    this.#forkTouched = new Uint8Array(this.#sectors)
    this.#random = next
  }

  async takeFork(chunkSectors: number): Promise<void> {
    const cow = memory(4 * this.#origin.sizeBytes)
    this.#fork = await this.#origin.snapshot({ cow, chunkSectors, name: 'fork', durability: 'process-crash' })
  }

  async take(name: string, chunkSectors: number, store: 'P' | 'N'): Promise<void> {
    const durability = store === 'N' ? 'none' : 'process-crash'
    const from = this.#history.now()
    const cow = memory(4 * this.#origin.sizeBytes)
    const snapshot = await this.#origin.snapshot({ cow, chunkSectors, store, durability, name })
    const to = this.#history.now()
    this.#instants.push({ snapshot, from, to, seen: new Float64Array(this.#sectors).fill(-1) })
  }

  /** One random request; resolves when it has been answered and checked. */
  request(): Promise<void> {
    const sectors = 1 + Math.floor(this.#random() ** 3 * requestSectorsMax)
    const first = Math.floor(this.#random() * (this.#sectors - sectors + 1))
    const choice = this.#random()
    if (choice < 0.45) return this.#write(first, sectors)
    if (choice < 0.55) return this.#writeFork(first, sectors)
    if (choice < 0.6) return this.#origin.read(first * 512, sectors * 512).then(() => {})
    return this.#readInstant(first, sectors)
  }

  /** Every sector of everything, with nothing in flight. */
  async checkAll(): Promise<void> {
    const now = this.#history.now()
    const bytes = await this.#origin.read(0, this.#sectors * 512)
    for (const [sector, sequence] of sequencesOf(bytes, device, 0, 'origin').entries()) {
      expect(this.#history.allows(sector, sequence, now, now), `origin, sector ${sector}: ${sequence}`).toBe(true)
    }
    for (const instant of this.#instants) await this.#checkInstant(instant, 0, this.#sectors)
    const fork = (await this.#fork?.read(0, this.#sectors * 512)) ?? new Uint8Array(0)
    for (let sector = 0; sector < fork.length / 512; sector++) {
      const stamped = this.#forkTouched[sector] === 1 ? forkDevice : device
      const [sequence] = sequencesOf(fork.subarray(sector * 512, (sector + 1) * 512), stamped, sector, 'fork')
      if (stamped === device) expect(sequence).toBe(0)
    }
  }

  async #write(first: number, sectors: number): Promise<void> {
    const sequence = ++this.#sequence
    const bytes = new Uint8Array(sectors * 512)
    stampSectors(bytes, { device, firstSector: first, sequence })
    const answered = this.#history.submit(first, sectors, sequence)
    await this.#origin.write(first * 512, bytes)
    answered()
  }

  async #writeFork(first: number, sectors: number): Promise<void> {
    const bytes = new Uint8Array(sectors * 512)
    stampSectors(bytes, { device: forkDevice, firstSector: first, sequence: ++this.#sequence })
    this.#forkTouched.fill(1, first, first + sectors)
    await this.#fork?.write(first * 512, bytes)
  }

  async #readInstant(first: number, sectors: number): Promise<void> {
    const instant = this.#instants[Math.floor(this.#random() * this.#instants.length)]
    if (instant !== undefined) await this.#checkInstant(instant, first, sectors)
  }

  async #checkInstant(instant: Instant, first: number, sectors: number): Promise<void> {
    const { from, seen, snapshot, to } = instant
    const bytes = await snapshot.read(first * 512, sectors * 512)
    for (const [index, sequence] of sequencesOf(bytes, device, first, snapshot.name).entries()) {
      const sector = first + index
      if (seen[sector] === sequence) continue
      const before = seen[sector] === -1 ? 'nothing' : seen[sector]
      expect(before, `${snapshot.name}, sector ${sector}: shown before, and now ${sequence}`).toBe('nothing')
      const allowed = this.#history.allows(sector, sequence, from, to)
      expect(allowed, `${snapshot.name}, sector ${sector}: ${sequence} is not of its instant`).toBe(true)
      seen[sector] = sequence
    }
  }
}

/** Keeps many requests in flight until `count` have been answered; `at` runs after so many submissions. */
async function flood(count: number, one: () => Promise<void>, at: (submitted: number) => void): Promise<void> {
  const inFlight = new Set<Promise<void>>()
  let failure: unknown
  for (let submitted = 0; submitted < count && failure === undefined; submitted++) {
    at(submitted)
    const request = one().then(
      () => {
        inFlight.delete(request)
      },
      (error: unknown) => {
        inFlight.delete(request)
        failure ??= error
      },
    )
    inFlight.add(request)
    if (inFlight.size >= inFlightMax) await Promise.race(inFlight)
  }
  await Promise.all(inFlight)
  if (failure !== undefined) throw failure
}

test.each([
  { workers: 2, chunkSectors: 1, sectors: 96 },
  { workers: 2, chunkSectors: 8, sectors: 256 },
  { workers: 4, chunkSectors: 8, sectors: 512 },
  { workers: 4, chunkSectors: 128, sectors: 1000 },
  { workers: 8, chunkSectors: 1, sectors: 512 },
  { workers: 8, chunkSectors: 128, sectors: 1000 },
])(
  '$workers workers, chunks of $chunkSectors sectors: snapshots keep their instant under any overlap',
  async (shape) => {
    const seed = seedOfRun()
    await replayable('torture.test.ts', seed, async () => {
      const engine = await Engine.start({ workers: shape.workers, arenaBytes: 2 ** 27 })
      const path = join(folder, `origin-${shape.workers}-${shape.chunkSectors}`)
      const image = new Uint8Array(shape.sectors * 512)
      stampSectors(image, { device, firstSector: 0, sequence: 0 })
      writeFileSync(path, image)
      const origin = await engine.open(path)
      const torture = new Torture(origin, random(seed))
      await torture.takeFork(shape.chunkSectors)
      await torture.take('first', shape.chunkSectors, 'P')
      const taken: Promise<void>[] = []
      const take = (taking: Promise<void>) => {
        taking.catch(() => {}) // awaited below, when the flood is over
        taken.push(taking)
      }
      await flood(
        requests,
        () => torture.request(),
        (submitted) => {
          if (submitted === requests / 4) take(torture.take('second', shape.chunkSectors, 'N'))
          if (submitted === requests / 2) take(torture.take('third', 4 * shape.chunkSectors, 'P'))
        },
      )
      await Promise.all(taken)
      await torture.checkAll()
      expect(engine.machinery.client.inFlight()).toBe(0)
      expect(engine.machinery.heldLocks()).toBe(0)
      for (const { name, status } of origin.snapshots.map((each) => ({ name: each.name, status: each.status() }))) {
        expect(status, name).toMatch(/^\d+\/\d+ \d+$/)
      }
      await engine.close()
    })
  },
)

test('requests wait for room in the arena and in the rings, and all are answered', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 23))
  await origin.snapshot({ cow: memory(2 ** 25), chunkSectors: 8, durability: 'process-crash' })
  // 160 MiB of bytes wait for an arena of 32 MiB; then 6,000 requests for 4,096 tickets and one ring of 1,024.
  const large = Array.from({ length: 40 }, (_, index) =>
    origin.write((index % 2) * 2 ** 22, new Uint8Array(2 ** 22).fill(index)),
  )
  await Promise.all(large)
  const small = Array.from({ length: 6000 }, (_, index) =>
    origin.write((index % 8) * 512, new Uint8Array(512).fill(index)),
  )
  const reads = Array.from({ length: 2000 }, (_, index) => origin.read((index % 64) * 4096, 4096))
  await Promise.all([...small, ...reads])
  expect(engine.machinery.client.inFlight()).toBe(0)
  expect(engine.machinery.heldLocks()).toBe(0)
  await engine.close()
})

test('taking a snapshot waits for room in the arena, like everybody', async () => {
  await using engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 24))
  const writes = Array.from({ length: 16 }, () => origin.write(0, new Uint8Array(2 ** 22)))
  const taking = origin.snapshot({ cow: memory(2 ** 22), durability: 'process-crash' })
  const [taken] = await Promise.allSettled([taking, ...writes])
  expect(taken).toMatchObject({ status: 'fulfilled' })
})
