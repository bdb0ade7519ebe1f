/** How far a run of the load harness is: what live views show, told once an interval. */
import type { SeriesPoint, TimelineMark } from './load-result.js'

/** `layout` writes what the jobs will read, `ramp` is not measured, `verify` reads every volume to its end. */
export type LoadPhase = 'layout' | 'ramp' | 'run' | 'verify'

export interface StoreProgress {
  readonly snapshot: string
  /** As LVM2's Data%. */
  readonly percent: number
  readonly state: 'active' | 'merging' | 'merged' | 'invalid'
  /** A share from 0 to 1, of a snapshot that is being merged. */
  readonly mergeDone?: number
}

export interface LoadProgress {
  readonly phase: LoadPhase
  /** Since the run began. */
  readonly elapsedSeconds: number
  /** Known where the run ends by the clock. */
  readonly plannedSeconds: number | undefined
  /** A share from 0 to 1 of the phase, where it can be told. */
  readonly doneShare: number | undefined
  /** The last interval; there is none in phases that measure nothing. */
  readonly point: SeriesPoint | undefined
  readonly stores: readonly StoreProgress[]
  /** What the timeline has done so far, the oldest first; it only grows at its end. */
  readonly marks: readonly TimelineMark[]
  /** Found so far; undefined where nothing is verified. */
  readonly violations: number | undefined
}
