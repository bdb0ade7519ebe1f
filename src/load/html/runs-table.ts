/** Which run each letter stands for, and how it ended. */
import type { Table } from '../../report/document.js'
import type { LoadResult } from '../result/load-result.js'
import type { LabelledRun } from './labelled-run.js'

export const runsTable = (runs: readonly LabelledRun[]): Table => ({
  caption: 'Runs',
  columns: [
    { name: 'run', isFigure: false },
    { name: 'title', isFigure: false },
    { name: 'began', isFigure: false },
    { name: 'version', isFigure: false },
    { name: 'time', isFigure: true },
    { name: 'snapshots', isFigure: true },
    { name: 'outcome', isFigure: false },
  ],
  rows: runs.map(({ label, result }) => [
    label,
    result.title,
    result.startedAt,
    result.version,
    `${result.elapsedSeconds.toFixed(1)} s`,
    result.snapshotsAtStart === null ? '–' : String(result.snapshotsAtStart),
    outcomeOf(result),
  ]),
})

function outcomeOf({ jobs, verification }: LoadResult): string {
  const failed = jobs.filter(({ failure }) => failure !== undefined).length
  const found = verification === null ? 0 : verification.violations.length + verification.moreViolations
  const words = [
    ...(failed > 0 ? [`${failed} job${failed === 1 ? '' : 's'} failed`] : []),
    ...(found > 0 ? [`${found} violation${found === 1 ? '' : 's'}`] : []),
    ...(verification !== null && found === 0 ? ['verified'] : []),
  ]
  return words.length === 0 ? 'not verified' : words.join(', ')
}
