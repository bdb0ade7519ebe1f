/** Runs a property with a seed that a failure prints together with the command that replays it. */
import fc from 'fast-check'

export function holds<Values>(file: string, property: fc.IProperty<Values>, numRuns = 200): void {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
  const details = fc.check(property, { seed, numRuns })
  if (!details.failed) return
  throw new Error(`${fc.defaultReportMessage(details)}\nReplay: SEED=${seed} npx vitest run test/unit/shm/${file}`, {
    cause: details.errorInstance,
  })
}
