/** The generated part of docs/benchmarks.md. */
import type { Table } from '../../src/report/document.js'
import type { OutcomeRecord } from '../grid/outcome.js'
import { type Chapter, chaptersOf } from './chapters.js'
import { factsOf, verdictOf } from './run-facts.js'

const nothingYet = 'No run has been published yet.'

/** `plotFolder` is where the plots are, as the document sees it. */
export function generatedPart(records: readonly OutcomeRecord[], plotFolder: string): string {
  if (records.length === 0) return nothingYet
  const { disturbed, missed, text } = verdictOf(records)
  return [
    '## The run',
    markdownTable({
      caption: '',
      columns: ['', ''].map((name) => ({ name, isFigure: false })),
      rows: factsOf(records).map(({ name, value }) => [name, name === 'command' ? `\`${value}\`` : value]),
    }),
    `${text}.${missed.length === 0 ? '' : ' Missed:'}`,
    ...listOf(missed),
    ...(disturbed.length === 0
      ? []
      : ['Others had more than a twentieth of the machine meanwhile, so these say nothing:']),
    ...listOf(disturbed),
    ...chaptersOf(records).map((chapter) => chapterText(chapter, plotFolder)),
  ].join('\n\n')
}

const listOf = (lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [lines.map((line) => `- ${line}`).join('\n')]

const chapterText = ({ plots, table, text, title }: Chapter, plotFolder: string): string =>
  [
    `## ${title}`,
    text,
    ...plots.map(({ name, plot }) => `![${plot.title}](${plotFolder}/${name}.svg)`),
    markdownTable(table),
  ].join('\n\n')

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map(({ isFigure }) => (isFigure ? '---:' : '---'))
  return [line(columns.map(({ name }) => name)), line(rule), ...rows.map(line)].join('\n')
}
