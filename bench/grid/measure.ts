/**
 * Measures one case: rounds, and within a round short passes of the floor and of the engine in turn, so that what disturbs
 * the machine disturbs both.
 */
import { CpuGauge } from './cpu-gauge.js'
import { EngineSide } from './engine-side.js'
import { Floor } from './floor.js'
import { type GridCase, timesEach } from './grid-case.js'
import { median } from './latency-samples.js'
import type { PassResult, Side } from './pass.js'
import type { Workplace } from './workplace.js'

export interface RoundOptions {
  readonly rounds: number
  /** Of timed work, per side and round. */
  readonly seconds: number
}

export interface Comparison {
  /** Operations a second, or microseconds an operation where one at a time is in flight; medians over the rounds. */
  readonly floor: number
  readonly engine: number
  /** Median over the rounds of engine / floor. */
  readonly ratio: number
  /** Largest less smallest of the rounds' ratios, as a share of the median. */
  readonly spread: number
  /** Share of the machine that everybody else used meanwhile. Above a few hundredths, do not believe the figures. */
  readonly othersShare: number
}

/** Before the first round: compiles the hot paths and touches the memory. As a share of a round. */
const warmUp = 0.5
/** Passes are this long: enough to start and end without being noticed, short beside what comes and goes on a machine. */
const passSeconds = 0.125
/** A shorter rest of a round says nothing and is left out. */
const restSeconds = 0.02

/** Beside which the engine is measured: bare system calls; or itself, opened with `engine.open` instead of by tables. */
export type Beside = 'floor' | 'open'

export async function measure(
  grid: GridCase,
  place: Workplace,
  options: RoundOptions,
  beside: Beside = 'floor',
): Promise<Comparison> {
  const floor = beside === 'floor' ? Floor.start(grid, place) : await EngineSide.start(grid, place, 'floor')
  const engine = await EngineSide.start(grid, place, 'engine', beside === 'floor' ? 'open' : 'mapper')
  const floors: number[] = []
  const engines: number[] = []
  const gauge = new CpuGauge()
  try {
    await runRound([floor, engine], options.seconds * warmUp)
    gauge.restart()
    for (let round = 0; round < options.rounds; round++) {
      const [ofFloor, ofEngine] = await runRound([floor, engine], options.seconds)
      floors.push(figureOf(ofFloor, grid))
      engines.push(figureOf(ofEngine, grid))
    }
  } finally {
    await floor.close()
    await engine.close()
  }
  const othersShare = gauge.othersShare()
  const ratios = engines.map((value, round) => value / (floors[round] ?? Number.NaN))
  const ratio = median(ratios)
  const spread = (Math.max(...ratios) - Math.min(...ratios)) / ratio
  return { floor: median(floors), engine: median(engines), ratio, spread, othersShare }
}

/** Passes of both sides in turn, until each has worked for `seconds`. */
async function runRound(sides: readonly [Side, Side], seconds: number): Promise<[PassResult[], PassResult[]]> {
  const passes: [PassResult[], PassResult[]] = [[], []]
  for (;;) {
    let worked = false
    for (const index of [0, 1] as const) {
      const left = seconds - secondsOf(passes[index])
      if (left < restSeconds) continue
      await sides[index].rewind()
      passes[index].push(await sides[index].pass(Math.min(left, passSeconds)))
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
