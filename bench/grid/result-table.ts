/** The table on the terminal. */
import { layOut, titleRow } from '../lay-out.js'
import type { Target } from './grid-case.js'
import { isDisturbed, type Outcome } from './outcome.js'

const columns = [
  { title: 'case', width: 72, flush: 'left' },
  { title: 'floor', width: 12, flush: 'right' },
  { title: 'engine', width: 12, flush: 'right' },
  { title: 'ratio', width: 9, flush: 'right' },
  { title: 'spread', width: 7, flush: 'right' },
  { title: 'others', width: 6, flush: 'right' },
  { title: 'target', width: 9, flush: 'right' },
  { title: '', width: 8, flush: 'left' },
] as const

export const tableHeader = (title: string): string => `\n${title}\n${titleRow(columns)}`

export function tableRow(outcome: Outcome): string {
  const { added, case: name, engine, floor, othersShare, ratio, reached, spread, target, unit } = outcome
  const verdict = added === null ? (ratio === null ? '' : ratio.toFixed(2)) : `+${figure(added, unit)}`
  return layOut(columns, [
    name,
    floor === null ? '' : figure(floor, unit),
    figure(engine, unit),
    verdict,
    percent(spread),
    othersShare === null ? '' : percent(othersShare),
    target === null ? '' : targetText(target),
    reached === null ? '' : `${reached ? 'reached' : 'MISSED'}${isDisturbed(outcome) ? '?' : ''}`,
  ])
}

function targetText(target: Target): string {
  if (target.kind === 'ratio-at-least') return `≥ ${target.value.toFixed(2)}`
  if (target.kind === 'ratio-at-most') return `≤ ${target.value.toFixed(2)}`
  return `${target.kind === 'below' ? '<' : '≤'} ${target.value} ${target.unit}`
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

function figure(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const text = value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(digits)
  return `${text} ${unit}`
}
