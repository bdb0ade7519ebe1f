/**
 * `npm run mutations`: whether the simulator has teeth. It must pass the engine as it is, and catch each of the ways to break it
 * (mutation-list.ts) within the time.
 */
import { parseArgs } from 'node:util'
import { checkAll, type Outcome, tryOut } from './mutant.js'
import { type Mutation, mutations } from './mutation-list.js'

/** What the engine as it is must pass first. */
const unbrokenRuns = 20
const unbrokenSeconds = 600

/** Seeds that the engine as it is passes, and those that it does not. */
const passed = new Set<number>()
const failed = new Set<number>()

const widths = [40, 46, 6, 6, 8, 110]

const usage = `usage: npm run mutations -- [--only NAME]... [--seconds 120] [--seed 1] [--jobs 1] [--hard] [--list]`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
    hard: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const [seconds, firstSeed, jobs] = [values.seconds, values.seed, values.jobs].map(Number) as [number, number, number]
const names = new Set(values.only ?? mutations.map(({ name }) => name))
const isAsked = ({ caughtBy }: Mutation): boolean => values.only !== undefined || values.hard || caughtBy === undefined
const chosen = mutations.filter((mutation) => names.delete(mutation.name) && isAsked(mutation))

if (values.help || names.size > 0 || !(seconds > 0 && firstSeed >= 0 && jobs >= 1)) {
  console.log(names.size > 0 ? `there is no mutation ${[...names].join(', ')}` : usage)
  process.exitCode = values.help ? 0 : 2
} else if (values.list) {
  for (const { file, name, rule } of chosen) console.log(`${name}: ${rule} (${file})`)
} else process.exitCode = (await isUnbrokenPassed()) && (await areAllCaught()) ? 0 : 1

async function isUnbrokenPassed(): Promise<boolean> {
  checkAll(mutations)
  const outcome = await tryOut(undefined, { firstSeed, seconds: unbrokenSeconds, runs: unbrokenRuns })
  if (outcome.kind === 'survived') {
    for (let run = 0; run < outcome.runs; run++) passed.add(firstSeed + run)
    console.log(`the engine as it is passes ${outcome.runs} runs (${outcome.seconds.toFixed(1)} s)\n`)
    return true
  }
  console.log(`the engine as it is fails with seed ${outcome.seed}: ${outcome.text}`)
  return false
}

async function areAllCaught(): Promise<boolean> {
  const rows: { readonly mutation: Mutation; readonly outcome: Outcome }[] = []
  const left = [...chosen]
  console.log(rowText(['mutation', 'breaks', 'seed', 'runs', 'seconds', 'what the simulator says']))
  const takeOne = async (): Promise<void> => {
    for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
      const outcome = await outcomeFor(mutation)
      rows.push({ mutation, outcome })
      console.log(rowText([mutation.name, mutation.rule, ...cellsOf(outcome)]))
    }
  }
  await Promise.all(Array.from({ length: jobs }, takeOne))
  const caught = rows.filter(({ outcome }) => outcome.kind === 'caught')
  console.log(`\n${caught.length} of ${rows.length} are caught within ${seconds} s each`)
  console.log(`by these seeds: ${seedsText(caught)}`)
  for (const { caughtBy, name } of mutations.filter((mutation) => !isAsked(mutation))) {
    console.log(`not tried without --hard: ${name}; caught by ${caughtBy}`)
  }
  const others = rows.filter((row) => !caught.includes(row)).map(({ mutation }) => mutation.name)
  if (others.length > 0) console.log(`not caught: ${others.join(', ')}`)
  if (failed.size > 0) console.log(`the engine as it is fails with seeds ${[...failed].join(', ')}`)
  return others.length === 0 && failed.size === 0
}

/** A seed that the engine as it is does not pass either has caught nothing: on with the next one. */
async function outcomeFor(mutation: Mutation): Promise<Outcome> {
  let [seed, runs, used] = [firstSeed, 0, 0]
  for (;;) {
    const outcome = await tryOut(mutation, { firstSeed: seed, seconds: seconds - used, runs: Number.MAX_SAFE_INTEGER })
    runs += outcome.runs
    if (outcome.kind === 'unreported') return { ...outcome, runs }
    used += outcome.seconds
    if (outcome.kind === 'survived' || !(await failsUnbroken(outcome.seed))) return { ...outcome, runs, seconds: used }
    seed = outcome.seed + 1
  }
}

async function failsUnbroken(seed: number): Promise<boolean> {
  if (!passed.has(seed) && !failed.has(seed)) {
    const { kind } = await tryOut(undefined, { firstSeed: seed, seconds: unbrokenSeconds, runs: 1 })
    if (kind === 'survived') passed.add(seed)
    else failed.add(seed)
  }
  return failed.has(seed)
}

function cellsOf(outcome: Outcome): string[] {
  if (outcome.kind === 'survived') return ['none', `${outcome.runs}`, outcome.seconds.toFixed(1), 'NOT CAUGHT']
  if (outcome.kind === 'unreported')
    return ['none', `${outcome.runs}`, '-', `NOT REPORTED, seed ${outcome.seed}: ${outcome.text}`]
  return [`${outcome.seed}`, `${outcome.runs}`, outcome.seconds.toFixed(1), outcome.text]
}

/** Each seed with the mutations that it was the first to catch. */
function seedsText(rows: readonly { readonly mutation: Mutation; readonly outcome: Outcome }[]): string {
  const counts = new Map<number, number>()
  for (const { outcome } of rows)
    if (outcome.kind === 'caught') counts.set(outcome.seed, (counts.get(outcome.seed) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([seed, count]) => `${seed} (${count})`)
    .join(', ')
}

function rowText(cells: readonly string[]): string {
  return cells
    .map((cell, column) => cell.slice(0, widths[column]).padEnd(widths[column] ?? 0))
    .join(' ')
    .trimEnd()
}
