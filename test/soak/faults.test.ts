/** The tests of files that fail underneath, again and again with fresh seeds: another order of writes, another moment. */
import { spawn } from 'node:child_process'
import { test } from 'vitest'
import { freshSeed } from '../support/model-random.js'
import { graceMs, soakMs } from './soak-minutes.js'

test(
  'full, unwritable and truncated files end what they must and nothing else, seed after seed',
  async () => {
    const end = Date.now() + soakMs
    let seeds = 0
    while (Date.now() < end) {
      const seed = freshSeed()
      const { said, status } = await run(seed)
      if (status !== 0) throw new Error(`${said}\nReplay: COWRING_SEED=${seed} npx vitest run test/faults`)
      seeds++
    }
    console.log(`faults: ${seeds} seeds`)
  },
  soakMs + graceMs,
)

function run(seed: number): Promise<{ said: string; status: number | null }> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/faults'], {
    cwd: new URL('../..', import.meta.url).pathname,
    env: { ...Object.fromEntries(own), NO_COLOR: '1', COWRING_SEED: `${seed}` },
  })
  let said = ''
  const hear = (text: Buffer) => {
    said += text
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ said, status }))
  })
}
