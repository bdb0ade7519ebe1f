/** The table on the terminal: a block for each case, a row for each server. */
import { layOut, titleRow } from '../lay-out.js'
import type { Comparison, Standing } from './standings.js'

const columns = [
  { title: '', width: 24, flush: 'left' },
  { title: 'median', width: 14, flush: 'right' },
  { title: 'spread', width: 6, flush: 'right' },
  { title: 'p50 µs', width: 8, flush: 'right' },
  { title: 'p99 µs', width: 8, flush: 'right' },
] as const

/** `othersShare` is of the machine, while the case was measured. */
export function caseBlock(name: string, unit: string, othersShare: number, standings: readonly Standing[]): string {
  const others = `others had ${(othersShare * 100).toFixed(0)} % of the machine`
  const title = `\n${name} (${others}${isDisturbed(othersShare) ? ': measure again' : ''})`
  const header = titleRow(columns)
  return [title, header, ...standings.map((standing) => row(standing, unit))].join('\n')
}

/** Above this share a ratio says nothing, in either direction. */
const othersShareMax = 0.05
export const isDisturbed = (othersShare: number): boolean => othersShare > othersShareMax

function row(standing: Standing, unit: string): string {
  const { comparisons, failure, latencyMicrosecondsMedian, latencyMicrosecondsOf99, perSecond, server, spread } =
    standing
  if (perSecond === null) return `${layOut(columns, [server])}  FAILED: ${failure ?? 'no figure'}`
  const cells = layOut(columns, [
    server,
    `${Math.round(perSecond).toLocaleString('en-US')} ${unit}`,
    (spread ?? Number.NaN).toFixed(2),
    latencyMicrosecondsMedian?.toFixed(1) ?? '',
    latencyMicrosecondsOf99?.toFixed(1) ?? '',
  ])
  return [cells, ...comparisons.map(comparisonText)].join('   ')
}

/** `2.31 × nbdkit cow (≥ 2.00 reached)` */
export function comparisonText({ ratio, reached, target, with: other }: Comparison): string {
  const verdict = target === null ? '' : ` (≥ ${target.toFixed(2)} ${reached === true ? 'reached' : 'MISSED'})`
  return `${ratio.toFixed(2)} × ${other}${verdict}`
}
