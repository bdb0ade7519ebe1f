/** Jobs for tests, from options as a job file has them. */
import { knownOption, type WrittenJob } from '../../../src/load/job/job-file.js'
import type { JobSpec } from '../../../src/load/job/job-spec.js'
import { resolveJob } from '../../../src/load/job/resolve-job.js'

/** `{ rw: 'randread', bs: '4k' }`; a target is given. */
export function writtenJob(options: Readonly<Record<string, string>>, name = 'job'): WrittenJob {
  const all = { target: 'file:disk', ...options }
  return {
    name,
    options: new Map(
      Object.entries(all).map(([key, text]) => [knownOption(key, `--${key}`), { text, where: `--${key}` }]),
    ),
  }
}

export const jobSpec = (options: Readonly<Record<string, string>>): JobSpec => resolveJob(writtenJob(options))
