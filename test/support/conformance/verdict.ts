/** What an outcome comes to: passed, failed, or skipped because the layer lacks what the recording is about. */
import type { Recorded } from '../recording.js'
import { describeDifference } from './differences.js'
import type { Outcome } from './replay.js'

export interface Verdict {
  readonly kind: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or what was left out of it; '' if there is nothing to say. */
  readonly remark: string
  /** The differences, for people. */
  readonly differences: readonly string[]
}

/** A replay that had to end early, or compared nothing, is skipped; a difference before that is a failure all the same. */
export function verdictOn(records: readonly Recorded[], outcome: Outcome): Verdict {
  const { differences, leftOut, ended, compared } = outcome
  const counts = [...leftOut].map(([reason, count]) => `${count} records left out: ${reason}`)
  const end = ended === undefined ? [] : [`replayed up to record ${ended.record} of ${records.length}: ${ended.reason}`]
  const kind = differences.length > 0 ? 'failed' : ended !== undefined || compared === 0 ? 'skipped' : 'passed'
  return { kind, remark: [...end, ...counts].join('; '), differences: differences.map(describeDifference) }
}
