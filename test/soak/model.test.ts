/** The model test with one seed after the other. A seed that fails belongs into `onceFailing` of test/model. */
import { test } from 'vitest'
import { modelCases } from '../support/model-cases.js'
import { freshSeed } from '../support/model-random.js'
import { runModel } from '../support/model-run.js'
import { graceMs, soakMs } from './soak-minutes.js'

test(
  'every volume shows what the oracle says, seed after seed',
  async () => {
    const end = Date.now() + soakMs
    let operations = 0
    let seeds = 0
    while (Date.now() < end) {
      const seed = freshSeed()
      seeds++
      for (const { name, run } of modelCases) {
        if (Date.now() >= end) break
        try {
          operations += await runModel({ ...run, seed })
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error)
          const replay = `COWRING_SEED=${seed} npx vitest run test/model -t '${name}'`
          throw new Error(`${text}\nReplay: ${replay}`, { cause: error })
        }
      }
    }
    console.log(`model: ${operations} operations, ${seeds} seeds`)
  },
  soakMs + graceMs,
)
