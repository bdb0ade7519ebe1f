/** What `cowring load` and `cowring replay` have in common: a run that one can watch, and the files it leaves. */
import { constants } from 'node:fs'
import { access, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import { CowringError } from '../../index.js'
import type { LoadResult } from '../../load/result/load-result.js'
import type { LoadPlan } from '../../load/run/load-plan.js'
import { collected, exitCodes } from '../command-parts.js'
import { Page } from '../page.js'
import { LiveView } from './live-view.js'
import { printSummary } from './summary.js'
import { verdictOf } from './verdict.js'

export interface OutputFlags {
  readonly output?: string
  readonly outputFormat: 'normal' | 'json' | 'json+'
  readonly csv?: string
  readonly html?: string
  readonly record?: string
  readonly at?: readonly string[]
  readonly overwrite?: boolean
  readonly title?: string
}

export function addOutputOptions(command: Command): Command {
  return command
    .option(
      '--at <event>',
      "what happens when: '5s snapshot monday', '20s merge monday', '30s kill-worker 0'; can be repeated",
      collected,
    )
    .option('--output <file>', 'write the result there instead of to standard output')
    .addOption(
      new Option('--output-format <format>', "json and json+ are fio's, with one key more")
        .choices(['normal', 'json', 'json+'])
        .default('normal'),
    )
    .option('--csv <file>', 'write a time series, a row each interval')
    .option('--html <file>', 'write a report with plots, one file that needs no network')
    .option('--record <file>', 'record every request, for cowring replay')
    .option('--overwrite', 'let jobs write where something is that is neither zeroes nor of an earlier run')
    .option('--title <text>', 'what the run is called in its reports')
}

/** What the jobs' words get wrong is bad usage, whenever it is found out. */
export async function asUsage(command: Command, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof CowringError && error.code === 'INVALID_ARGUMENT')) throw error
    command.error(`error: ${error.message}`)
  }
}

/** Runs the plan and writes what was asked for; answers the exit code. */
export async function runAndReport(plan: LoadPlan, flags: OutputFlags): Promise<number> {
  // Not when the run is over.
  for (const file of [flags.output, flags.csv, flags.html, flags.record]) {
    if (file !== undefined) await access(dirname(resolve(file)), constants.W_OK)
  }
  // Loading the harness takes some 50 ms, which no other command should wait for.
  const { runLoad } = await import('../../load/run/run-load.js')
  const isForPeople = flags.outputFormat === 'normal' && flags.output === undefined
  const view = new LiveView(isForPeople ? process.stdout : process.stderr)
  const { signal, ended } = interruptions()
  let result: LoadResult
  try {
    result = await runLoad({ plan, signal, watch: (progress) => view.update(progress) })
  } finally {
    view.stop()
    ended()
  }
  await writeOutputs(result, flags)
  const verdict = verdictOf(result)
  if (!isForPeople) process.stderr.write(`cowring load: ${verdict.text}\n`)
  if (signal.aborted) return interrupted
  return verdict.holds ? exitCodes.done : exitCodes.failed
}

/** As a shell says of what SIGINT has ended. */
const interrupted = 130

/** The first SIGINT ends the jobs, and the run is reported; the second ends the program. */
function interruptions(): { signal: AbortSignal; ended: () => void } {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(interrupted)
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const ended = (): void => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return { signal: controller.signal, ended }
}

async function writeOutputs(result: LoadResult, { csv, html, output, outputFormat }: OutputFlags): Promise<void> {
  if (outputFormat !== 'normal') {
    const { fioJson } = await import('../../load/result/fio-json.js')
    const json = `${JSON.stringify(fioJson(result, { bins: outputFormat === 'json+' }), undefined, 2)}\n`
    if (output === undefined) process.stdout.write(json)
    else await writeFile(output, json)
  } else if (output === undefined) {
    printSummary(new Page(process.stdout), result)
  } else {
    await writeFile(output, await summaryText(result))
  }
  if (csv !== undefined) await writeFile(csv, (await import('../../load/result/csv.js')).seriesCsv(result))
  if (html !== undefined) await (await import('../../load/html/write-report.js')).writeReport(html, [result])
}

function summaryText(result: LoadResult): Promise<string> {
  const sink = new PassThrough()
  printSummary(new Page(sink as unknown as NodeJS.WriteStream), result)
  return text(sink.end())
}
