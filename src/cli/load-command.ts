/** `cowring load`. */
import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { knownOption, parseJobFile, type WrittenJob, type WrittenValue } from '../load/job/job-file.js'
import { type JobOptionName, jobOptionNames, jobOptions } from '../load/job/job-options.js'
import { resolveJob } from '../load/job/resolve-job.js'
import { parseTimelineEvent } from '../load/run/timeline-event.js'
import { exampleText, type Finish } from './command-parts.js'
import { addOutputOptions, asUsage, type OutputFlags, runAndReport } from './load/load-outputs.js'
import { packageVersion } from './package-version.js'

interface LoadFlags extends OutputFlags {
  readonly name?: string
}

export function addLoad(program: Command, finish: Finish): void {
  const command = program
    .command('load')
    .description(
      "put load on a target and measure it, check it, or both: jobs from fio's job files, or one from options. Options hold for every job of the files.",
    )
    .argument('[job...]', "job files, in fio's format")
    .option('--name <name>', 'what the job from options is called (default: load)')
  addOutputOptions(command)
  for (const name of jobOptionNames) command.addOption(jobFlag(name))
  letFlagsStandAlone(command)
  command
    .addHelpText(
      'after',
      exampleText(
        'cowring load --target file:/tmp/test.img --size 1g --rw randread --bs 4k --runtime 10 --time_based',
        "cowring load --target cowring:/tmp/disk.img,size=1g,snapshots=2 --rw randwrite --iodepth 32 --verify sectors --runtime 30 --time_based --at '5s snapshot monday' --at '15s merge monday' --html report.html",
        "cowring load --target 'nbd+unix:///?socket=/tmp/nbd.sock' --rw randrw --rate_iops 5000 --open_loop --runtime 60 --time_based jobs.fio",
      ),
    )
    .action((files: readonly string[], flags: LoadFlags) => asUsage(command, () => load(files, flags, finish)))
}

async function load(files: readonly string[], flags: LoadFlags, finish: Finish): Promise<void> {
  const given = givenOptions(flags)
  const jobs = files.length === 0 ? [{ name: flags.name ?? 'load', options: given }] : await jobsOf(files, given)
  const planned = jobs.map((job) => ({ spec: resolveJob(job) }))
  const plan = {
    title: flags.title ?? titleOf(files, jobs),
    version: packageVersion(),
    jobs: planned,
    events: (flags.at ?? []).map(parseTimelineEvent),
    mayOverwrite: flags.overwrite ?? false,
    record: flags.record,
  }
  finish(await runAndReport(plan, flags))
}

const standingAlone: ReadonlySet<JobOptionName> = new Set([
  'time_based',
  'open_loop',
  'norandommap',
  'stonewall',
  'group_reporting',
  'direct',
])

/** `--time_based jobs.fio` is about a file: only what can be a flag's value is one. */
function letFlagsStandAlone(command: Command): void {
  const parse = command.parseOptions.bind(command)
  const alone = new Set([...standingAlone].map((name) => `--${name}`))
  const isValue = (word: string | undefined): boolean => ['0', '1', 'true', 'false'].includes(word ?? '')
  command.parseOptions = (words) =>
    parse(words.map((word, at) => (alone.has(word) && !isValue(words[at + 1]) ? `${word}=1` : word)))
}

/** fio's own name of the option, with its underscores. */
const jobFlag = (name: JobOptionName): Option =>
  new Option(`--${name} ${standingAlone.has(name) ? '[value]' : '<value>'}`, jobOptions[name].help)

function givenOptions(flags: LoadFlags): ReadonlyMap<JobOptionName, WrittenValue> {
  const given = new Map<JobOptionName, WrittenValue>()
  for (const [key, value] of Object.entries(flags)) {
    if (!(jobOptionNames as readonly string[]).includes(key)) continue
    given.set(knownOption(key, `--${key}`), { text: value === true ? '1' : String(value), where: `--${key}` })
  }
  return given
}

async function jobsOf(
  files: readonly string[],
  given: ReadonlyMap<JobOptionName, WrittenValue>,
): Promise<WrittenJob[]> {
  const jobs: WrittenJob[] = []
  for (const file of files) {
    for (const { name, options } of parseJobFile(await readFile(file, 'utf8'), file)) {
      jobs.push({ name, options: new Map([...options, ...given]) })
    }
  }
  return jobs
}

const titleOf = (files: readonly string[], jobs: readonly WrittenJob[]): string =>
  files.length > 0 ? files.join(', ') : (jobs[0]?.options.get('rw')?.text ?? jobs[0]?.name ?? 'load')
