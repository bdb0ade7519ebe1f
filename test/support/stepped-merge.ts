/**
 * The steps of a merge on a stepped engine, in the order of the real loop (src/control/merge-loop.ts), each by the worker that
 * the test chooses.
 *
 * Guarantees: one step at a time, to its end, unless the test takes turns itself (`begin`).
 * Leaves out on purpose: pace, pauses, and what the control layer makes of an error; `giveUp` is the step it takes then.
 */
import { slicesOf } from '../../src/control/merge-loop.js'
import { type MergeWindow, mergeFault, type WindowEnd, windowEnd, windowMax } from '../../src/shm/merge-window.js'
import { operation } from '../../src/wire/operation.js'
import type { SteppedEngine, SteppedSnapshot } from './stepped-engine.js'
import type { SteppedRequest } from './stepped-lane.js'

export const mergeSteps = ['gather', 'save', 'hold', 'copy', 'commit'] as const
export type MergeStep = (typeof mergeSteps)[number]

const operations = {
  gather: operation.mergeGather,
  save: operation.mergeSave,
  hold: operation.mergeHold,
  copy: operation.mergeCopy,
  commit: operation.mergeCommit,
} as const

export interface SteppedMergeOptions {
  readonly countMax?: number
  readonly workerOf?: (step: MergeStep) => number
  /** Called when a step has ended well. */
  readonly after?: (step: MergeStep) => void
}

export class SteppedMerge {
  readonly engine: SteppedEngine
  readonly snapshot: SteppedSnapshot
  readonly window: MergeWindow

  constructor(engine: SteppedEngine, snapshot: SteppedSnapshot) {
    this.engine = engine
    this.snapshot = snapshot
    this.window = engine.startMerging(snapshot)
  }

  get left(): number {
    return this.snapshot.cursor.committed()
  }

  /** Submits a step, all its slices to one worker; the test takes the turns. */
  begin(step: MergeStep, worker = 0, countMax = windowMax): SteppedRequest[] {
    const asked = operations[step]
    if (step === 'gather') return [this.engine.step(worker, asked, this.left, countMax)]
    if (step === 'hold' || step === 'commit') return [this.engine.step(worker, asked, 0, 1)]
    return slicesOf(this.window, this.snapshot.chunkBytes, 2 ** 18).map(([from, end]) =>
      this.engine.step(worker, asked, from, end - from),
    )
  }

  /** Takes a step to its end; true if it went well. */
  take(step: MergeStep, worker = 0, countMax = windowMax): boolean {
    const requests = this.begin(step, worker, countMax)
    this.engine.settle()
    if (requests.some(({ outcome }) => outcome === undefined)) throw new Error(`${step} has not ended`)
    return requests.every(({ outcome }) => outcome === 'OK')
  }

  /** Takes steps up to `last`; throws if one fails. */
  takeUpTo(last: MergeStep, worker = 0, countMax = windowMax): void {
    for (const step of mergeSteps.slice(0, mergeSteps.indexOf(last) + 1)) {
      if (!this.take(step, worker, countMax)) throw new Error(`${step} failed`)
    }
  }

  /** One window. The step that failed, if one did: nothing is let go of then. */
  oneWindow({ after, countMax = windowMax, workerOf = () => 0 }: SteppedMergeOptions = {}): MergeStep | undefined {
    for (const step of mergeSteps) {
      if (!this.take(step, workerOf(step), countMax)) return step
      after?.(step)
    }
    return undefined
  }

  /** All that is left; the step that failed, if one did. */
  toTheEnd(options: SteppedMergeOptions = {}): MergeStep | undefined {
    while (this.left > 0) {
      const failed = this.oneWindow(options)
      if (failed !== undefined) return failed
    }
    return undefined
  }

  /** What the loop does when a step has failed for good. */
  giveUp(worker = 0): SteppedRequest {
    const { fault } = this.window
    return this.letGo(fault === mergeFault.storeWriteFailed ? windowEnd.uncertain : windowEnd.failed, worker)
  }

  letGo(end: WindowEnd, worker = 0): SteppedRequest {
    const request = this.engine.step(worker, operation.mergeLetGo, end, 1)
    this.engine.settle()
    return request
  }
}
