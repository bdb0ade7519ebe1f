/** The crash test, kill after kill. */
import { test } from 'vitest'
import { crashRounds } from '../support/crash-run.js'
import { freshSeed } from '../support/model-random.js'
import { graceMs, soakMs } from './soak-minutes.js'

test(
  'a killed process leaves every sector as it may be, kill after kill',
  async () => {
    const end = Date.now() + soakMs
    const seed = freshSeed()
    try {
      const tally = await crashRounds(seed, Number.POSITIVE_INFINITY, () => Date.now() < end)
      console.log(`kills: ${JSON.stringify(tally)}`)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(`${text}\nSeed ${seed}; replay: COWRING_SEED=${seed} npx vitest run test/crash`, { cause: error })
    }
  },
  soakMs + graceMs,
)
