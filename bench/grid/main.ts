/**
 * `npm run bench`: the engine beside its floor, the targets first. README.md beside this says what the numbers mean.
 *
 * Exit code 0 whether or not targets are reached: a machine that is busy is no failure.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { mappedCases, remainingCases, targetCases, usualCases } from './case-list.js'
import { caseName, type GridCase } from './grid-case.js'
import { describeMachine, machineText } from './machine.js'
import { measure } from './measure.js'
import { mergeCaseName, mergeCases } from './merge/merge-case.js'
import { measureMerge, mergeSizes } from './merge/merge-section.js'
import { type BenchOptions, parseOptions } from './options.js'
import { isDisturbed, type Outcome, type OutcomeRecord, outcomeOf, outcomeOfFigure } from './outcome.js'
import { tableHeader, tableRow } from './result-table.js'
import { singleFigures } from './single/single-figures.js'
import { Workplace } from './workplace.js'

interface Places {
  readonly tmpfs: Workplace
  readonly disk: Workplace
}

await main(parseOptions(process.argv))

async function main(options: BenchOptions): Promise<void> {
  const tmpfs = new Workplace(options.tmpfs, options.originBytes)
  const disk = new Workplace(options.disk, options.originBytes)
  const places: Places = { tmpfs, disk }
  const clear = () => {
    tmpfs[Symbol.dispose]()
    disk[Symbol.dispose]()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      clear()
      process.exit(130)
    })
  }
  const machine = describeMachine(tmpfs.folder, disk.folder)
  print(machineText(machine))
  if (options.json !== undefined) writeFileSync(options.json, '')
  const outcomes: Outcome[] = []
  const keep = (outcome: Outcome) => {
    outcomes.push(outcome)
    print(tableRow(outcome))
    const record: OutcomeRecord = { ...outcome, machine }
    if (options.json !== undefined) appendFileSync(options.json, `${JSON.stringify(record)}\n`)
  }
  try {
    if (options.mapped) {
      await runCases('Through engine.mapper; the floor is engine.open', mappedCases(), options, places, keep)
      printVerdict(outcomes)
      return
    }
    if (!options.merge) {
      await runCases('Targets', targetCases(), options, places, keep)
      await runSingleFigures(options, places, keep)
    }
    await runMerges(options, places, keep)
    printVerdict(outcomes)
    if (options.merge) return
    if (!options.quick) await runCases('Beside them', usualCases(), options, places, keep)
    if (options.full) await runCases('Everything else', remainingCases(), options, places, keep)
  } finally {
    clear()
  }
}

async function runCases(
  title: string,
  cases: readonly GridCase[],
  options: BenchOptions,
  places: Places,
  keep: (outcome: Outcome) => void,
): Promise<void> {
  const chosen = cases.filter((grid) => options.pattern?.test(caseName(grid)) ?? true)
  if (chosen.length === 0) return
  print(tableHeader(title))
  const beside = options.mapped ? 'open' : 'floor'
  for (const grid of chosen) keep(outcomeOf(grid, await measure(grid, places[grid.place], options, beside)))
}

async function runSingleFigures(
  options: BenchOptions,
  places: Places,
  keep: (outcome: Outcome) => void,
): Promise<void> {
  for (const { measure, name } of singleFigures) {
    if (options.pattern !== undefined && !options.pattern.test(name)) continue
    keep(outcomeOfFigure(await measure(name, places[name.endsWith('disk') ? 'disk' : 'tmpfs'])))
  }
}

async function runMerges(options: BenchOptions, places: Places, keep: (outcome: Outcome) => void): Promise<void> {
  const chosen = mergeCases().filter((merge) => options.pattern?.test(mergeCaseName(merge)) ?? true)
  if (chosen.length === 0) return
  print(tableHeader('Merges; the floor of latencies is the same without a merge'))
  const sizes = mergeSizes(options.quick, options.rounds)
  for (const merge of chosen) for (const outcome of await measureMerge(merge, places.tmpfs, sizes)) keep(outcome)
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
