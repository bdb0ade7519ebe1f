/** The outcomes of a run as one page. */
import { writeFileSync } from 'node:fs'
import type { Block, Section } from '../../src/report/document.js'
import { reportHtml } from '../../src/report/report-html.js'
import type { OutcomeRecord } from '../grid/outcome.js'
import { chaptersOf } from './chapters.js'
import { factsOf, verdictOf } from './run-facts.js'

export function writeHtmlReport(path: string, records: readonly OutcomeRecord[]): void {
  writeFileSync(path, htmlReport(records))
}

export function htmlReport(records: readonly OutcomeRecord[]): string {
  const { disturbed, missed, text } = verdictOf(records)
  const verdict: Block[] = [
    { kind: 'verdict', holds: missed.length === 0, text },
    ...listOf('Missed:', missed),
    ...listOf('Others had more than a twentieth of the machine meanwhile, so these say nothing:', disturbed),
  ]
  const chapters = chaptersOf(records).map(
    ({ plots, table, text, title }): Section => ({
      title,
      blocks: [
        { kind: 'text', text },
        { kind: 'plots', plots: plots.map(({ plot }) => plot) },
        { kind: 'table', table },
      ],
    }),
  )
  return reportHtml({
    title: 'cowring: benchmarks',
    subtitle: 'The engine beside the same system calls without it, and beside others who do the same job',
    facts: factsOf(records),
    sections: [{ title: 'Targets', blocks: verdict }, ...chapters],
  })
}

const listOf = (title: string, lines: readonly string[]): Block[] =>
  lines.length === 0
    ? []
    : [
        { kind: 'text', text: title },
        { kind: 'story', text: lines.join('\n') },
      ]
