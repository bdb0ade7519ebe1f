/** One short round of the race hunt, so that what it runs under stays in working order. `npm run race-hunt` goes on for as long as you let it. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { freshSeed } from '../support/model-random.js'

const files = ['test/race/under-pauses', 'test/threads/torture.test.ts', 'test/threads/merge-steering.test.ts']
const few = 'paused|2 workers, (process-crash|chunks of 8)|while its merge ends'
const seed = Number(process.env.COWRING_RACE_SEED ?? freshSeed())

test(`the tests of threads pass with random pauses at every call of Atomics, seed ${seed}`, () => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.race.config.ts', '-t', few, ...files]
  const round = spawnSync(process.execPath, words, {
    cwd: new URL('../..', import.meta.url).pathname,
    env: { ...Object.fromEntries(own), NO_COLOR: '1', COWRING_RACE_SEED: `${seed}`, SEED: `${seed}` },
    encoding: 'utf8',
  })
  const said = `${round.stdout}\n${round.stderr}`
  expect(round.status, `${said}\nReplay: COWRING_RACE_SEED=${seed} npx vitest run test/race`).toBe(0)
  // It is said of each thread how often it was paused.
  expect(said).toMatch(/thread 1: [1-9]\d+/)
}, 240_000)
