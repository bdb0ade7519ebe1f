/** The parts of the benchmark, each run from beginning to end. Which of them a command asks for is in main.ts. */
import { isInstalled } from '../peers/programs.js'
import { activationCaseName, activationCases } from './activation/activation-case.js'
import { measureActivation } from './activation/measure-activation.js'
import { creationCaseName, creationCases } from './creation/creation-case.js'
import { measureCreation } from './creation/measure-creation.js'
import { curveCaseName, curveCases, curveOriginBytes, curvePrefix, curveRoomBytes } from './curve/curve-cases.js'
import {
  makeServedImage,
  measureServed,
  servedAreaBytes,
  servedCaseName,
  servedCases,
  servedCurveLacks,
  servedImageBytes,
  servedRoomBytes,
} from './curve/served-curve.js'
import { caseName, type GridCase } from './grid-case.js'
import { type Beside, measure } from './measure.js'
import { mergeCaseName, mergeCases } from './merge/merge-case.js'
import { measureMerge, mergeSizes } from './merge/merge-section.js'
import type { BenchOptions } from './options.js'
import { type Outcome, outcomeOf, outcomeOfFigure } from './outcome.js'
import { mustHaveRoom } from './room.js'
import { singleFigures } from './single/single-figures.js'
import { Workplace } from './workplace.js'

export interface Bench {
  readonly options: BenchOptions
  readonly tmpfs: Workplace
  readonly disk: Workplace
  /** Heads what follows in the table. */
  title(text: string): void
  /** Says why something is not measured. */
  skip(text: string): void
  keep(outcome: Outcome): void
}

/** Those of a list that the command line asks for; the title is printed if there are any. */
function chosen<Case>({ options, title }: Bench, text: string, cases: readonly Case[], name: (one: Case) => string) {
  const wanted = cases.filter((one) => options.pattern?.test(name(one)) ?? true)
  if (wanted.length > 0) title(text)
  return wanted
}

export async function runCases(
  bench: Bench,
  text: string,
  cases: readonly GridCase[],
  beside: Beside = 'floor',
): Promise<void> {
  for (const grid of chosen(bench, text, cases, caseName)) {
    bench.keep(outcomeOf(grid, await measure(grid, bench[grid.place], bench.options, beside)))
  }
}

export async function runSingleFigures(bench: Bench): Promise<void> {
  for (const { measure, name } of chosen(bench, 'Single figures', singleFigures, ({ name }) => name)) {
    bench.keep(outcomeOfFigure(await measure(name, bench.tmpfs)))
  }
}

export async function runMerges(bench: Bench): Promise<void> {
  const title = 'Merges; the floor of latencies is the same without a merge'
  const sizes = mergeSizes(bench.options.quick, longRoundsOf(bench))
  for (const merge of chosen(bench, title, mergeCases(), mergeCaseName)) {
    for (const outcome of await measureMerge(merge, bench.tmpfs, sizes)) bench.keep(outcome)
  }
}

export async function runCurve(bench: Bench): Promise<void> {
  const cases = chosen(bench, 'The N-snapshot curve: an origin with 0 to 64 snapshots', curveCases(), curveCaseName)
  if (cases.length === 0) return
  const { quick, tmpfs } = bench.options
  mustHaveRoom('the curve', tmpfs, curveRoomBytes(quick))
  using place = new Workplace(tmpfs, curveOriginBytes(quick))
  for (const grid of cases) bench.keep(outcomeOf(grid, await measure(grid, place, bench.options), 'curve', curvePrefix))
}

export async function runServedCurve(bench: Bench): Promise<void> {
  const { qemuAio, quick, seconds, tmpfs } = bench.options
  const cases = chosen(bench, 'The N-snapshot curve over NBD, beside QEMU', servedCases(), servedCaseName)
  if (cases.length === 0) return
  const lack = servedCurveLacks()
  if (lack !== undefined) return bench.skip(lack)
  mustHaveRoom('the curve over NBD', tmpfs, servedRoomBytes(quick))
  using place = new Workplace(tmpfs, servedImageBytes(quick))
  makeServedImage(place)
  const times = quick ? { seconds, warmUpSeconds: seconds } : { seconds: 0.5, warmUpSeconds: 0.5 }
  const sizes = { rounds: longRoundsOf(bench), ...times, areaBytesMax: servedAreaBytes(quick) }
  for (const served of cases) bench.keep(await measureServed(served, place, sizes, qemuAio))
}

export async function runActivations(bench: Bench): Promise<void> {
  const largest = bench.options.quick ? 100_000 : Number.POSITIVE_INFINITY
  const cases = activationCases.filter(({ exceptions }) => exceptions <= largest)
  const title = 'Activation: engine.open of an origin whose store has so many exceptions'
  for (const activation of chosen(bench, title, cases, activationCaseName)) {
    for (const outcome of await measureActivation(activation, bench.tmpfs, repetitionsOf(bench))) bench.keep(outcome)
  }
}

export async function runCreations(bench: Bench): Promise<void> {
  const title = 'Creation: origin.snapshot() with so many snapshots present'
  for (const creation of chosen(bench, title, creationCases(), creationCaseName)) {
    bench.keep(await measureCreation(creation, bench[creation.place], repetitionsOf(bench)))
  }
}

/** Where one round takes seconds, and starts servers or fills files, there are at most so many. */
const longRoundsMax = 3
const longRoundsOf = ({ options: { rounds } }: Bench): number => Math.min(rounds, longRoundsMax)

/** Of calls of some milliseconds: more than rounds, since each is one call. */
const repetitionsOf = ({ options: { rounds } }: Bench): number => 2 * rounds - 1

/** Programs that stand beside the engine somewhere, if they are asked for at all. */
export const rivalPrograms = ['fio', 'nbdkit', 'qemu-storage-daemon', 'qemu-img'] as const
export const missingRivals = (): string[] => rivalPrograms.filter((program) => !isInstalled(program))
