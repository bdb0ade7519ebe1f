/** What the jobs of a run were told to do, and which of them ended before their time. */
import type { Table } from '../../report/document.js'
import type { JobResult, LoadResult } from '../result/load-result.js'

export const jobsTable = ({ jobs }: LoadResult): Table => ({
  caption: 'Jobs as they were given',
  columns: [
    { name: 'job', isFigure: false },
    { name: 'target', isFigure: false },
    { name: 'clones', isFigure: true },
    { name: 'depth', isFigure: true },
    { name: 'arrival', isFigure: false },
    { name: 'options', isFigure: false },
    { name: 'outcome', isFigure: false },
  ],
  rows: jobs.map((job) => [
    job.name,
    job.target,
    String(job.clones),
    String(job.depth),
    job.arrival,
    optionText(job),
    job.failure === undefined ? 'done' : `failed: ${job.failure}`,
  ]),
})

const optionText = ({ options }: JobResult): string =>
  Object.entries(options)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(' ')
