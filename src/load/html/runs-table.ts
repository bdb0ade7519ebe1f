/** Which run each letter stands for, and how it ended. */
import type { Table } from '../../report/document.js'
import type { LoadResult } from '../result/load-result.js'
import type { LabelledRun } from './labelled-run.js'

export const runsTable = (runs: readonly LabelledRun[]): Table => ({
  caption: 'Runs',
  columns: [
    { name: 'run', isFigure: false },
    { name: 'title', isFigure: false },
    { name: 'outcome', isFigure: false },
    { name: 'snapshots', isFigure: true },
    { name: 'time', isFigure: true },
    { name: 'version', isFigure: false },
    { name: 'began', isFigure: false },
  ],
  rows: runs.map(({ label, result }) => [
    label,
    result.title,
    outcomeOf(result),
    result.snapshotsAtStart === null ? '–' : String(result.snapshotsAtStart),
    `${result.elapsedSeconds.toFixed(1)} s`,
    result.version,
    result.startedAt,
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
