/** Runs a property with a seed that a failure prints together with the command that replays it. */
import fc from 'fast-check'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

/** `file` is the test file, from the repository's root. */
export function holds<Values>(file: string, property: fc.IProperty<Values>, runs = 1000): void {
  report(file, fc.check(property, { seed, numRuns: runs }))
}

/** `seconds` bounds how long it goes on; what was found until then counts. */
export async function holdsInTime<Values>(
  file: string,
  property: fc.IAsyncProperty<Values>,
  { runs, seconds }: { runs: number; seconds: number },
): Promise<void> {
  const limits = { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
  report(file, await fc.check(property, { seed, numRuns: runs, ...limits }))
}

function report<Values>(file: string, details: fc.RunDetails<Values>): void {
  if (!details.failed) return
  const text = fc.defaultReportMessage(details) ?? 'the property failed'
  throw new Error(`${text}\nReplay: SEED=${seed} npx vitest run ${file}`, { cause: details.errorInstance })
}
