/**
 * Threads that die under load: what loads an origin, and what kills its workers. Requests in flight are answered, with success
 * or WORKER_DIED.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError, type Engine, type Origin, type Snapshot } from 'cowring'
import { stampSectors } from '../support/self-describing.js'
import { deadly } from './deadly.js'
import { SectorHistory, sequencesOf } from './sector-history.js'

export const device = 1
export const sectors = 8192
export const inFlight = 256
/** Longer than any recovery takes; a request that needs more is stuck. Under pauses everything takes its time. */
const stuckMs = process.env.COWRING_RACE_SEED === undefined ? 30_000 : 120_000

/** Writes and reads at random until told to stop. Every lane has its own sectors, so a sector has one writer at a time. */
export class Load {
  readonly history: SectorHistory
  died = 0
  answered = 0
  readonly #origin: Origin
  readonly #random: () => number
  readonly #lanes: Promise<void>[] = []
  #sequence = 0
  #stopping = false

  /** `shown`: what the sectors hold when it begins; stamps of sequence 0 without. */
  constructor(origin: Origin, next: () => number, shown: readonly number[] = []) {
    this.#origin = origin
    this.#random = next
    this.history = new SectorHistory(sectors, shown)
    for (const sequence of shown) this.#sequence = Math.max(this.#sequence, sequence)
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
export async function soon<Result>(promise: Promise<Result>, what: string): Promise<Result> {
  const timer = new AbortController()
  const stuck = sleep(stuckMs, 'stuck' as const, { signal: timer.signal }).catch(() => 'stuck' as const)
  const first = await Promise.race([promise.then((value) => ({ value })), stuck])
  timer.abort()
  if (first === 'stuck') throw new Error(`${what}: nothing happened for ${stuckMs} ms`)
  return first.value
}

export async function contentOf(volume: Origin | Snapshot): Promise<number[]> {
  const bytes = await soon(volume.read(0, volume.sizeBytes), `reading ${volume.name}`)
  return sequencesOf(bytes, device, 0, volume.name)
}

export async function untilIdle(engine: Engine): Promise<void> {
  while (engine.machinery.heldLocks() > 0) await sleep(5)
}

export type Kill = (engine: Engine, next: () => number) => Promise<void>
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

export const terminate: Kill = async (engine, next) => {
  await (await running(engine, 1, next))[0]?.terminate()
}
export const terminateTwo: Kill = async (engine, next) => {
  await Promise.all((await running(engine, 2, next)).slice(0, 2).map((thread) => thread.terminate()))
}
/** The second dies while the first is being replaced. */
export const terminateInTurn: Kill = async (engine, next) => {
  const [first, second] = await running(engine, 2, next)
  await first?.terminate()
  await sleep(next() * 60)
  await second?.terminate()
}
export const crash: Kill = async (engine, next) => {
  const { workerCount } = engine.machinery
  await running(engine, workerCount, next)
  const worker = Math.floor(next() * workerCount)
  void engine.machinery.pool.send(worker, deadly)
  await sleep(1)
}
