/** Which jobs run at the same time, and how long that takes if it ends by the clock. */
import type { JobSpec } from '../job/job-spec.js'
import type { PlacedJob } from './targets.js'

/** A group ends where a job waits for those before it. */
export function groupsOf(jobs: readonly PlacedJob[]): PlacedJob[][] {
  const groups: PlacedJob[][] = []
  for (const job of jobs) {
    const last = groups.at(-1)
    if (last === undefined || job.spec.waitsForOthers) groups.push([job])
    else last.push(job)
  }
  return groups
}

/** `undefined` if any job ends when it has done its work. */
export function plannedSeconds(groups: readonly PlacedJob[][]): number | undefined {
  const longest = groups.map((group) => Math.max(...group.map(({ spec }) => secondsOf(spec))))
  const sum = longest.reduce((total, seconds) => total + seconds, 0)
  return Number.isFinite(sum) ? sum : undefined
}

const secondsOf = ({ rampSeconds, runtimeSeconds = Number.POSITIVE_INFINITY }: JobSpec): number =>
  rampSeconds + runtimeSeconds
