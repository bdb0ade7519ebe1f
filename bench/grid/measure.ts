/**
 * Measures one case: rounds, and within a round short passes of the floor and of the engine in turn, so that what disturbs
 * the machine disturbs both. A rival that is a program of its own has one pass in each round, as long as all of theirs.
 */
import { CpuGauge } from './cpu-gauge.js'
import { EngineSide } from './engine-side.js'
import { Floor } from './floor.js'
import { type GridCase, isFirstWrite, isRaw, timesEach } from './grid-case.js'
import { median } from './latency-samples.js'
import type { PassResult, Side } from './pass.js'
import { RivalSide } from './rival-attempt.js'
import { type Rival, type RivalFigure, rivalsOf } from './rivals.js'
import { figuresOfRounds, spreadOf } from './round-figures.js'
import type { Workplace } from './workplace.js'

export interface RoundOptions {
  readonly rounds: number
  /** Of timed work, per side and round. */
  readonly seconds: number
}

export interface Comparison {
  /** Operations a second, or microseconds an operation where one at a time is in flight; medians over the rounds. */
  readonly floor: number
  /** `null` where there is no engine to be measured: files without snapshots. */
  readonly engine: number | null
  /** Median over the rounds of engine / floor. */
  readonly ratio: number | null
  /** Largest less smallest of the rounds' ratios, as a share of the median; of the floor's figures where it is alone. */
  readonly spread: number
  /** Share of the machine that everybody else used meanwhile. Above a few hundredths, do not believe the figures. */
  readonly othersShare: number | null
  readonly rounds: number
  readonly rivals: readonly RivalFigure[]
}

/** Before the first round: compiles the hot paths and touches the memory. As a share of a round. */
const warmUp = 0.5
/** Passes are this long: enough to start and end without being noticed, short beside what comes and goes on a machine. */
const passSeconds = 0.125
/** A shorter rest of a round says nothing and is left out. */
const restSeconds = 0.02

/** What the stores of both sides take in a round, and more. */
const warmBytesPerOrigin = 4

/** Beside which the engine is measured: bare system calls; or itself, opened with `engine.open` instead of by tables. */
export type Beside = 'floor' | 'open'

export async function measure(
  grid: GridCase,
  place: Workplace,
  options: RoundOptions,
  beside: Beside = 'floor',
): Promise<Comparison> {
  const sides: Side[] = []
  const rivals = beside === 'floor' ? rivalsOf(grid) : []
  const present = new Map<Rival, RivalSide>()
  for (const rival of rivals) {
    if (rival.missing() === undefined) present.set(rival, new RivalSide(rival.start(grid, place)))
  }
  const figures: number[][] = []
  const gauge = new CpuGauge()
  try {
    sides.push(beside === 'floor' ? Floor.start(grid, place) : await EngineSide.start(grid, place, 'floor'))
    const through = beside === 'floor' ? 'open' : 'mapper'
    if (!isRaw(grid.work)) sides.push(await EngineSide.start(grid, place, 'engine', through))
    sides.push(...present.values())
    figures.push(...sides.map(() => []))
    place.warmMemory(warmBytesPerOrigin * place.originBytes)
    await runRound(sides, options.seconds * warmUp)
    gauge.restart()
    for (let round = 0; round < options.rounds; round++) {
      if (isFirstWrite(grid.work)) place.warmMemory(warmBytesPerOrigin * place.originBytes)
      const passes = await runRound(sides, options.seconds)
      for (const [index, ofSide] of passes.entries()) figures[index]?.push(figureOf(ofSide, grid))
    }
  } finally {
    for (const side of sides) await side.close()
  }
  const othersShare = gauge.othersShare()
  return { ...comparisonOf(figures, isRaw(grid.work), rivals, present), othersShare, rounds: options.rounds }
}

/** `figures`: of the floor, of the engine unless the file is raw, and of the rivals that are there, round by round. */
function comparisonOf(
  [floors = [], ...others]: readonly (readonly number[])[],
  isAlone: boolean,
  rivals: readonly Rival[],
  present: ReadonlyMap<Rival, RivalSide>,
): Omit<Comparison, 'othersShare' | 'rounds'> {
  const engines = isAlone ? undefined : others[0]
  const ofRivals = isAlone ? others : others.slice(1)
  const measured = [...present.keys()]
  const beside = rivals.map((rival) => {
    const missing = rival.missing() ?? present.get(rival)?.failure
    return figuresOfRounds(rival.name, engines ?? floors, ofRivals[measured.indexOf(rival)] ?? [], missing)
  })
  if (engines === undefined) {
    return { floor: median(floors), engine: null, ratio: null, spread: spreadOf(floors), rivals: beside }
  }
  const ratios = engines.map((value, round) => value / (floors[round] ?? Number.NaN))
  const medians = { floor: median(floors), engine: median(engines), ratio: median(ratios) }
  return { ...medians, spread: spreadOf(ratios), rivals: beside }
}

/** Passes of all sides in turn, until each has worked for `seconds`. */
async function runRound(sides: readonly Side[], seconds: number): Promise<PassResult[][]> {
  const passes: PassResult[][] = sides.map(() => [])
  for (;;) {
    let worked = false
    for (const [index, side] of sides.entries()) {
      const own = passes[index] as PassResult[]
      const left = seconds - secondsOf(own)
      if (left < restSeconds || (side.isWhole && own.length > 0)) continue
      await side.rewind()
      own.push(await side.pass(side.isWhole ? seconds : Math.min(left, passSeconds)))
      worked = true
    }
    if (!worked) return passes
  }
}

function figureOf(passes: readonly PassResult[], grid: GridCase): number {
  if (timesEach(grid)) return median(passes.map(({ medianMicroseconds }) => medianMicroseconds))
  return passes.reduce((sum, { operations }) => sum + operations, 0) / secondsOf(passes)
}

const secondsOf = (passes: readonly PassResult[]): number => passes.reduce((sum, { seconds }) => sum + seconds, 0)
