/**
 * What may come of requests that were in flight together.
 *
 *     a sector of a read        what was there before; anything, even a mix, where a write of the batch goes
 *     a sector afterwards       what a write put there; what was there before only if none of its writes succeeded
 *     a snapshot taken midway   each write of the batch is in it whole or not at all
 *     a store with room         exactly the chunks that were written to
 *     a store without           Invalid, or for PO Overflow if its own writes can have been what filled it
 *
 * Where more than one outcome is legal, the oracle takes over what was found.
 */
import { type Candidate, mustBeOneOf, sameSector } from './model-compare.js'
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
  readonly target: Target
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

/** Throws on an outcome that is not legal; otherwise the oracle agrees with the engine afterwards. */
export async function judge(world: ModelWorld, outcome: Outcome): Promise<void> {
  const { before, closed, taken, writes } = outcome
  const originWrites = writes.filter(({ target }) => target === 'origin')
  mustAllSucceed(originWrites)
  const found = await world.origin.read(0, world.origin.sizeBytes)
  adoptFound('origin', originWrites, found, before.get('origin') ?? found, world.oracle.image)
  if (taken !== undefined) judgeTaken(taken, originWrites, outcome)
  for (const snapshot of world.oracle.snapshots) {
    if (snapshot !== taken) await judgeSnapshot(world, snapshot, outcome, originWrites)
    if (closed && snapshot.state === 'Overflow') snapshot.state = 'Valid'
  }
}

async function judgeSnapshot(
  world: ModelWorld,
  snapshot: OracleSnapshot,
  { before, closed, writes }: Outcome,
  originWrites: readonly BatchWrite[],
): Promise<void> {
  const { name } = snapshot.options
  const own = writes.filter(({ target }) => target === snapshot)
  const was = snapshot.state
  const byOrigin = lacking(snapshot, originWrites)
  const byItself = was === 'Valid' ? lacking(snapshot, own) : new Set<number>()
  const room = snapshot.capacity() - snapshot.mapped.size
  const fits = new Set([...byOrigin, ...byItself]).size <= room
  const status = world.handle(snapshot).status()
  // A reopened snapshot does not remember that it overflowed.
  const is =
    status === 'Invalid' || status === 'Overflow'
      ? status
      : closed && (!fits || was === 'Overflow')
        ? 'Overflow'
        : 'Valid'
  const legal = legalStates(snapshot, { fits, byOrigin: byOrigin.size, byItself: byItself.size, room })
  if (!legal.includes(is)) {
    const demand = `${byOrigin.size} chunks for the origin, ${byItself.size} for itself, room for ${room}`
    throw new Error(`${name} was ${was} and is ${is} after a batch that needed ${demand}; legal: ${legal}`)
  }
  mustFailAsItMay(name, own, is, was)
  snapshot.state = is
  if (is === 'Invalid') return
  for (const chunk of byOrigin) snapshot.mapped.add(chunk)
  const handle = world.handle(snapshot)
  const found = await handle.read(0, handle.sizeBytes)
  for (const write of own) {
    for (const chunk of landed(snapshot, write, found, before.get(snapshot) ?? found)) snapshot.mapped.add(chunk)
  }
  adoptFound(snapshot, own, found, before.get(snapshot) ?? found, snapshot.image)
  if (is === 'Overflow' && was === 'Valid' && snapshot.mapped.size !== snapshot.capacity()) {
    throw new Error(`${name} overflowed with ${snapshot.mapped.size} of ${snapshot.capacity()} chunks in use`)
  }
}

function legalStates(
  { options, state }: OracleSnapshot,
  demand: { fits: boolean; byOrigin: number; byItself: number; room: number },
): readonly string[] {
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

/** Checks every sector of a volume, and makes `image` what was found. */
function adoptFound(
  target: Target,
  writes: readonly BatchWrite[],
  found: Uint8Array,
  before: Uint8Array,
  image: Uint8Array,
): void {
  for (let at = 0; at < found.length; at += sectorBytes) {
    if (writes.length === 0 && sameSector(found, at, before, at)) continue
    const sector = at / sectorBytes
    const over = covering(writes, target, sector)
    const old = over.some(({ failure }) => failure === undefined) ? [] : [{ bytes: before, at }]
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
