/** So many mutated stores, from one seed; what came of them is counted. */
import fc from 'fast-check'
import { judgeStore, type Verdict } from './judge-store.js'
import { storePlans } from './mutated-store.js'

export const freshSeed = (): number => Date.now() % 2 ** 31

/**
 * Throws with the smallest store that fails, the seed, and the command that replays it. With `seconds` it ends after them,
 * however many it has looked at.
 */
export async function runFuzz(runs: number, seed: number, seconds?: number): Promise<ReadonlyMap<Verdict, number>> {
  const verdicts = new Map<Verdict, number>()
  const property = fc.asyncProperty(storePlans, async (plan) => {
    const verdict = await judgeStore(plan)
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  })
  const limit = seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 }
  const details = await fc.check(property, { seed, numRuns: runs, ...limit })
  if (!details.failed) return verdicts
  const text = fc.defaultReportMessage(details) ?? 'the property failed'
  throw new Error(`${text}\nReplay: npm run fuzz -- ${runs} ${seed}`, { cause: details.errorInstance })
}
