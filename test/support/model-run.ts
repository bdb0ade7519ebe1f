/** A model test: worlds of random operations, one after the other, until enough have been carried out. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from 'cowring'
import { batch } from './model-batch.js'
import { hasRoomBesideMerge, isAtRest, noticeEnd, rest, settle } from './model-merge.js'
import { carryOut, type OperationName, operationWeights } from './model-operations.js'
import { Random } from './model-random.js'
import { type ModelConfig, ModelWorld, writeSectorsMax } from './model-world.js'

export interface ModelRun extends ModelConfig {
  readonly seed: number
  readonly operations: number
  /** Whether many requests are in flight at once. */
  readonly concurrent: boolean
}

const operationsPerWorldMax = 250
const linesKept = 12

/**
 * What a world does more often than the usual. Where the origin is quiet a PO store can overflow before the origin
 * makes it invalid, and stores fill to the last chunk; where snapshots come and go their COWs are used again.
 * Where there is much to merge, merges are long.
 */
const moods: readonly Partial<Record<OperationName, number>>[] = [
  {},
  { originWrite: 1, snapshotWrite: 60 },
  { originWrite: 40, take: 14, remove: 10, reopen: 5 },
  { merge: 12, pauseMerge: 6, resumeMerge: 8, cancelMerge: 4, endMerge: 3, watch: 6, take: 12, reopen: 4 },
]

/** Memory that looks like a disk, where there is some: a model test is about semantics, not about disks. */
export const fastFolder = (): string => (existsSync('/dev/shm') ? '/dev/shm' : tmpdir())

/** Throws at the first disagreement, with the last operations before it. Answers how many operations it was. */
export async function runModel(run: ModelRun): Promise<number> {
  const random = new Random(run.seed)
  const engine = await Engine.start({ workers: run.workers, io: run.io })
  const folder = mkdtempSync(join(run.direct ? tmpdir() : fastFolder(), 'cowring-model-'))
  let done = 0
  try {
    for (let number = 0; done < run.operations; number++) {
      done += await runWorld(run, engine, random, mkdtempSync(join(folder, `world-${number}-`)))
    }
  } finally {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return done
}

async function runWorld(run: ModelRun, engine: Engine, random: Random, folder: string): Promise<number> {
  const world = await ModelWorld.create(engine, run, random, folder)
  const lines = [`origin of ${world.oracle.sectors} sectors`]
  const weights = { ...operationWeights, ...random.pick(moods), batch: run.concurrent ? random.pick([20, 80]) : 0 }
  const count = random.int(20, operationsPerWorldMax)
  for (let done = 0; done < count; done++) {
    const name = random.weighted(weights)
    try {
      // Which request finds a store full would be a matter of timing: then nothing may go on beside it.
      if (name !== 'batch' && !hasRoomBesideMerge(world, writeSectorsMax)) await rest(world)
      if (isAtRest(world)) settle(world)
      lines.push(name === 'batch' ? await batch(world) : await carryOut(world, name))
      await noticeEnd(world)
      world.checkStatuses()
    } catch (error) {
      const text = `operation ${done}, ${name}: ${error instanceof Error ? error.message : error}`
      throw new Error(`${text}\nBefore it:\n  ${lines.slice(-linesKept).join('\n  ')}`, { cause: error })
    }
  }
  await world.compareAll()
  await world.close()
  await world.reopen()
  await world.compareAll()
  await world.destroy()
  return count
}
