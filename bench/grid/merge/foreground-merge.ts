/**
 * What requests on an origin feel of a merge: their latencies without one, and right afterwards with one, in the same store. All
 * chunks have an exception, so no request copies anything on its own account.
 */
import { setImmediate } from 'node:timers/promises'
import { Engine, type Merge, type Origin, type Snapshot } from '../../../src/index.js'
import { CpuGauge } from '../cpu-gauge.js'
import type { Workplace } from '../workplace.js'
import { ForegroundLoad, type Latencies } from './foreground-load.js'
import type { ForegroundMerge } from './merge-case.js'
import { MergeFiles } from './merge-files.js'

const mib = 2 ** 20
/** Before the first round: compiles the hot paths and touches the memory. As a share of a pass. */
const warmUp = 0.5
/** So much of a merge is measured, and so much of the time: the change of tables at the end holds requests as well. */
const almostAll = 0.95
/** Limit on merges in a pass, for stores that are merged before the requests have begun. */
const mergesMax = 64

export interface ForegroundOptions {
  readonly rounds: number
  /** Of requests, without a merge and with one; with as many merges one after the other as that takes. */
  readonly seconds: number
  /** Of the origin, and of the exceptions. */
  readonly bytes: number
}

export interface ForegroundRound {
  readonly without: Latencies
  readonly during: Latencies
  /** Mebibytes a second, while the requests went on. */
  readonly merged: number
}

export interface ForegroundFigures {
  readonly rounds: readonly ForegroundRound[]
  readonly othersShare: number
}

export async function measureForeground(
  given: ForegroundMerge,
  place: Workplace,
  options: ForegroundOptions,
): Promise<ForegroundFigures> {
  using files = new MergeFiles(place, given, options.bytes)
  const engine = await Engine.start({ workers: given.workers })
  const rounds: ForegroundRound[] = []
  const gauge = new CpuGauge()
  try {
    const origin = await engine.open(files.origin)
    const load = new ForegroundLoad(engine, origin, given)
    await load.run(options.seconds * warmUp)
    gauge.restart()
    for (let round = 0; round < options.rounds; round++) {
      rounds.push(await runRound(given, files, origin, load, options.seconds))
    }
  } finally {
    await engine.close()
  }
  return { rounds, othersShare: gauge.othersShare() }
}

async function runRound(
  given: ForegroundMerge,
  files: MergeFiles,
  origin: Origin,
  load: ForegroundLoad,
  seconds: number,
): Promise<ForegroundRound> {
  let snapshot = await takeSnapshot(given, files, origin)
  load.restart()
  await load.run(seconds)
  const without = load.latencies()
  const limits = given.limit === 'latency-target' ? { latencyTarget: (2 * without.p99) / 1000 } : {}
  load.restart()
  let merged = 0
  let took = 0
  for (let merges = 0; merges < mergesMax && took < seconds * almostAll; merges++) {
    if (merges > 0) snapshot = await takeSnapshot(given, files, origin)
    const merge = snapshot.merge(limits)
    await beginningOf(merge)
    const before = merge.current.done
    took += await load.run(seconds - took, () => merge.current.done < merge.current.total * almostAll)
    merged += merge.current.done - before
    // The rest, as fast as it goes: only a merge that is done leaves the origin without a snapshot.
    await merge.cancel()
    if (merge.state === 'cancelled') await snapshot.merge().finished
  }
  return { without, during: load.latencies(), merged: merged / took / mib }
}

function takeSnapshot({ durability }: ForegroundMerge, files: MergeFiles, origin: Origin): Promise<Snapshot> {
  files.fillList()
  return origin.snapshot({ cow: files.cow, durability })
}

/** The change of tables before the first window holds all requests; it is no part of what is measured. */
async function beginningOf(merge: Merge): Promise<void> {
  while (merge.state === 'running' && merge.current.done === 0) await setImmediate()
}
