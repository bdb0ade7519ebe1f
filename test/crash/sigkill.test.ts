/**
 * A process killed at any instant leaves an origin and stores that reopen with every snapshot intact, and every write that
 * was acknowledged. What SIGKILL cannot show: a power failure. The page cache outlives the process.
 */
import { expect, test } from 'vitest'
import { crashRounds } from '../support/crash-run.js'
import { freshSeed, seedFromEnvironment } from '../support/model-random.js'

const rounds = 42
const seed = seedFromEnvironment() ?? freshSeed()

test(`a process killed under load, ${rounds} times and as it is opened again, leaves every sector as it may be, seed ${seed}`, async () => {
  try {
    const tally = await crashRounds(seed, rounds)
    console.log(`kills: ${JSON.stringify(tally)}`)
    expect(tally.kills).toBeGreaterThan(rounds)
    expect(tally.acknowledged).toBeGreaterThan(1000)
    // It struck where it aimed: kills that only ever meet idle moments would prove little.
    const { close, closed, load, merge, open, remove, take } = tally.during
    expect(Math.min(load, take, remove, close + closed, merge, open)).toBeGreaterThan(0)
    expect(tally.merges.unfinished).toBeGreaterThan(0)
    expect(tally.withDeaths).toBeGreaterThan(0)
    // How many of them fill up depends on how fast the machine is.
    expect(tally.small.invalid + tally.small.valid).toBeGreaterThan(0)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`${text}\nReplay: COWRING_SEED=${seed} npx vitest run test/crash`, { cause: error })
  }
}, 360_000)
