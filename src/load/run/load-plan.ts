/** What a run is to do. */
import type { JobSpec } from '../job/job-spec.js'
import type { RecordedLane } from '../trace/recorded-lane.js'
import type { TimelineEvent } from './timeline-event.js'

/** A job, and what it is to repeat if it is one of a recording: a lane for each clone. */
export interface PlannedJob {
  readonly spec: JobSpec
  readonly recorded?: readonly RecordedLane[]
}

export interface LoadPlan {
  readonly title: string
  readonly version: string
  readonly jobs: readonly PlannedJob[]
  readonly events: readonly TimelineEvent[]
  /** Jobs may write where something is that is neither zeroes nor the harness' own. */
  readonly mayOverwrite: boolean
  /** Where to record every request. */
  readonly record: string | undefined
}
