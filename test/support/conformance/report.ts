/** The runner's report: one line a recording, its differences under it, and the sums at the end. */
import type { KnownDifference } from './differences.js'
import type { Verdict } from './verdict.js'

export function recordingLines(name: string, { kind, remark, differences }: Verdict): string {
  const line = `${kind.padEnd(7)} ${name}${remark === '' ? '' : ` (${remark})`}\n`
  return line + differences.map((text) => `  ${text}\n`).join('')
}

/** Ends with `N passed, N failed`. */
export function sums(verdicts: readonly Verdict[], unused: readonly KnownDifference[]): string {
  const count = (wanted: Verdict['kind']) => verdicts.filter(({ kind }) => kind === wanted).length
  const lines = [...new Set(unused.map(({ reason }) => `listed, but not met in these recordings: ${reason}`))]
  if (count('skipped') > 0) lines.push(`${count('skipped')} skipped`)
  return [...lines, `${count('passed')} passed, ${count('failed')} failed`, ''].join('\n')
}
