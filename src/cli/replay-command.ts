/** `cowring replay`. */
import { type Command, InvalidArgumentError } from 'commander'
import { parseTimelineEvent } from '../load/run/timeline-event.js'
import { exampleText, type Finish } from './command-parts.js'
import { addOutputOptions, asUsage, type OutputFlags, runAndReport } from './load/load-outputs.js'
import { packageVersion } from './package-version.js'

interface ReplayFlags extends OutputFlags {
  readonly target?: string
  readonly speed: number
  readonly verify?: boolean
}

export function addReplay(program: Command, finish: Finish): void {
  const command = program
    .command('replay')
    .description('repeat what `cowring load --record` has recorded, on the same target or another')
    .argument('<file>', 'the recording')
    .option(
      '--target <target>',
      'where the requests go instead: file:PATH, cowring:PATH[,…], nbd+unix:///EXPORT?socket=PATH',
    )
    .option('--speed <factor>', '2 for twice as fast as it was recorded, max for as fast as possible', parseSpeed, 1)
    .option('--verify', 'write self-describing sectors and check them')
  addOutputOptions(command)
    .addHelpText('after', exampleText('cowring replay --target file:/tmp/copy.img --speed max monday.trace'))
    .action((file: string, flags: ReplayFlags) => asUsage(command, () => replay(file, flags, finish)))
}

async function replay(file: string, flags: ReplayFlags, finish: Finish): Promise<void> {
  const { readTrace } = await import('../load/trace/trace-file.js')
  const { replayedJobs } = await import('../load/trace/replayed-jobs.js')
  const trace = await readTrace(file)
  if (!trace.isWhole) process.stderr.write(`cowring replay: ${file} was cut off; what there is of it is repeated\n`)
  const { speed, target, verify } = flags
  const plan = {
    title: flags.title ?? `replay of ${file}`,
    version: packageVersion(),
    jobs: replayedJobs(trace, file, { speed, target, verifies: verify ?? false }),
    events: (flags.at ?? []).map(parseTimelineEvent),
    mayOverwrite: flags.overwrite ?? false,
    record: flags.record,
  }
  finish(await runAndReport(plan, flags))
}

function parseSpeed(text: string): number {
  const speed = text === 'max' ? Number.POSITIVE_INFINITY : /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (speed > 0) return speed
  throw new InvalidArgumentError('It must be a number above 0, or max.')
}
