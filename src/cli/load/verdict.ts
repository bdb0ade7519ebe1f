/** Whether a load run went well, in one line: what is wrong with the data first, then what was not done. */
import type { LoadResult } from '../../load/result/load-result.js'
import { count } from '../figures.js'

export interface Verdict {
  readonly holds: boolean
  readonly text: string
}

export function verdictOf(result: LoadResult): Verdict {
  const faults = faultsOf(result)
  return { holds: faults.length === 0, text: faults.length === 0 ? successOf(result) : faults.join(', ') }
}

function faultsOf({ jobs, stores, timeline, verification }: LoadResult): string[] {
  const violations = verification === null ? 0 : verification.violations.length + verification.moreViolations
  const directions = jobs.flatMap((job) => Object.values(job.directions))
  const errors = directions.reduce((sum, direction) => sum + direction.errors, 0)
  const failedJobs = jobs.filter((job) => job.failure !== undefined).length
  const failedMarks = timeline.filter((mark) => mark.failure !== undefined).length
  // A snapshot may become invalid, by overflow; anything else has to be there to be read.
  const snapshots = new Set(stores.map(({ snapshot }) => snapshot))
  const unread = (verification?.unchecked ?? []).filter(({ volume }) => !snapshots.has(volume)).length
  return [
    ...several(violations, 'violation', 'violations'),
    ...several(errors, 'request failed', 'requests failed'),
    ...several(failedJobs, 'job ended early', 'jobs ended early'),
    ...several(unread, 'volume could not be read to its end', 'volumes could not be read to their end'),
    ...several(failedMarks, 'event of the timeline failed', 'events of the timeline failed'),
  ]
}

const several = (many: number, one: string, more: string): string[] =>
  many === 0 ? [] : [`${count(many)} ${many === 1 ? one : more}`]

function successOf({ jobs, verification }: LoadResult): string {
  const directions = jobs.flatMap((job) => Object.values(job.directions))
  const requests = directions.reduce((sum, direction) => sum + direction.requests, 0)
  const answered = `${count(requests)} ${requests === 1 ? 'request' : 'requests'} answered`
  if (verification === null) return `${answered}, nothing verified`
  const left = verification.unchecked.length
  const unchecked = left === 0 ? '' : `; ${count(left)} ${left === 1 ? 'volume was' : 'volumes were'} not checked`
  return `${answered}, every sector checked is what it had to be${unchecked}`
}
