/**
 * `npm run race-hunt`: the tests of threads under random pauses, round after round, each with a seed of its own, until
 * COWRING_SOAK_MINUTES (10 by default) have passed or a round fails. What follows the command goes to vitest: a file, `-t NAME`.
 */
import { spawnSync } from 'node:child_process'
import { freshSeed } from '../model-random.js'

const minutes = Number(process.env.COWRING_SOAK_MINUTES ?? 10)
if (!(minutes > 0)) throw new Error(`COWRING_SOAK_MINUTES must be a number of minutes, not ${minutes}`)
const end = Date.now() + minutes * 60_000
const chosen = process.argv.slice(2)
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.race.config.ts', ...chosen]

let rounds = 0
while (Date.now() < end) {
  const seed = freshSeed()
  const startMs = Date.now()
  rounds++
  const round = spawnSync(process.execPath, vitest, {
    cwd: new URL('../../../../', import.meta.url).pathname,
    env: { ...process.env, COWRING_RACE_SEED: `${seed}`, SEED: `${seed}` },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const seconds = ((Date.now() - startMs) / 1000).toFixed(0)
  if (round.status !== 0) {
    console.error(`${round.stdout}\n${round.stderr}`)
    const words = chosen.map((word) => `'${word}'`).join(' ')
    console.error(`round ${rounds}, seed ${seed}: failed after ${seconds} s. Again, as far as threads allow, with`)
    console.error(`COWRING_RACE_SEED=${seed} SEED=${seed} npx vitest run --config vitest.race.config.ts ${words}`)
    process.exit(1)
  }
  console.log(`round ${rounds}, seed ${seed}: passed in ${seconds} s`)
}
