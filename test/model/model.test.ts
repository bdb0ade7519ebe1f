/**
 * The engine against an oracle that is obviously right: random operations on an origin and up to four snapshots.
 * A failure prints its seed and the command that replays it.
 */
import { closeSync, constants, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { directRun, modelCases } from '../support/model-cases.js'
import { freshSeed, seedFromEnvironment } from '../support/model-random.js'
import { type ModelRun, runModel } from '../support/model-run.js'

/** Seeds that have failed once, here or in a soak. */
const onceFailing: readonly number[] = []

const given = seedFromEnvironment()
const seeds = given === undefined ? [freshSeed(), ...onceFailing] : [given]

describe.each(seeds)('every volume shows what the oracle says, seed %i', (seed) => {
  test.each(modelCases)('$name', ({ name, run }) => modelHolds(name, { ...run, seed }))
  test.skipIf(!directWorks())('O_DIRECT (skipped where the folder for temporary files lacks it)', () =>
    modelHolds('O_DIRECT', { ...directRun, seed }),
  )
})

async function modelHolds(name: string, run: ModelRun): Promise<void> {
  try {
    expect(await runModel(run)).toBeGreaterThanOrEqual(run.operations)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const replay = `COWRING_SEED=${run.seed} npx vitest run test/model -t '${name}'`
    throw new Error(`${text}\nReplay: ${replay}`, { cause: error })
  }
}

/** Whether files take O_DIRECT requests of one sector. */
function directWorks(): boolean {
  const path = join(tmpdir(), `cowring-direct-${process.pid}`)
  try {
    writeFileSync(path, new Uint8Array(4096))
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT))
    return true
  } catch {
    return false
  } finally {
    rmSync(path, { force: true })
  }
}
