/**
 * `npm run bench`: the engine beside its floor, the targets first. README.md beside this says what the numbers mean.
 *
 * Exit code 0 whether or not targets are reached: a machine that is busy is no failure.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { killAll } from '../peers/programs.js'
import { writeHtmlReport } from '../publish/html-report.js'
import { mappedCases, remainingCases, targetCases, usualCases, withoutRepeated } from './case-list.js'
import { describeMachine, machineText } from './machine.js'
import { type BenchOptions, parseOptions } from './options.js'
import { isDisturbed, type Outcome, type OutcomeRecord } from './outcome.js'
import { programVersions } from './program-versions.js'
import { publishedCases } from './published-cases.js'
import { tableHeader, tableRow } from './result-table.js'
import {
  type Bench,
  missingRivals,
  rivalPrograms,
  runActivations,
  runCases,
  runCreations,
  runCurve,
  runMerges,
  runServedCurve,
  runSingleFigures,
} from './sections.js'
import { Workplace } from './workplace.js'

await main(parseOptions(process.argv))

async function main(options: BenchOptions): Promise<void> {
  const tmpfs = new Workplace(options.tmpfs, options.originBytes)
  const disk = new Workplace(options.disk, options.originBytes)
  const clear = () => {
    killAll()
    Workplace.removeAll()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      clear()
      process.exit(130)
    })
  }
  const machine = describeMachine(tmpfs.folder, disk.folder, await programVersions(rivalPrograms))
  print(machineText(machine))
  const missing = missingRivals()
  if (missing.length > 0) print(`Not installed, and so not beside the engine: ${missing.join(', ')}`)
  if (options.json !== undefined) writeFileSync(options.json, '')
  const records: OutcomeRecord[] = []
  const keep = (outcome: Outcome) => {
    print(tableRow(outcome))
    const record: OutcomeRecord = { ...outcome, machine, command: options.command }
    records.push(record)
    if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(record)}\n`)
  }
  const title = (text: string) => print(tableHeader(text))
  try {
    await runAll({ options, tmpfs, disk, title, skip: print, keep })
    printVerdict(records)
  } finally {
    clear()
  }
  if (options.html !== undefined) writeHtmlReport(options.html, records)
}

/**
 * Activation and creation come last: their maps of 1 TiB origins take so much address space, until they are collected, that the
 * system may refuse to start another program.
 */
async function runAll(bench: Bench): Promise<void> {
  const { full, mapped, merge, published, quick } = bench.options
  if (mapped) return runCases(bench, 'Through engine.mapper; the floor is engine.open', mappedCases(), 'open')
  if (merge) return runMerges(bench)
  const cases = published ? publishedCases() : targetCases()
  await runCases(bench, published ? 'The grid, as it is published' : 'Targets', cases)
  await runSingleFigures(bench)
  await runMerges(bench)
  if (published || full) {
    await runCurve(bench)
    await runServedCurve(bench)
  }
  const beside = withoutRepeated(usualCases(), cases)
  if (full || !(published || quick)) await runCases(bench, 'Beside them', beside)
  if (full) await runCases(bench, 'Everything else', withoutRepeated(remainingCases(), [...cases, ...beside]))
  await runActivations(bench)
  await runCreations(bench)
}

function printVerdict(outcomes: readonly Outcome[]): void {
  const judged = outcomes.filter(({ reached }) => reached !== null)
  const reached = judged.filter((outcome) => outcome.reached === true)
  print(`\n${reached.length} of ${judged.length} targets reached`)
  const disturbed = judged.filter(isDisturbed).length
  if (disturbed > 0) print(`${disturbed} of them, marked '?', were disturbed by other processes: measure those again`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
