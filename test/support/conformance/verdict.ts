/** What an outcome comes to: passed, failed, or skipped because there was nothing to compare. */
import { describeDifference } from './differences.js'
import type { Outcome } from './replay.js'

export interface Verdict {
  readonly kind: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or what was left out of it; '' if there is nothing to say. */
  readonly remark: string
  /** The differences, for people. */
  readonly differences: readonly string[]
}

/** A replay that compared nothing is skipped; one that broke off has a difference that says so. */
export function verdictOn({ differences, leftOut, compared }: Outcome): Verdict {
  const counts = [...leftOut].map(([reason, count]) => `${count} records left out: ${reason}`)
  const kind = differences.length > 0 ? 'failed' : compared === 0 ? 'skipped' : 'passed'
  const remarks = kind === 'skipped' ? ['nothing is compared in it', ...counts] : counts
  return { kind, remark: remarks.join('; '), differences: differences.map(describeDifference) }
}
