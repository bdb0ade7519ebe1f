import { planOf, operationsOf } from './operations.js'
import { run } from './run.js'
import { real } from './system/interpose.js'

export async function command(words: readonly string[]): Promise<number> {
  const seed = Number(words[words.indexOf('--seed') + 1])
  const runs = Number(words[words.indexOf('--runs') + 1])
  const start = real.nowMs()
  const totals = { operations: 0, answers: 0, crashes: 0, faults: 0, kills: 0, merges: 0 }
  let failures = 0
  for (let each = seed; each < seed + runs; each++) {
    const plan = planOf(each)
    const before = real.nowMs()
    const outcome = await run(plan, operationsOf(plan), () => [])
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += outcome.counts[key]
    if (words.includes('-v')) console.log(each, JSON.stringify(plan), JSON.stringify(outcome.counts), outcome.digest, `${(real.nowMs() - before).toFixed(0)} ms`)
    if (outcome.failure !== undefined) {
      failures++
      console.log(`seed ${each}: ${outcome.failure.message} (after operation ${outcome.failure.operation})`, JSON.stringify(plan))
    }
  }
  console.log(`${runs} runs in ${((real.nowMs() - start) / 1000).toFixed(1)} s, ${failures} failed`, JSON.stringify(totals))
  return failures > 0 ? 1 : 0
}
