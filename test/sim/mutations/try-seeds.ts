/**
 * One seed after the other until one fails or the time is over, for the parent process: `node try-seeds.js SEED SECONDS RUNS`. It runs in
 * a copy of the compiled code, and knows nothing of what is broken there.
 */
import { interpose } from '../system/interpose.js'

/** After each run, so that a run that never ends is known by its seed. */
export interface Progress {
  /** The next run's. */
  readonly seed: number
  readonly runs: number
  readonly seconds: number
  /** What the last run's simulator said; with it nothing more comes. */
  readonly failure?: string
}

interpose()
// What an engine that was crashed had to say is nobody's business.
process.removeAllListeners('warning')
const { operationsOf, planOf } = await import('../operations.js')
const { run } = await import('../run.js')
const { scenarios } = await import('../scenarios/scenario-list.js')

/** Each scenario with so many seeds, before the random lists. */
const seedsOfScenario = 10

const [seed = 1, seconds = 1, runsMax = 1] = process.argv.slice(2).map(Number)
const started = process.cpuUsage()
if (!(await failsScenario())) await trySeeds()
process.disconnect?.()

async function trySeeds(): Promise<void> {
  for (let runs = 0; runs < runsMax && elapsed() < seconds; runs++) {
    const plan = planOf(seed + runs)
    const { failure } = await run(plan, operationsOf(plan))
    if (failure !== undefined) {
      tell({ seed: plan.seed, runs: runs + 1, seconds: elapsed(), failure: failure.message })
      return
    }
    tell({ seed: plan.seed + 1, runs: runs + 1, seconds: elapsed() })
  }
}

async function failsScenario(): Promise<boolean> {
  for (const { name, operations, plan } of scenarios) {
    for (let own = 1; own <= seedsOfScenario; own++) {
      const { failure } = await run({ ...plan, seed: own, operations: operations.length }, operations)
      if (failure === undefined) continue
      tell({ seed: own, runs: 0, seconds: elapsed(), failure: `${failure.message} (scenario: ${name})` })
      return true
    }
  }
  return false
}

/** Of processor time, so that the verdict does not depend on what else the machine does. */
function elapsed(): number {
  const { system, user } = process.cpuUsage(started)
  return (user + system) / 1e6
}

function tell(progress: Progress): void {
  process.send?.(progress)
}
