/**
 * `npm run soak`: the simulator, the crash, model and fault tests, round after round, until it is stopped or a round fails; with
 * COWRING_SOAK_MINUTES one round that takes so long. Every failure prints its seed and the command that replays it.
 */
import { spawnSync } from 'node:child_process'

const roundMinutes = 10
const asked = process.env.COWRING_SOAK_MINUTES
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.soak.config.ts', ...process.argv.slice(2)]

for (let round = 1; ; round++) {
  const { signal, status } = spawnSync(process.execPath, vitest, {
    cwd: new URL('../../../', import.meta.url).pathname,
    env: { ...process.env, COWRING_SOAK_MINUTES: asked ?? `${roundMinutes}` },
    stdio: 'inherit',
  })
  if (status !== 0) {
    console.error(`soak: round ${round} ${signal === null ? 'failed' : `was ended by ${signal}`}`)
    process.exit(status ?? 1)
  }
  console.log(`soak: round ${round} passed`)
  if (asked !== undefined) break
}
