/**
 * What may come of requests that were in flight together.
 *
 *     a sector of a read        what was there before; anything, even a mix, where a write of the batch goes
 *     a sector afterwards       what a write put there; what was there before only if none of its writes succeeded
 *     a snapshot taken midway   each write of the batch is in it whole or not at all
 *     an origin rolled back     the snapshot, with the writes to it before, and what was written to the origin after
 *     a store with room         exactly the chunks that were written to
 *     a store beside a merge    these, what the merge has needed, and maybe what was written to chunks yet to be merged
 *     a store without           Invalid, or for PO Overflow if its own writes can have been what filled it
 *
 * Where more than one outcome is legal, the oracle takes over what was found.
 */
import { type Candidate, mustBeOneOf, sameSector } from './model-compare.js'
import { chunksOf, mustLieWithin } from './model-merge.js'
import { type OracleSnapshot, sectorBytes } from './model-oracle.js'
import type { ModelWorld } from './model-world.js'

export type Target = 'origin' | OracleSnapshot

export interface BatchWrite {
  readonly target: Target
  readonly sector: number
  readonly bytes: Uint8Array
  /** The code it failed with; `undefined` when it succeeded. */
  failure: string | undefined
}

export interface BatchRead {
  /** Whose content it must be, and whom it asked: a snapshot that is being merged shows the origin's. */
  readonly target: Target
  readonly through: Target
  readonly sector: number
  readonly found: Uint8Array
  failure: string | undefined
}

export interface Outcome {
  readonly writes: readonly BatchWrite[]
  /** What every volume showed before the batch. */
  readonly before: ReadonlyMap<Target, Uint8Array>
  /** The origin was closed and reopened after the batch. */
  readonly closed: boolean
  /** A snapshot that was taken during the batch, with the image that it shows. */
  readonly taken: OracleSnapshot | undefined
  /** Writes that had resolved before it was asked for. */
  readonly doneBefore: readonly BatchWrite[]
  /** A merge that began during the batch, and the writes that were submitted before it. */
  readonly merge: { readonly snapshot: OracleSnapshot; readonly early: readonly BatchWrite[] } | undefined
}

/** A read beside a write in flight may see any mix of old and new bytes; every other sector must be what it was. */
export function checkReads(
  reads: readonly BatchRead[],
  writes: readonly BatchWrite[],
  before: ReadonlyMap<Target, Uint8Array>,
): void {
  for (const { failure, found, sector, target } of reads) {
    if (failure !== undefined) continue
    const old = before.get(target) ?? new Uint8Array()
    for (let at = 0; at < found.length; at += sectorBytes) {
      const here = sector + at / sectorBytes
      if (covering(writes, target, here).length > 0) continue
      const candidates = [{ bytes: old, at: here * sectorBytes }]
      mustBeOneOf(`a read of ${nameOf(target)}, sector ${here}, during the batch`, found, at, candidates)
    }
  }
}

/** Reads that were submitted after a merge had begun: the origin and the snapshot show what the snapshot was. */
export function checkReadsOfMerge(
  reads: readonly BatchRead[],
  rolledBack: OracleSnapshot,
  batch: {
    readonly early: readonly BatchWrite[]
    readonly late: readonly BatchWrite[]
    readonly before: ReadonlyMap<Target, Uint8Array>
  },
): void {
  const { before, early, late } = batch
  const isConcerned = ({ target }: BatchRead) => target === 'origin' || target === rolledBack
  const others = reads.filter((read) => !isConcerned(read))
  checkReads(others, [...early, ...late], before)
  const old = before.get(rolledBack) ?? new Uint8Array()
  for (const { failure, found, sector, target } of reads.filter(isConcerned)) {
    if (failure !== undefined) continue
    for (let at = 0; at < found.length; at += sectorBytes) {
      const here = sector + at / sectorBytes
      if (covering(late, 'origin', here).length > 0) continue
      const written = covering(early, rolledBack, here).map(candidateAt(here))
      const candidates = written.length > 0 ? written : [{ bytes: old, at: here * sectorBytes }]
      mustBeOneOf(`a read of ${nameOf(target)}, sector ${here}, right after the merge began`, found, at, candidates)
    }
  }
}

/** Throws on an outcome that is not legal; otherwise the oracle agrees with the engine afterwards. */
export async function judge(world: ModelWorld, outcome: Outcome): Promise<void> {
  const { before, closed, merge, taken, writes } = outcome
  const { oracle } = world
  const asked = writes.filter(({ target }) => target === 'origin')
  mustAllSucceed(asked)
  // What was written before the origin was rolled back is gone; what was written to the snapshot then is the origin's.
  const originWrites = asked.filter((write) => merge?.early.includes(write) !== true)
  const base = writes.filter((write) => write.target === merge?.snapshot && merge?.early.includes(write))
  const found = await world.origin.read(0, world.origin.sizeBytes)
  adoptFound('origin', originWrites, found, before.get('origin') ?? found, oracle.image, base)
  if (taken !== undefined) judgeTaken(taken, originWrites, outcome)
  if (oracle.merging !== undefined) {
    for (const { bytes, sector } of originWrites) oracle.save(sector, bytes.length / sectorBytes)
  }
  for (const snapshot of oracle.snapshots) {
    if (snapshot !== taken && snapshot !== oracle.merging) await judgeSnapshot(world, snapshot, outcome, originWrites)
    if (closed && snapshot.state === 'Overflow') snapshot.state = 'Valid'
  }
}

async function judgeSnapshot(
  world: ModelWorld,
  snapshot: OracleSnapshot,
  { before, closed, writes }: Outcome,
  originWrites: readonly BatchWrite[],
): Promise<void> {
  const { mapped, may, must, options } = snapshot
  const { name } = options
  const own = writes.filter(({ target }) => target === snapshot)
  const was = snapshot.state
  const byItself = was === 'Valid' ? lacking(snapshot, own) : new Set<number>()
  // Beside a merge the oracle has counted what the origin's writes need.
  const needed = world.oracle.merging === undefined ? lacking(snapshot, originWrites) : new Set<number>()
  const least = new Set([...needed, ...must].filter((chunk) => !mapped.has(chunk)))
  const most = new Set([...least, ...may].filter((chunk) => !mapped.has(chunk)))
  must.clear()
  may.clear()
  const room = snapshot.capacity() - mapped.size
  const [atLeast, atMost] = [least, most].map((byOrigin) => {
    const fits = new Set([...byOrigin, ...byItself]).size <= room
    return { fits, byOrigin: byOrigin.size, byItself: byItself.size, room }
  }) as [Demand, Demand]
  const status = world.handle(snapshot).status()
  // A reopened snapshot does not remember that it overflowed.
  const wasRefused = !atMost.fits && own.some(({ failure }) => failure === 'SNAPSHOT_OVERFLOW')
  const is =
    status === 'Invalid' || status === 'Overflow'
      ? status
      : closed && (!atLeast.fits || wasRefused || was === 'Overflow')
        ? 'Overflow'
        : 'Valid'
  const legal = [...legalStates(snapshot, atLeast), ...legalStates(snapshot, atMost)]
  if (!legal.includes(is)) {
    const demand = `${least.size} to ${most.size} chunks for the origin, ${byItself.size} for itself, room for ${room}`
    throw new Error(`${name} was ${was} and is ${is} after a batch that needed ${demand}; legal: ${legal}`)
  }
  mustFailAsItMay(name, own, is, was)
  snapshot.state = is
  if (is === 'Invalid') return
  for (const chunk of least) mapped.add(chunk)
  const handle = world.handle(snapshot)
  const found = await handle.read(0, handle.sizeBytes)
  for (const write of own) {
    for (const chunk of landed(snapshot, write, found, before.get(snapshot) ?? found)) mapped.add(chunk)
  }
  if (most.size > least.size) {
    const saved = chunksOf(handle, world.oracle)
    mustLieWithin(name, saved, mapped, new Set([...mapped, ...most]))
    for (const chunk of saved) mapped.add(chunk)
  }
  adoptFound(snapshot, own, found, before.get(snapshot) ?? found, snapshot.image)
  if (is === 'Overflow' && was === 'Valid' && mapped.size !== snapshot.capacity()) {
    throw new Error(`${name} overflowed with ${mapped.size} of ${snapshot.capacity()} chunks in use`)
  }
}

interface Demand {
  readonly fits: boolean
  readonly byOrigin: number
  readonly byItself: number
  readonly room: number
}

function legalStates({ options, state }: OracleSnapshot, demand: Demand): readonly string[] {
  if (state === 'Invalid' || demand.fits) return [state]
  if (options.store !== 'PO' || state === 'Overflow') return ['Invalid']
  const legal = demand.byOrigin > 0 ? ['Invalid'] : []
  return demand.byItself > 0 && demand.byOrigin <= demand.room ? [...legal, 'Overflow'] : legal
}

/** Every write of the batch is in the image of a snapshot that was taken meanwhile, or all of it is not, and was saved. */
function judgeTaken(taken: OracleSnapshot, originWrites: readonly BatchWrite[], { before, doneBefore }: Outcome): void {
  const { name } = taken.options
  const expected = (before.get('origin') ?? new Uint8Array()).slice()
  for (const write of originWrites) {
    const { bytes, sector } = write
    const isIn = sameSector(taken.image, sector * sectorBytes, bytes, 0)
    if (isIn) expected.set(bytes, sector * sectorBytes)
    else for (const chunk of taken.chunksOf(sector, bytes.length / sectorBytes)) taken.mapped.add(chunk)
    if (!isIn && doneBefore.includes(write))
      throw new Error(`${name} lacks a write that had resolved, at sector ${sector}`)
  }
  for (let at = 0; at < expected.length; at += sectorBytes) {
    mustBeOneOf(`${name}, sector ${at / sectorBytes}, taken during the batch`, taken.image, at, [
      { bytes: expected, at },
    ])
  }
}

/** Checks every sector of a volume, and makes `image` what was found. `base` was written to it, as another volume, before. */
function adoptFound(
  target: Target,
  writes: readonly BatchWrite[],
  found: Uint8Array,
  before: Uint8Array,
  image: Uint8Array,
  base: readonly BatchWrite[] = [],
): void {
  for (let at = 0; at < found.length; at += sectorBytes) {
    if (writes.length + base.length === 0 && sameSector(found, at, before, at)) continue
    const sector = at / sectorBytes
    const over = covering(writes, target, sector)
    const below = base[0] === undefined ? [] : covering(base, base[0].target, sector).map(candidateAt(sector))
    const rest = below.length > 0 ? below : [{ bytes: before, at }]
    const old = over.some(({ failure }) => failure === undefined) ? [] : rest
    mustBeOneOf(`${nameOf(target)}, sector ${sector}, after the batch`, found, at, [
      ...old,
      ...over.map(candidateAt(sector)),
    ])
  }
  image.set(found)
}

function mustAllSucceed(writes: readonly BatchWrite[]): void {
  const failed = writes.find(({ failure }) => failure !== undefined)
  if (failed !== undefined) throw new Error(`an origin write at sector ${failed.sector} failed with ${failed.failure}`)
}

function mustFailAsItMay(name: string, own: readonly BatchWrite[], is: string, was: string): void {
  for (const { failure, sector } of own) {
    const mayFail = failure === undefined || (failure === 'SNAPSHOT_INVALID' ? is === 'Invalid' : is !== 'Valid')
    if (!mayFail) throw new Error(`a write to ${name} at sector ${sector} failed with ${failure}; it is ${is}`)
    if (failure === undefined && was !== 'Valid') throw new Error(`a write to ${name} succeeded, which was ${was}`)
  }
}

/** The chunks of a write in which some sector is not what it was. */
function landed(
  snapshot: OracleSnapshot,
  { bytes, sector }: BatchWrite,
  found: Uint8Array,
  before: Uint8Array,
): number[] {
  return snapshot.chunksOf(sector, bytes.length / sectorBytes).filter((chunk) => {
    const { chunkSectors } = snapshot.options
    const from = Math.max(sector, chunk * chunkSectors)
    return !sameSector(found, from * sectorBytes, before, from * sectorBytes)
  })
}

function lacking(snapshot: OracleSnapshot, writes: readonly BatchWrite[]): Set<number> {
  const chunks = writes.flatMap(({ bytes, sector }) => snapshot.chunksOf(sector, bytes.length / sectorBytes))
  return new Set(chunks.filter((chunk) => !snapshot.mapped.has(chunk)))
}

const covering = (writes: readonly BatchWrite[], target: Target, sector: number): BatchWrite[] =>
  writes.filter((write) => {
    return write.target === target && write.sector <= sector && sector < write.sector + write.bytes.length / sectorBytes
  })

const candidateAt =
  (sector: number) =>
  (write: BatchWrite): Candidate => ({ bytes: write.bytes, at: (sector - write.sector) * sectorBytes })

const nameOf = (target: Target): string => (target === 'origin' ? 'the origin' : target.options.name)
