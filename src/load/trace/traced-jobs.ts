/** What a recording says of its jobs. Lanes are numbered as they are run: job after job, clone after clone. */
import type { PlacedJob } from '../run/targets.js'
import type { TracedJob } from './trace-file.js'

export function tracedJobs(jobs: readonly PlacedJob[]): TracedJob[] {
  let lane = 0
  return jobs.map(({ planned, spec, target }) => {
    const lanes = Array.from({ length: planned.recorded?.length ?? spec.clones }, () => lane++)
    return { name: spec.name, options: spec.given, lanes, depth: target.depthOf(spec.depth) }
  })
}
