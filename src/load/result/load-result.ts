/**
 * What a run of the load harness found out: the one record that every output (text, fio's JSON, CSV, HTML) is made of.
 *
 * Plain data, so that it goes through JSON and between threads as it is. Times are seconds since the run began, latencies
 * nanoseconds, sizes bytes.
 */

export const directionNames = ['read', 'write', 'trim', 'sync'] as const
/** fio's words: `trim` is a discard, `sync` a flush. */
export type DirectionName = (typeof directionNames)[number]

/** A latency histogram: counts by value, values of at most a hundredth off. */
export interface LatencyCounts {
  readonly samples: number
  readonly minNanoseconds: number
  readonly maxNanoseconds: number
  readonly meanNanoseconds: number
  readonly deviationNanoseconds: number
  /** Ascending; each the largest value that its bucket holds, and how many it has. Empty buckets are left out. */
  readonly buckets: readonly (readonly [nanoseconds: number, count: number])[]
}

export interface DirectionResult {
  /** Answered without an error. */
  readonly requests: number
  readonly bytes: number
  readonly errors: number
  /** From the end of the ramp to the last answer. */
  readonly seconds: number
  /** From the instant at which a request was due to its answer. Where the arrival rate is fixed, it includes the wait before it was sent. */
  readonly latency: LatencyCounts
  /** From sending to the answer. */
  readonly service: LatencyCounts
}

export interface JobResult {
  readonly name: string
  /** Jobs that ran at the same time have the same number: it grows with every `stonewall`. */
  readonly group: number
  /** `file:PATH`, `cowring:…`, `nbd+unix://…`, as it was given. */
  readonly target: string
  /** The options that were given, in fio's words. */
  readonly options: Readonly<Record<string, string>>
  /** How many copies of the job are summed up here. */
  readonly clones: number
  readonly depth: number
  readonly arrival: 'closed-loop' | 'open-loop'
  readonly directions: Readonly<Record<DirectionName, DirectionResult>>
  /** Why it ended before its time. */
  readonly failure?: string
}

export interface DirectionPoint {
  readonly requests: number
  readonly bytes: number
  /** Of `latency`; 0 where there were no requests. */
  readonly p50Nanoseconds: number
  readonly p99Nanoseconds: number
  readonly maxNanoseconds: number
}

/** What all jobs together did in one interval. */
export interface SeriesPoint {
  /** When the interval ended, and how long it was. */
  readonly atSeconds: number
  readonly seconds: number
  readonly isRamp: boolean
  readonly directions: Readonly<Record<DirectionName, DirectionPoint>>
}

/** What the timeline did: `snapshot monday`, `merge monday`, `kill-worker 0`. */
export interface TimelineMark {
  readonly atSeconds: number
  /** When it was done; that of a merge is when the merge was. */
  readonly endSeconds: number
  readonly text: string
  readonly failure?: string
}

export interface StorePoint {
  readonly atSeconds: number
  /** As LVM2's Data%. */
  readonly percent: number
  readonly allocatedSectors: number
  readonly totalSectors: number
}

/** A snapshot's store over time, and its merge if there was one. */
export interface StoreSeries {
  readonly snapshot: string
  readonly points: readonly StorePoint[]
  /** Shares from 0 to 1. */
  readonly merge: readonly { readonly atSeconds: number; readonly done: number }[]
}

/** Ways in which a sector can be wrong. */
export type ViolationKind =
  | 'lost write'
  | 'stale read'
  | 'torn write'
  | 'misdirected'
  | 'foreign'
  | 'corrupt'
  | 'changed'

export interface Violation {
  readonly kind: ViolationKind
  /** `origin`, or the name of the snapshot. */
  readonly volume: string
  readonly sector: number
  readonly atSeconds: number
  /** The whole story, several lines. */
  readonly story: string
}

export interface VerificationResult {
  readonly sectorsChecked: number
  readonly violations: readonly Violation[]
  /** Violations beyond those that are told. */
  readonly moreViolations: number
  /** Volumes that were read from end to end after the last request: `origin`, and every snapshot that could be read. */
  readonly readToTheEnd: readonly string[]
  /** Snapshots that could not be checked, and why: an overflow is no violation. */
  readonly unchecked: readonly { readonly volume: string; readonly reason: string }[]
}

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
}

export interface LoadResult {
  readonly format: 'cowring-load-1'
  readonly version: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly elapsedSeconds: number
  /** The command line, or the file replayed; whatever names the run. */
  readonly title: string
  readonly machine: MachineFacts
  readonly jobs: readonly JobResult[]
  readonly series: readonly SeriesPoint[]
  readonly timeline: readonly TimelineMark[]
  readonly stores: readonly StoreSeries[]
  /** Snapshots of the origin when the jobs began; `null` of a target that has none. */
  readonly snapshotsAtStart: number | null
  /** `null` where nothing was verified. */
  readonly verification: VerificationResult | null
}
