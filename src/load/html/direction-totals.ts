/** What all jobs of a run did in one direction. Jobs of one group ran at the same time, groups one after another. */
import { type Buckets, merged } from '../../report/distribution.js'
import { type DirectionName, directionNames, type JobResult, type LoadResult } from '../result/load-result.js'

export interface DirectionTotals {
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  readonly latency: Buckets
}

export function totalsOf({ jobs }: LoadResult, direction: DirectionName): DirectionTotals {
  const groups = new Map<number, JobResult[]>()
  for (const job of jobs) groups.set(job.group, [...(groups.get(job.group) ?? []), job])
  let [requests, bytes, seconds] = [0, 0, 0]
  for (const group of groups.values()) {
    const parts = group.map((job) => job.directions[direction])
    requests += parts.reduce((sum, part) => sum + part.requests, 0)
    bytes += parts.reduce((sum, part) => sum + part.bytes, 0)
    // A group in which nobody went this way takes no time of it.
    if (parts.some((part) => part.requests > 0)) seconds += Math.max(...parts.map((part) => part.seconds))
  }
  return {
    requestsPerSecond: seconds > 0 ? requests / seconds : 0,
    bytesPerSecond: seconds > 0 ? bytes / seconds : 0,
    latency: merged(jobs.map((job) => job.directions[direction].latency.buckets)),
  }
}

/** Directions in which any of the runs did something, or tried to. */
export const directionsOf = (results: readonly LoadResult[]): readonly DirectionName[] =>
  directionNames.filter((direction) =>
    results.some(({ jobs }) =>
      jobs.some(({ directions }) => directions[direction].requests + directions[direction].errors > 0),
    ),
  )
