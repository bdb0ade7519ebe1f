/** Runs one of the two tools on a job file, and reads its report: the same fields of both. */
import { readFileSync, rmSync } from 'node:fs'
import { run } from '../peers/programs.js'

export interface ToolFigures {
  /** Over all directions. */
  readonly perSecond: number
  /** Microseconds from sending to the answer; of the direction with more requests. */
  readonly median: number
  readonly of99: number
}

interface Direction {
  readonly iops: number
  readonly clat_ns?: { readonly percentile?: Readonly<Record<string, number>> }
}
type Report = {
  readonly jobs: readonly { readonly error: number; readonly read: Direction; readonly write: Direction }[]
}

const command = new URL('../../src/cli/main.js', import.meta.url).pathname

export const tools = {
  fio: (jobFile: string, report: string) =>
    run('fio', ['--output-format=json', `--output=${report}`, '--thread', jobFile]),
  'cowring load': (jobFile: string, report: string) => {
    return run(process.execPath, [
      command,
      'load',
      '--output-format',
      'json',
      '--output',
      report,
      '--overwrite',
      jobFile,
    ])
  },
} as const
export type Tool = keyof typeof tools
export const toolNames = Object.keys(tools) as Tool[]

/** Throws if the tool failed, or has done nothing. */
export async function figuresOf(tool: Tool, jobFile: string): Promise<ToolFigures> {
  const report = `${jobFile}.report`
  await tools[tool](jobFile, report)
  const text = readFileSync(report, 'utf8')
  rmSync(report)
  // fio's nbd engine says a line of its own first.
  const [job, ...others] = (JSON.parse(text.slice(text.indexOf('{\n'))) as Report).jobs
  if (job === undefined || others.length > 0) throw new Error(`${tool} reports ${others.length + 1} groups, not one`)
  if (job.error !== 0) throw new Error(`${tool} reports error ${job.error}`)
  const larger = job.read.iops >= job.write.iops ? job.read : job.write
  if (larger.iops === 0) throw new Error(`${tool} has done nothing in the time it had`)
  const percentile = (percent: string): number => (larger.clat_ns?.percentile?.[percent] ?? Number.NaN) / 1000
  return { perSecond: job.read.iops + job.write.iops, median: percentile('50.000000'), of99: percentile('99.000000') }
}
