/** What a lane is, apart from where its requests go; goes to its thread. Plain data. */
import type { JobSpec } from '../job/job-spec.js'
import type { Region } from '../pattern/requests.js'
import type { RecordedLane } from '../trace/recorded-lane.js'
import type { TraceBatch } from '../trace/trace-columns.js'
import type { RunIdentity } from '../verify/judge.js'
import type { Suspicion } from '../verify/lane-checks.js'
import type { LedgerMemory } from '../verify/ledger.js'
import type { LaneReport } from './tally.js'

export interface LaneTask {
  readonly number: number
  readonly spec: JobSpec
  /** The number of its job in the run, as sectors name it. */
  readonly job: number
  readonly clone: number
  /** It begins when all of its group are ready; groups count from 1. */
  readonly group: number
  readonly depth: number
  readonly region: Region
  readonly bufferBytes: number
  readonly intervalMs: number
  /** When the run began: see RunClock. */
  readonly startedAt: bigint
  readonly control: SharedArrayBuffer
  readonly run: RunIdentity
  /** `undefined` where nothing is verified. */
  readonly ledger: LedgerMemory | undefined
  readonly records: boolean
  /** What to do instead of what the job says. */
  readonly recorded: RecordedLane | undefined
}

/** What a lane tells the coordinator while it runs. */
export type LaneMessage =
  | { readonly kind: 'report'; readonly report: LaneReport }
  | { readonly kind: 'suspicion'; readonly suspicion: Suspicion }
  | { readonly kind: 'trace'; readonly batch: TraceBatch }

/** What came of it. */
export interface LaneEnd {
  readonly failure: string | undefined
  readonly sectorsChecked: number
}
