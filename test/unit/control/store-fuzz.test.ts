/** Loader, check, repair and delta on mutated stores. `npm run fuzz` looks at 100,000. */
import { expect, it } from 'vitest'
import { freshSeed, runFuzz } from '../../support/fuzz/run-fuzz.js'

it('loader, check, repair and delta agree about mutated stores: 10,000, or as many as 15 seconds allow', {
  timeout: 60_000,
}, async () => {
  const verdicts = await runFuzz(10_000, freshSeed(), 15)
  expect(verdicts.size).toBeGreaterThan(6)
})
