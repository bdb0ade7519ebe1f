/**
 * How fast a merge is that nobody disturbs, beside a plain copy of the same ranges of the same files. The two take turns, and turns
 * in being the first: the data of the store outlive the merge, so the copy can also come after it.
 */
import { assert } from '../../../src/base/assert.js'
import { Engine, type Origin } from '../../../src/index.js'
import { CpuGauge } from '../cpu-gauge.js'
import { median } from '../latency-samples.js'
import type { Comparison } from '../measure.js'
import { RivalAttempt } from '../rival-attempt.js'
import { figuresOfRounds, spreadOf } from '../round-figures.js'
import type { Workplace } from '../workplace.js'
import { CopyFloor } from './copy-floor.js'
import type { IdleMerge } from './merge-case.js'
import { MergeFiles } from './merge-files.js'
import { hasQemuCommit, QemuCommit, qemuCommitLacks, qemuCommitName } from './qemu-commit.js'

const mib = 2 ** 20

export interface IdleMergeOptions {
  readonly rounds: number
  /** Of the origin, and of the exceptions. */
  readonly bytes: number
}

/** In mebibytes a second. */
export async function measureIdleMerge(
  merge: IdleMerge,
  place: Workplace,
  options: IdleMergeOptions,
): Promise<Comparison> {
  using files = new MergeFiles(place, merge, options.bytes)
  const attempt = new RivalAttempt()
  const rival = await attempt.try(() => startRival(merge, place, options.bytes))
  const floor = new CopyFloor(files)
  const engine = await Engine.start({ workers: merge.workers })
  const floors: number[] = []
  const engines: number[] = []
  const rivals: number[] = []
  const gauge = new CpuGauge()
  try {
    const origin = await engine.open(files.origin)
    // The first round compiles the hot paths and touches the memory.
    for (let round = -1; round < options.rounds; round++) {
      if (round === 0) gauge.restart()
      const isFloorFirst = round % 2 === 0
      let floorSeconds = isFloorFirst ? await floor.copy() : Number.NaN
      const engineSeconds = await mergeOnce(origin, files, merge)
      if (!isFloorFirst) floorSeconds = await floor.copy()
      const rivalSeconds = await attempt.try(async () => rival?.commit())
      if (round < 0) continue
      if (rivalSeconds !== undefined) rivals.push(options.bytes / rivalSeconds / mib)
      floors.push(options.bytes / floorSeconds / mib)
      engines.push(options.bytes / engineSeconds / mib)
    }
  } finally {
    await floor.close()
    await engine.close()
    rival?.[Symbol.dispose]()
  }
  const othersShare = gauge.othersShare()
  const ratios = engines.map((value, round) => value / (floors[round] ?? Number.NaN))
  const medians = { floor: median(floors), engine: median(engines), ratio: median(ratios) }
  const missing = qemuCommitLacks() ?? attempt.failure
  const beside = hasQemuCommit(merge) ? [figuresOfRounds(qemuCommitName, engines, rivals, missing)] : []
  return { ...medians, spread: spreadOf(ratios), rounds: options.rounds, othersShare, rivals: beside }
}

async function startRival(merge: IdleMerge, place: Workplace, bytes: number): Promise<QemuCommit | undefined> {
  return hasQemuCommit(merge) && qemuCommitLacks() === undefined ? QemuCommit.prepare(merge, place, bytes) : undefined
}

/** From the call to its end: with the change of tables before, and the one after. In seconds. */
async function mergeOnce(origin: Origin, files: MergeFiles, { durability }: IdleMerge): Promise<number> {
  files.fillList()
  const snapshot = await origin.snapshot({ cow: files.cow, durability })
  const startedMs = performance.now()
  const merge = snapshot.merge()
  const outcome = await merge.finished
  const seconds = (performance.now() - startedMs) / 1000
  assert(outcome === 'merged' && merge.current.done === files.originBytes, 'every exception was merged')
  return seconds
}
