/** The simulator, seed after seed, on one processor. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freshSeed } from '../support/model-random.js'
import { graceMs, soakMs } from './soak-minutes.js'

test(
  'simulated runs show what they may and keep the rules, seed after seed',
  async () => {
    const main = fileURLToPath(new URL('../../dist/test/sim/main.js', import.meta.url))
    const words = ['--seed', `${freshSeed()}`, '--seconds', `${soakMs / 1000}`, '--jobs', '1']
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'inherit', 'inherit'] })
    expect(await once(child, 'exit')).toEqual([0, null])
  },
  soakMs + graceMs,
)
