/**
 * What fio's JSON report says, as far as it matters here.
 *
 * Guarantees: a report of work that was not done, or not in full, throws. fio prints lines of its own around the report
 * (its nbd engine says that it is connected), so the report is looked for among them.
 */

export interface FioFigures {
  /** Answered requests. */
  readonly operations: number
  /** From the start of the first to the end of the last. */
  readonly seconds: number
  /** From the request to its answer, over all connections. NaN where fio was not asked for percentiles. */
  readonly latencyMicrosecondsMedian: number
  readonly latencyMicrosecondsOf99: number
}

/** The fields that are read. fio writes many more. */
interface Report {
  readonly jobs?: readonly Job[]
}

interface Job {
  readonly jobname: string
  readonly error: number
  readonly read: Direction
  readonly write: Direction
}

interface Direction {
  readonly io_bytes: number
  readonly total_ios: number
  /** Milliseconds. */
  readonly runtime: number
  readonly lat_ns?: { readonly percentile?: Readonly<Record<string, number>> }
}

const nanosecondsInMicrosecond = 1000

/** For a report with one group (`--group_reporting`) of requests of `ioBytes` in one direction. */
export function figuresOf(output: string, direction: 'read' | 'write', ioBytes: number): FioFigures {
  const jobs = reportIn(output).jobs ?? []
  const [job] = jobs
  if (job === undefined || jobs.length > 1) throw new Error(`fio reports ${jobs.length} groups, not one`)
  if (job.error !== 0) throw new Error(`fio reports error ${job.error} in ${job.jobname}`)
  const { lat_ns: latency, io_bytes: ioBytesDone, runtime, total_ios: begun } = job[direction]
  const operations = ioBytesDone / ioBytes
  if (operations === 0 || runtime === 0) throw new Error('fio has done nothing in the time it had')
  // Those that were in flight when a warm-up ended are counted as finished only.
  if (operations < begun) throw new Error(`fio began ${begun} requests and finished ${operations}`)
  return {
    operations,
    seconds: runtime / 1000,
    latencyMicrosecondsMedian: (latency?.percentile?.['50.000000'] ?? Number.NaN) / nanosecondsInMicrosecond,
    latencyMicrosecondsOf99: (latency?.percentile?.['99.000000'] ?? Number.NaN) / nanosecondsInMicrosecond,
  }
}

function reportIn(output: string): Report {
  const lines = output.split('\n')
  const first = lines.indexOf('{')
  const last = lines.lastIndexOf('}')
  if (first === -1 || last < first) throw new Error(`fio has written no report: ${output.slice(0, 400)}`)
  return JSON.parse(lines.slice(first, last + 1).join('\n'))
}
