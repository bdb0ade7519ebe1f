/**
 * The operations of a model test, one at a time: each is asked of the engine and of the oracle, and what comes back must be
 * what the oracle says. Each answers a line that says what was done.
 */
import { renameSync } from 'node:fs'
import type { Origin, Snapshot } from 'cowring'
import { mustEqual, mustFail, sameSector } from './model-compare.js'
import { again, anyLimits, askMerging, endMerge, mergeOf, rest, settle, startMerge } from './model-merge.js'
import { type OracleSnapshot, sectorBytes } from './model-oracle.js'
import type { ModelWorld } from './model-world.js'

export const operationWeights = {
  originWrite: 30,
  originRead: 10,
  snapshotWrite: 25,
  snapshotRead: 20,
  flush: 3,
  take: 6,
  remove: 2,
  grow: 3,
  handOver: 1,
  reopen: 2,
  abandon: 0.5,
  lookOnly: 0.5,
  loseCow: 0.5,
  merge: 3,
  pauseMerge: 2,
  resumeMerge: 3,
  cancelMerge: 1,
  endMerge: 1,
  watch: 2,
  compare: 4,
} as const

export type OperationName = keyof typeof operationWeights

/** Carries one operation out. Throws when engine and oracle disagree. */
export function carryOut(world: ModelWorld, name: OperationName): Promise<string> {
  return operations[name](world)
}

const operations: Readonly<Record<OperationName, (world: ModelWorld) => Promise<string>>> = {
  async originWrite(world) {
    const { sector, sectors } = world.range()
    const bytes = world.freshBytes(0, sector, sectors)
    await world.withBuffer(bytes.length, async (buffer) => {
      buffer.set(bytes)
      await world.origin.write(sector * sectorBytes, buffer)
    })
    world.oracle.write(sector, bytes)
    return `origin write ${sector}+${sectors}`
  },

  async originRead(world) {
    const { sector, sectors } = world.range()
    await world.withBuffer(sectors * sectorBytes, async (buffer) => {
      await world.origin.read(sector * sectorBytes, buffer)
      mustEqual('origin read', buffer, slice(world.oracle.image, sector, sectors), sector)
    })
    return `origin read ${sector}+${sectors}`
  },

  snapshotWrite: (world) => withSnapshot(world, (snapshot) => snapshotWrite(world, snapshot)),

  snapshotRead: (world) =>
    withSnapshot(world, async (snapshot) => {
      const { sector, sectors } = world.range()
      const read = () => world.handle(snapshot).read(sector * sectorBytes, sectors * sectorBytes)
      if (snapshot.state === 'Invalid') await mustFail('SNAPSHOT_INVALID', read)
      else
        await askMerging(world, snapshot, async () =>
          mustEqual(snapshot.options.name, await read(), slice(snapshot.image, sector, sectors), sector),
        )
      return `read ${sector}+${sectors}`
    }),

  async flush(world) {
    await world.origin.flush()
    for (const snapshot of world.oracle.snapshots) {
      const flush = () => world.handle(snapshot).flush()
      if (snapshot.state === 'Invalid') await mustFail('SNAPSHOT_INVALID', flush)
      else await askMerging(world, snapshot, flush)
    }
    return 'flush all'
  },

  async take(world) {
    if (!world.hasRoomForSnapshot) return 'take nothing'
    await restSettled(world)
    if (world.oracle.merging !== undefined) {
      await mustFail('DEVICE_BUSY', () => world.origin.snapshot({ cow: { memory: 2 ** 20 }, store: 'N' }))
      return 'take nothing while there is a merge'
    }
    const options = world.newOptions()
    const handle = await world.take(options)
    world.handles.set(world.oracle.fork(options), handle)
    const { chunkSectors, cowSectors, durability, name, store } = options
    return `take ${name}: ${store}, chunk ${chunkSectors}, COW of ${cowSectors} sectors, ${durability}`
  },

  remove: (world) =>
    withSnapshot(world, async (snapshot) => {
      if (await refusesToGo(world, snapshot)) return 'remove nothing'
      const handle = world.handle(snapshot)
      await world.remove(snapshot)
      await mustFail('DEVICE_CLOSED', () => handle.read(0, sectorBytes))
      return 'remove'
    }),

  grow: (world) =>
    withSnapshot(world, async (snapshot) => {
      await restSettled(world)
      if (!world.oracle.snapshots.includes(snapshot)) return 'grow nothing'
      const sectors = world.random.int(1, 5 * snapshot.options.chunkSectors)
      return world.grow(snapshot, sectors) ? `grow by ${sectors} sectors` : 'grow nothing'
    }),

  /** Lets go of a store and takes it up again, with nothing written in between. */
  handOver: (world) =>
    withSnapshot(world, async (snapshot) => {
      await restSettled(world)
      const { merging, snapshots } = world.oracle
      if (!snapshot.persistent || merging !== undefined || !snapshots.includes(snapshot)) return 'hand over nothing'
      await world.handle(snapshot).remove({ keepStore: true })
      world.handles.set(snapshot, await world.take(snapshot.options))
      if (snapshot.state === 'Overflow') snapshot.state = 'Valid'
      return 'hand over'
    }),

  async reopen(world) {
    await world.close()
    const strand = world.random.chance(0.5)
    if (strand) world.strandEntries()
    await world.reopen()
    await world.compareAll()
    return `reopen${strand ? ' after stranding entries' : ''}`
  },

  async abandon(world) {
    if (world.config.sources === 'memory') return 'abandon nothing'
    await world.close()
    // Without the one that is being merged the origin would be neither old nor new.
    const { merging, snapshots } = world.oracle
    const given = snapshots.filter((snapshot) => snapshot !== merging && world.random.chance(0.3))
    await world.reopen(given)
    return `abandon [${given.map(({ options }) => options.name)}]`
  },

  async lookOnly(world) {
    if (world.config.sources === 'memory') return 'look at nothing'
    await world.close()
    await world.reopen([], true)
    await world.compareContent()
    world.checkStatuses()
    await mustFail('READ_ONLY', () => world.origin.write(0, new Uint8Array(sectorBytes)))
    await world.close()
    await world.reopen()
    return 'open read-only'
  },

  /** A COW is away: the origin must not open, and must open again when it is back. */
  async loseCow(world) {
    if (world.config.sources === 'memory') return 'lose nothing'
    await world.close()
    const lost = world.oracle.snapshots.find(() => world.random.chance(0.5))
    if (lost !== undefined) {
      const path = String(lost.options.cow)
      renameSync(path, `${path}.away`)
      await mustFail('SNAPSHOT_MISSING', () => world.reopen())
      renameSync(`${path}.away`, path)
    }
    await world.reopen()
    return `lose ${lost?.options.name ?? 'nothing'} for a while`
  },

  async compare(world) {
    await world.compareAll()
    return 'compare all'
  },

  /** Rolls the origin back to a snapshot; asked of the one that is being merged, it goes on with other limits. */
  merge: (world) =>
    withSnapshot(world, async (snapshot) => {
      const handle = world.handle(snapshot)
      if (world.oracle.merging === snapshot) {
        await again(world, snapshot, anyLimits(world.random))
        return 'merge on'
      }
      await restSettled(world)
      if (world.oracle.merging !== undefined) {
        await mustFail('DEVICE_BUSY', async () => handle.merge())
        return 'merge nothing, another one is merged'
      }
      if (!snapshot.persistent || snapshot.state === 'Invalid') {
        await mustFail('INVALID_ARGUMENT', () => handle.merge().finished)
        if (handle.merging !== undefined) throw new Error(`${snapshot.options.name} says it is being merged`)
        return 'merge nothing, it cannot be'
      }
      startMerge(world, snapshot)
      if (world.random.chance(0.5)) await useAtOnce(world, snapshot)
      if (world.random.chance(0.3)) void mergeOf(world)?.pause()
      return 'merge'
    }),

  async pauseMerge(world) {
    if (world.oracle.merging === undefined) return 'pause nothing'
    return `pause the merge${(await rest(world)) ? '' : ', which was at rest'}`
  },

  async resumeMerge(world) {
    mergeOf(world)?.resume()
    return 'resume the merge'
  },

  async cancelMerge(world) {
    const merge = mergeOf(world)
    if (merge === undefined) return 'cancel nothing'
    await merge.cancel()
    if (merge.state === 'cancelled' && (await merge.finished) !== 'cancelled') throw new Error('cancelled and merged')
    await rest(world)
    return `cancel the merge: ${merge.state}`
  },

  async endMerge(world) {
    await endMerge(world)
    return 'let the merge end'
  },

  /** Looks at everything while a merge goes on. */
  async watch(world) {
    const { merging } = world.oracle
    if (merging === undefined) await world.compareContent()
    else await askMerging(world, merging, () => world.compareContent())
    return 'look at all'
  },
}

async function restSettled(world: ModelWorld): Promise<void> {
  await rest(world)
  settle(world)
}

/** What is submitted in the moment after the call already meets the merge. */
async function useAtOnce(world: ModelWorld, snapshot: OracleSnapshot): Promise<void> {
  const { oracle } = world
  const { sector, sectors } = world.range()
  const handle = world.handle(snapshot)
  const expected = slice(oracle.image, sector, sectors).slice()
  const read = async (volume: Origin | Snapshot) => {
    mustEqual('right after the call', await volume.read(sector * sectorBytes, expected.length), expected, sector)
  }
  await Promise.all([
    askMerging(world, snapshot, () => mustFail('READ_ONLY', () => handle.write(0, new Uint8Array(sectorBytes)))),
    askMerging(world, snapshot, () => read(handle)),
    read(world.origin),
  ])
  const bytes = world.freshBytes(0, sector, sectors)
  await world.origin.write(sector * sectorBytes, bytes)
  oracle.write(sector, bytes)
}

/** True for the one that is being merged, which cannot be removed, and for one that is merged by now. */
async function refusesToGo(world: ModelWorld, snapshot: OracleSnapshot): Promise<boolean> {
  if (snapshot === world.oracle.merging) await restSettled(world)
  if (!world.oracle.snapshots.includes(snapshot)) return true
  if (snapshot !== world.oracle.merging) return false
  await mustFail('DEVICE_BUSY', () => world.handle(snapshot).remove())
  return true
}

async function withSnapshot(world: ModelWorld, act: (snapshot: OracleSnapshot) => Promise<string>): Promise<string> {
  if (world.oracle.snapshots.length === 0) return 'no snapshot'
  const snapshot = world.random.pick(world.oracle.snapshots)
  return `${snapshot.options.name}: ${await act(snapshot)}`
}

async function snapshotWrite(world: ModelWorld, snapshot: OracleSnapshot): Promise<string> {
  const { sector, sectors } = world.range()
  const bytes = world.freshBytes(snapshot.options.device, sector, sectors)
  const handle = world.handle(snapshot)
  const write = () =>
    world.withBuffer(bytes.length, async (buffer) => {
      buffer.set(bytes)
      await handle.write(sector * sectorBytes, buffer)
    })
  if (snapshot === world.oracle.merging) {
    await askMerging(world, snapshot, () => mustFail('READ_ONLY', write))
  } else if (snapshot.options.readOnly) {
    await mustFail('READ_ONLY', write)
  } else if (snapshot.state !== 'Valid') {
    await mustFail(snapshot.state === 'Invalid' ? 'SNAPSHOT_INVALID' : 'SNAPSHOT_OVERFLOW', write)
  } else if (snapshot.write(sector, bytes)) {
    await write()
  } else {
    // The oracle's state has changed: the write did not fit.
    await mustFail(snapshot.status() === 'Invalid' ? 'SNAPSHOT_INVALID' : 'SNAPSHOT_OVERFLOW', write)
    if (snapshot.status() === 'Overflow') await adoptPartial(world, snapshot, sector, bytes)
  }
  return `write ${sector}+${sectors}`
}

/** Of a write that overflowed the store each chunk is written or not, as a whole, and the store is full to the last chunk. */
export async function adoptPartial(
  world: ModelWorld,
  snapshot: OracleSnapshot,
  sector: number,
  bytes: Uint8Array,
): Promise<void> {
  const found = await world.handle(snapshot).read(sector * sectorBytes, bytes.length)
  const { chunkSectors, name } = snapshot.options
  for (const chunk of snapshot.chunksOf(sector, bytes.length / sectorBytes)) {
    const from = Math.max(sector, chunk * chunkSectors)
    const to = Math.min(sector + bytes.length / sectorBytes, (chunk + 1) * chunkSectors)
    const part = slice(found, from - sector, to - from)
    const written = sameSector(part, 0, bytes, (from - sector) * sectorBytes)
    const expected = written ? slice(bytes, from - sector, to - from) : slice(snapshot.image, from, to - from)
    mustEqual(`${name} after a write that did not fit`, part, expected, from)
    if (!written) continue
    snapshot.image.set(part, from * sectorBytes)
    snapshot.mapped.add(chunk)
  }
  if (snapshot.mapped.size !== snapshot.capacity()) {
    throw new Error(`${name} overflowed with ${snapshot.mapped.size} of ${snapshot.capacity()} chunks in use`)
  }
}

const slice = (bytes: Uint8Array, sector: number, sectors: number): Uint8Array =>
  bytes.subarray(sector * sectorBytes, (sector + sectors) * sectorBytes)
