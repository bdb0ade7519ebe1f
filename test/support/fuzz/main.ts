/** `npm run fuzz [-- RUNS [SEED]]`: mutated stores through loader, check, repair and delta. */
import { freshSeed, runFuzz } from './run-fuzz.js'

const [runs = 100_000, seed = freshSeed()] = process.argv.slice(2).map(Number)
if (!(Number.isSafeInteger(runs) && runs > 0 && Number.isSafeInteger(seed))) {
  console.error('fuzz: give a number of stores, and a seed to replay')
  process.exit(2)
}
const started = performance.now()
try {
  const verdicts = await runFuzz(runs, seed)
  for (const [verdict, count] of [...verdicts].toSorted((a, b) => b[1] - a[1])) console.log(`${count}  ${verdict}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
const seconds = ((performance.now() - started) / 1000).toFixed(1)
const peak = Math.round(process.resourceUsage().maxRSS / 1024)
console.log(`${runs} stores, seed ${seed}: ${seconds} s, peak ${peak} MiB`)
