/** The command line of the simulator: which seeds, on how many processes, and what is printed of them. */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type Operation, operationsOf, planOf } from './operations.js'
import { addCounts, noCounts, type RunCounts, type RunOutcome, run } from './run.js'
import { shrink } from './shrink.js'
import { real } from './system/interpose.js'

/** In seconds; a number that crosses to other processes. */
const forever = 1e9

const options = {
  seed: { type: 'string' },
  runs: { type: 'string', default: '100' },
  jobs: { type: 'string', default: `${availableParallelism()}` },
  seconds: { type: 'string' },
  keep: { type: 'string' },
  verbose: { type: 'boolean', short: 'v', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options']

const usage = `usage: npm run sim -- [--seed S] [--runs N] [--seconds T] [--jobs J] [--keep IDS] [-v]

  --seed S      the first run's seed; every run has its own. From the clock without it
  --runs N      so many runs, 100 by default
  --seconds T   as many as there is time for, instead
  --jobs J      processes, one per core by default
  --keep IDS    only these operations of the run (as 0-3,17), as a failure names them
  -v            a line for each run

A failure prints its seed, the shortest list of operations that fails in the same way, and the command that replays it.
Exit code: 0 when every run passed, 1 when one failed, 2 for bad usage.
`

interface Wanted {
  readonly seed: number
  readonly runs: number
  readonly seconds: number
  readonly jobs: number
  readonly keep: ReadonlySet<number> | undefined
  readonly verbose: boolean
}

interface Share {
  readonly seed: number
  readonly step: number
  readonly runs: number
  readonly seconds: number
  readonly verbose: boolean
}

interface ShareResult {
  readonly runs: number
  readonly counts: RunCounts
  readonly failedSeeds: readonly number[]
}

/** Answers the exit code. */
export async function command(words: readonly string[]): Promise<number> {
  const wanted = wantedOf(words)
  if (typeof wanted === 'string') {
    console.error(`sim: ${wanted}\n\n${usage}`)
    return 2
  }
  if (wanted === undefined) {
    console.log(usage)
    return 0
  }
  if (wanted.keep !== undefined) return await replay(wanted.seed, wanted.keep)
  const startMs = real.nowMs()
  const results = await shared(wanted)
  const failedSeeds = results.flatMap((result) => result.failedSeeds).sort((a, b) => a - b)
  const runs = results.reduce((sum, result) => sum + result.runs, 0)
  const counts = noCounts()
  for (const result of results) addCounts(counts, result.counts)
  console.log(totalsText(runs, counts, (real.nowMs() - startMs) / 1000))
  const [first] = failedSeeds
  if (first === undefined) return 0
  console.log(`${failedSeeds.length} of ${runs} runs failed: seeds ${failedSeeds.slice(0, 20).join(', ')}`)
  await explain(first)
  return 1
}

/** The part of one process. */
export async function share({ runs, seconds, seed, step, verbose }: Share): Promise<ShareResult> {
  const counts = noCounts()
  const failedSeeds: number[] = []
  const endMs = real.nowMs() + seconds * 1000
  let done = 0
  for (; done < runs && real.nowMs() < endMs; done++) {
    const plan = planOf(seed + done * step)
    const outcome = await run(plan, operationsOf(plan))
    addCounts(counts, outcome.counts)
    if (verbose) console.log(runText(plan.seed, outcome))
    if (outcome.failure === undefined) continue
    failedSeeds.push(plan.seed)
    console.log(`seed ${plan.seed}: ${firstLine(outcome.failure.message)}`)
    // Enough to go on with.
    if (failedSeeds.length >= 10) break
  }
  return { runs: done, counts, failedSeeds }
}

function wantedOf(words: readonly string[]): Wanted | string | undefined {
  try {
    const { values } = parseArgs({ args: [...words], options })
    if (values.help) return undefined
    const numbers = { seed: values.seed ?? `${Math.floor(Date.now() % 2 ** 30)}`, runs: values.runs, jobs: values.jobs }
    for (const [name, text] of Object.entries(numbers)) {
      if (!/^\d+$/.test(text) || Number(text) > 2 ** 31) return `--${name} takes a whole number, not '${text}'`
    }
    const seconds = values.seconds === undefined ? forever : Number(values.seconds)
    if (!(seconds > 0)) return `--seconds takes a number above 0, not '${values.seconds}'`
    const keep = values.keep === undefined ? undefined : idsOf(values.keep)
    if (typeof keep === 'string') return keep
    const runs = values.seconds === undefined ? Number(numbers.runs) : Number.MAX_SAFE_INTEGER
    const jobs = Math.max(1, Math.min(Number(numbers.jobs), runs))
    return { seed: Number(numbers.seed), runs, seconds, jobs, keep, verbose: values.verbose }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function idsOf(text: string): ReadonlySet<number> | string {
  const ids = new Set<number>()
  for (const part of text.split(',')) {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
    if (first === undefined) return `--keep takes numbers of operations, as 0-3,17, not '${text}'`
    for (let id = Number(first); id <= Number(last ?? first); id++) ids.add(id)
  }
  return ids
}

async function shared(wanted: Wanted): Promise<ShareResult[]> {
  const { jobs, runs, seconds, seed, verbose } = wanted
  const shares = Array.from({ length: jobs }, (_, job) => ({
    seed: seed + job,
    step: jobs,
    runs: Math.floor(runs / jobs) + (job < runs % jobs ? 1 : 0),
    seconds,
    verbose,
  }))
  if (jobs === 1) return [await share(shares[0] as Share)]
  return await Promise.all(shares.map(inProcess))
}

function inProcess(part: Share): Promise<ShareResult> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./main.js', import.meta.url), ['--share', JSON.stringify(part)])
    child.on('message', (result) => resolve(result as ShareResult))
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`a process of the simulation ended with code ${code}`)))
  })
}

async function replay(seed: number, keep: ReadonlySet<number>): Promise<number> {
  const plan = planOf(seed)
  const operations = operationsOf(plan).filter(({ id }) => keep.has(id))
  const outcome = await run(plan, operations)
  console.log(JSON.stringify(plan))
  for (const operation of operations) console.log(`  ${operationText(operation)}`)
  console.log(runText(seed, outcome))
  if (outcome.failure === undefined) return 0
  console.log(outcome.failure.message)
  return 1
}

/** The first failure, as short as it gets. */
async function explain(seed: number): Promise<void> {
  const plan = planOf(seed)
  const found = await shrink(plan)
  console.log(`\nseed ${seed}, ${JSON.stringify(plan)}\n${found.message}\n`)
  console.log(`the shortest list of operations found that fails so, ${found.operations.length} of ${plan.operations}:`)
  for (const operation of found.operations) console.log(`  ${operationText(operation)}`)
  const replayed = `npm run sim -- --seed ${seed}`
  console.log(`\nreplay all of it: ${replayed} --runs 1`)
  console.log(`replay these:     ${replayed} --keep ${idsText(found.operations)}`)
}

function idsText(operations: readonly Operation[]): string {
  const parts: string[] = []
  const ids = operations.map(({ id }) => id)
  for (let at = 0; at < ids.length; ) {
    let end = at
    while (ids[end + 1] === (ids[end] as number) + 1) end++
    parts.push(end > at ? `${ids[at]}-${ids[end]}` : `${ids[at]}`)
    at = end + 1
  }
  return parts.join(',')
}

function operationText({ id, kind, ...details }: Operation): string {
  const words = Object.entries(details).map(([name, value]) => {
    const text = typeof value === 'number' ? Number(value.toFixed(4)) : JSON.stringify(value)
    return `${name}=${text}`
  })
  return `${id} ${kind} ${words.join(' ')}`
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''

const runText = (seed: number, { counts, digest, failure }: RunOutcome): string =>
  `seed ${seed} digest ${(digest >>> 0).toString(16).padStart(8, '0')} ${countsText(counts)}${failure === undefined ? '' : ' FAILED'}`

const countsText = (counts: RunCounts): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

function totalsText(runs: number, counts: RunCounts, seconds: number): string {
  const perMinute = Math.round((runs / seconds) * 60)
  return `${runs} runs in ${seconds.toFixed(1)} s (${perMinute} a minute): ${countsText(counts)}`
}
