/** The outcomes of a chapter as a table. */
import type { Table } from '../../src/report/document.js'
import { figureText, percentText, targetText } from '../grid/figure-text.js'
import { isDisturbed, type Outcome } from '../grid/outcome.js'
import { chunkText, ioText, storeText, volumeOf, workOf } from './case-words.js'

interface Column {
  readonly name: string
  readonly isFigure: boolean
  text(outcome: Outcome): string
}

const word = (name: string, text: Column['text']): Column => ({ name, isFigure: false, text })
const figure = (name: string, text: Column['text']): Column => ({ name, isFigure: true, text })

const gridColumns: readonly Column[] = [
  word('volume', volumeOf),
  word('work', workOf),
  word('I/O', ioText),
  word('chunk', chunkText),
  figure('depth', ({ parameters }) => String(parameters.depth)),
  figure('workers', ({ parameters }) => String(parameters.workers)),
  word('store', storeText),
]
const nameColumns: readonly Column[] = [word('case', ({ case: name }) => name)]
const curveColumns: readonly Column[] = [
  word('work', workOf),
  figure('snapshots', ({ parameters }) => String(parameters.snapshots)),
]
const servedColumns: readonly Column[] = [
  word('work', ({ parameters: { work } }) => `write, ${work === 'first-write' ? 'breaking' : 'already broken'}`),
  figure('snapshots', ({ parameters }) => String(parameters.snapshots)),
]

const figureColumns: readonly Column[] = [
  figure('floor', ({ floor, unit }) => (floor === null ? '' : figureText(floor, unit))),
  figure('engine', ({ engine, unit }) => (engine === null ? '' : figureText(engine, unit))),
  figure('ratio', ({ ratio }) => (ratio === null ? '' : ratio.toFixed(2))),
  figure('added', ({ added, unit }) => (added === null ? '' : `+${figureText(added, unit)}`)),
  figure('spread', ({ rounds, spread }) => (rounds > 1 ? percentText(spread) : '')),
  figure('rounds', ({ rounds }) => String(rounds)),
  figure('others', ({ othersShare }) => (othersShare === null ? '' : percentText(othersShare))),
  word('target', verdictText),
  word('beside', ({ rivals, unit }) => rivals.map((rival) => rivalText(rival, unit)).join('; ')),
]

const ownColumns = {
  grid: gridColumns,
  curve: curveColumns,
  'served-curve': servedColumns,
  merge: nameColumns,
  activation: nameColumns,
  creation: nameColumns,
  single: nameColumns,
} as const

/** Columns in which no row has anything are left out. */
export function tableOf(caption: string, outcomes: readonly Outcome[]): Table {
  const columns = [...ownColumns[outcomes[0]?.section ?? 'single'], ...figureColumns].filter(({ text }) =>
    outcomes.some((outcome) => text(outcome) !== ''),
  )
  return { caption, columns, rows: outcomes.map((outcome) => columns.map(({ text }) => text(outcome))) }
}

/** Targets that were missed are as loud as the others. */
export function verdictText(outcome: Outcome): string {
  const { reached, target } = outcome
  if (target === null) return ''
  const doubt = isDisturbed(outcome) ? ', disturbed' : ''
  return `${targetText(target)} ${reached === true ? 'reached' : 'MISSED'}${doubt}`
}

/** `QEMU 1,234 /s (ours 2.00 ×)`. */
function rivalText({ missing, name, ratio, spread, value }: Outcome['rivals'][number], unit: string): string {
  if (value === null) return `${name}: not measured, ${missing ?? 'it gave no figure'}`
  const around = spread === null ? '' : `, spread ${percentText(spread)}`
  return `${name} ${figureText(value, unit)} (ours is ${(ratio ?? Number.NaN).toFixed(2)} × that${around})`
}
