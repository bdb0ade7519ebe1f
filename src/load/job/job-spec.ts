/** A job as it is to be done: every option with a value, nothing left to look up. */
import type { Distribution } from './distribution.js'
import type { PerDirection, SizeOrShare, SizeRange } from './values.js'

/** fio's `rw`. */
export const patternNames = [
  'read',
  'write',
  'trim',
  'randread',
  'randwrite',
  'randtrim',
  'rw',
  'readwrite',
  'randrw',
] as const
export type PatternName = (typeof patternNames)[number]

export const arrivalNames = ['linear', 'poisson'] as const

export interface JobSpec {
  readonly name: string
  /** The options that were given, in fio's words. */
  readonly given: Readonly<Record<string, string>>
  readonly target: string
  readonly isRandom: boolean
  /** Share of requests that are reads; the rest are writes, or trims. */
  readonly readShare: number
  readonly trims: boolean
  readonly blockBytes: PerDirection<SizeRange>
  readonly offset: SizeOrShare
  /** To the end of the target without one. */
  readonly size: SizeOrShare | undefined
  readonly depth: number
  readonly clones: number
  /** Without one, until `size` bytes have been moved. */
  readonly runtimeSeconds: number | undefined
  /** Goes round until the time is up. */
  readonly isTimeBased: boolean
  readonly rampSeconds: number
  /** Of one clone; `undefined` for as fast as it goes. */
  readonly bytesPerSecond: PerDirection<number> | undefined
  readonly requestsPerSecond: PerDirection<number> | undefined
  /** Requests are due at their rate whether or not those before have been answered. */
  readonly isOpenLoop: boolean
  readonly arrivals: (typeof arrivalNames)[number]
  readonly distribution: Distribution
  /** Random blocks may come again before all have come. */
  readonly mayRepeat: boolean
  readonly seed: number
  readonly isVerified: boolean
  /** A flush behind so many writes; 0 for none. */
  readonly writesPerFlush: number
  readonly thinkSeconds: number
  readonly requestsPerThink: number
  /** Waits for all jobs before it. */
  readonly waitsForOthers: boolean
  readonly isGrouped: boolean
  readonly isDirect: boolean
}
