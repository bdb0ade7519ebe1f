/** The table on the terminal. */
import { layOut, titleRow } from '../lay-out.js'
import { figureText, percentText, targetText } from './figure-text.js'
import { isDisturbed, type Outcome } from './outcome.js'

const columns = [
  { title: 'case', width: 86, flush: 'left' },
  { title: 'floor', width: 12, flush: 'right' },
  { title: 'engine', width: 12, flush: 'right' },
  { title: 'ratio', width: 9, flush: 'right' },
  { title: 'spread', width: 7, flush: 'right' },
  { title: 'others', width: 6, flush: 'right' },
  { title: 'target', width: 9, flush: 'right' },
  { title: '', width: 8, flush: 'left' },
] as const

export const tableHeader = (title: string): string => `\n${title}\n${titleRow(columns)}`

/** A line, and one below it for each rival: its figure where the engine's is, and how much ours is of it. */
export function tableRow(outcome: Outcome): string {
  const { case: name, engine, floor, othersShare, reached, spread, target, unit } = outcome
  const own = layOut(columns, [
    name,
    floor === null ? '' : figureText(floor, unit),
    engine === null ? '' : figureText(engine, unit),
    verdictText(outcome),
    percentText(spread),
    othersShare === null ? '' : percentText(othersShare),
    target === null ? '' : targetText(target),
    reached === null ? '' : `${reached ? 'reached' : 'MISSED'}${isDisturbed(outcome) ? '?' : ''}`,
  ])
  return [own, ...outcome.rivals.map((rival) => rivalRow(rival, unit))].join('\n')
}

function rivalRow({ missing, name, ratio, spread, value }: Outcome['rivals'][number], unit: string): string {
  if (value === null) return `    beside ${name}: not measured, ${missing ?? 'it gave no figure'}`
  const cells = [figureText(value, unit), `${(ratio ?? Number.NaN).toFixed(2)} ×`, percentText(spread ?? Number.NaN)]
  return layOut(columns, [`    beside ${name}`, '', ...cells])
}

function verdictText({ added, ratio, unit }: Outcome): string {
  if (added !== null) return `+${figureText(added, unit)}`
  return ratio === null ? '' : ratio.toFixed(2)
}
