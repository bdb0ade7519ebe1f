/** Runs a property with a seed that a failure prints together with the command that replays it. */
import fc from 'fast-check'

export async function holds<Values>(
  file: string,
  property: fc.IAsyncProperty<Values> | fc.IProperty<Values>,
  numRuns = 300,
): Promise<void> {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
  const details = await fc.check(property as fc.IAsyncProperty<Values>, { seed, numRuns })
  if (!details.failed) return
  throw new Error(`${fc.defaultReportMessage(details)}\nReplay: SEED=${seed} npx vitest run test/unit/cli/${file}`, {
    cause: details.errorInstance,
  })
}
