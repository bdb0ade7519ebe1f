/**
 * Merges in a model test. A merge goes on beside the other operations, so how far it is nobody knows until it is at rest. Then
 * the oracle asks the engine which chunks are left, and everything must agree to the last chunk: what the other snapshots have
 * saved, what the stores list, and which of the origin's own bytes are the merged ones already.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Merge, Snapshot } from 'cowring'
import { ExceptionMap } from '../../src/shm/exception-map.js'
import { mustEqual, mustFail } from './model-compare.js'
import { type OracleOrigin, type OracleSnapshot, sectorBytes } from './model-oracle.js'
import type { Random } from './model-random.js'
import type { ModelWorld } from './model-world.js'

/** Faster than any device: what was limited ends soon. */
const unlimited = { rateLimit: 2 ** 40 }
/** A merge that does not end in this time hangs. */
const stuckMs = 30_000

/** Mostly slow enough to be in the middle of things for a while. */
export function anyLimits(random: Random): { rateLimit?: number; latencyTarget?: number } {
  if (random.chance(0.15)) return {}
  if (random.chance(0.05)) return { latencyTarget: random.pick([0.01, 1, 100]) }
  return { rateLimit: 2 ** random.int(14, 23) }
}

/** Begins a merge, of which the oracle knows from the same moment on. */
export function startMerge(world: ModelWorld, snapshot: OracleSnapshot): Merge {
  const merge = world.handle(snapshot).merge(anyLimits(world.random))
  world.oracle.startMerge(snapshot)
  return merge
}

/** The merge under way, or the one that was cancelled. */
export function mergeOf(world: ModelWorld): Merge | undefined {
  const { merging } = world.oracle
  if (merging === undefined) return undefined
  const merge = world.handle(merging).merging
  if (merge === undefined) throw new Error(`${merging.options.name} is being merged, and does not say so`)
  return merge
}

/** True while nothing of a merge goes on by itself, and the oracle knows what is left of it. */
export function isAtRest(world: ModelWorld): boolean {
  const merge = mergeOf(world)
  return merge === undefined || (merge === world.resting && ['paused', 'cancelled'].includes(merge.state))
}

/** True for the one that is being merged, and whose merge was not cancelled. */
export const isUnderWay = (world: ModelWorld, snapshot: OracleSnapshot): boolean =>
  snapshot === world.oracle.merging && mergeOf(world)?.hasEnded === false

/** Brings a merge to rest, or to its end if everything is merged; the oracle knows afterwards what is left. True if it was running. */
export async function rest(world: ModelWorld): Promise<boolean> {
  const { merging } = world.oracle
  const merge = mergeOf(world)
  if (merging === undefined || merge === undefined) return false
  const wasRunning = merge.state === 'running'
  await merge.pause()
  // It answers when the merge has begun: asked for in the same moment, a pause has nothing to wait for.
  await world.origin.read(0, sectorBytes)
  const { done, state, total } = merge.current
  if (state === 'failed') await merge.finished
  if (state === 'merged' || (state !== 'cancelled' && done === total)) {
    merge.resume()
    await finish(world, merging, merge)
    return false
  }
  world.oracle.learnLeft(merging, chunksOf(world.handle(merging), world.oracle))
  world.resting = merge
  return wasRunning
}

/** Brings a merge to rest for `act`; it goes on afterwards. */
export async function atRest(world: ModelWorld, act: () => Promise<void>): Promise<void> {
  const wasRunning = await rest(world)
  settle(world)
  await act()
  if (wasRunning) mergeOf(world)?.resume()
}

/** Waits for the end; the snapshot is gone then, and its COW holds no store any more. */
export async function finish(world: ModelWorld, merging: OracleSnapshot, merge: Merge): Promise<void> {
  const outcome = await inTime(merge.finished, `the merge of ${merging.options.name}`)
  if (outcome !== 'merged') throw new Error(`the merge of ${merging.options.name} ended ${outcome}`)
  await noteMerged(world, merging)
}

/** The merge has ended: the oracle forgets the snapshot. */
export async function noteMerged(world: ModelWorld, merging: OracleSnapshot): Promise<void> {
  const { oracle } = world
  if (!oracle.snapshots.includes(merging)) return
  const { cow, name } = merging.options
  const handle = world.handles.get(merging)
  oracle.learnLeft(merging, new Set())
  oracle.forget(merging)
  world.handles.delete(merging)
  const isBlank = () =>
    (typeof cow === 'string' ? readFileSync(cow) : cow.memory).subarray(0, 4).every((byte) => byte === 0)
  // Of a merge that was over before its origin was open there is nothing to wait for but this.
  for (let waited = 0; handle === undefined && !isBlank() && waited < 1000; waited++) await sleep(2)
  if (!isBlank()) throw new Error(`the COW of ${name} holds a store after its merge`)
  world.reuseCow(merging)
  if (handle === undefined) return
  if (handle.status() !== 'merged') throw new Error(`${name} was merged and says '${handle.status()}'`)
  await mustFail('DEVICE_CLOSED', () => handle.read(0, sectorBytes))
  await mustFail('DEVICE_CLOSED', async () => handle.merge())
}

/** Takes note of a merge that has ended by itself. */
export async function noticeEnd(world: ModelWorld): Promise<void> {
  const { merging } = world.oracle
  const merge = mergeOf(world)
  if (merging === undefined || merge === undefined) return
  if (merge.state === 'merged' || merge.state === 'failed') await finish(world, merging, merge)
}

/** Lets a merge go on to its end. */
export async function endMerge(world: ModelWorld): Promise<void> {
  const { merging } = world.oracle
  if (merging === undefined) return
  const merge = await again(world, merging, unlimited)
  if (merge !== undefined) await finish(world, merging, merge)
}

/** Merges again, with other limits; `undefined` if it ended meanwhile. */
export async function again(
  world: ModelWorld,
  merging: OracleSnapshot,
  limits: ReturnType<typeof anyLimits>,
): Promise<Merge | undefined> {
  const before = mergeOf(world)
  try {
    const merge = world.handle(merging).merge(limits)
    if ((merge === before) !== (before?.state !== 'cancelled'))
      throw new Error('only a merge that has ended is another')
    return merge
  } catch (error) {
    const isClosed = error instanceof Error && 'code' in error && error.code === 'DEVICE_CLOSED'
    if (!isClosed || before === undefined) throw error
    await finish(world, merging, before)
    return undefined
  }
}

/** Asks something of the handle that is being merged, which may have been merged the moment before. */
export async function askMerging(world: ModelWorld, snapshot: OracleSnapshot, ask: () => Promise<void>): Promise<void> {
  const merge = mergeOf(world)
  try {
    await ask()
  } catch (error) {
    const isClosed = error instanceof Error && 'code' in error && error.code === 'DEVICE_CLOSED'
    if (!isClosed || merge === undefined || snapshot !== world.oracle.merging || isAtRest(world)) throw error
    await finish(world, snapshot, merge)
  }
}

/** True if no other snapshot can become full, wherever the merge is: only then it may go on beside an operation. */
export function hasRoomBesideMerge({ oracle }: ModelWorld, writeSectorsMax: number): boolean {
  const { merging } = oracle
  if (merging === undefined) return true
  return oracle.snapshots.every((snapshot) => {
    if (snapshot === merging || snapshot.state === 'Invalid') return true
    const { chunkSectors } = snapshot.options
    const needed = new Set([...snapshot.mapped, ...snapshot.must, ...snapshot.may])
    for (const chunk of merging.mapped) {
      const first = chunk * merging.options.chunkSectors
      const sectors = Math.min(merging.options.chunkSectors, oracle.sectors - first)
      for (const saved of snapshot.chunksOf(first, sectors)) needed.add(saved)
    }
    return needed.size + Math.ceil(writeSectorsMax / chunkSectors) + 1 <= snapshot.capacity()
  })
}

/** Nothing is in flight and the merge is at rest: what the other snapshots have saved must lie within the bounds. */
export function settle(world: ModelWorld, saved = (snapshot: OracleSnapshot) => savedBy(world, snapshot)): void {
  for (const snapshot of world.oracle.snapshots) {
    if (snapshot === world.oracle.merging || (snapshot.must.size === 0 && snapshot.may.size === 0)) continue
    if (snapshot.state !== 'Invalid') adopt(snapshot, saved(snapshot))
    snapshot.must.clear()
    snapshot.may.clear()
  }
}

/** The chunks that a snapshot has saved; `undefined` when it is invalid. */
function savedBy(world: ModelWorld, snapshot: OracleSnapshot): ReadonlySet<number> | undefined {
  const handle = world.handle(snapshot)
  return handle.status() === 'Invalid' ? undefined : chunksOf(handle, world.oracle)
}

function adopt(snapshot: OracleSnapshot, found: ReadonlySet<number> | undefined): void {
  const { may, must, options, mapped } = snapshot
  const least = new Set([...mapped, ...must])
  const most = new Set([...least, ...may])
  const room = snapshot.capacity()
  if (found === undefined ? most.size <= room : least.size > room) {
    const is = found === undefined ? 'is invalid' : `has ${found.size} chunks`
    throw new Error(`${options.name} ${is}, with room for ${room}, of which it needs ${least.size} to ${most.size}`)
  }
  if (found === undefined) snapshot.state = 'Invalid'
  else mustLieWithin(options.name, found, least, most)
  if (found !== undefined) for (const chunk of found) mapped.add(chunk)
}

export function mustLieWithin(
  name: string,
  found: ReadonlySet<number>,
  least: ReadonlySet<number>,
  most: ReadonlySet<number>,
): void {
  const lost = [...least].filter((chunk) => !found.has(chunk))
  const strange = [...found].filter((chunk) => !most.has(chunk))
  if (lost.length + strange.length === 0) return
  throw new Error(`${name} lacks chunks [${lost.slice(0, 8)}], and has [${strange.slice(0, 8)}] for no reason`)
}

/** The chunks that a store has exceptions for, as the engine's own map says. */
export function chunksOf(handle: Snapshot, oracle: OracleOrigin): Set<number> {
  const { store } = handle.instance
  if (store === undefined) throw new Error(`${handle.name} has no store`)
  const map = new ExceptionMap(store.mapMemory)
  const count = Math.ceil(oracle.sectors / handle.chunkSectors)
  return new Set(Array.from({ length: count }, (_, chunk) => chunk).filter((chunk) => map.lookUp(chunk) >= 0))
}

/** What is merged is in the origin's own bytes; the rest of them nobody sees. Nothing may be in flight. */
export function compareMerged({ oracle }: ModelWorld, path: string): void {
  const { merging } = oracle
  if (merging === undefined) return
  const bytes = readFileSync(path)
  const chunkBytes = merging.options.chunkSectors * sectorBytes
  for (const chunk of merging.mapped) {
    const unseen = oracle.image.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes)
    bytes.set(unseen, chunk * chunkBytes)
  }
  mustEqual('what is merged', bytes, oracle.image)
}

/** How a merge ended whose origin was closed: some way to its end, unless it was cancelled before. */
export async function endedByClose(merge: Merge, wasCancelled: boolean): Promise<'merged' | 'closed'> {
  const outcome = await inTime(
    merge.finished.catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'DEVICE_CLOSED') return 'closed' as const
      throw error
    }),
    'the merge of an origin that was closed',
  )
  if ((outcome === 'cancelled') !== wasCancelled) throw new Error(`a merge ended ${outcome} when its origin was closed`)
  return outcome === 'merged' ? 'merged' : 'closed'
}

async function inTime<Result>(promise: Promise<Result>, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const stuck = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} does not end`)), stuckMs)
  })
  try {
    return await Promise.race([promise, stuck])
  } finally {
    clearTimeout(timer)
  }
}
