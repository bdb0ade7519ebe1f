/** Runs a property with a seed that a failure prints together with the command that replays it. */
import fc from 'fast-check'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

/** `file` is the test file, from the repository's root. */
export function holds<Values>(file: string, property: fc.IProperty<Values>, runs = 1000): void {
  report(file, fc.check(property, { seed, numRuns: runs }))
}

/** As `holds`, for what takes time: after `seconds` the runs that are left look at nothing. */
export async function holdsInTime<Value>(
  file: string,
  arbitrary: fc.Arbitrary<Value>,
  look: (value: Value) => Promise<void>,
  { runs, seconds }: { runs: number; seconds: number },
): Promise<void> {
  const end = Date.now() + seconds * 1000
  const property = fc.asyncProperty(arbitrary, async (value) => {
    if (Date.now() < end) await look(value)
  })
  report(file, await fc.check(property, { seed, numRuns: runs }))
}

function report<Values>(file: string, details: fc.RunDetails<Values>): void {
  if (!details.failed) return
  const text = fc.defaultReportMessage(details) ?? 'the property failed'
  throw new Error(`${text}\nReplay: SEED=${seed} npx vitest run ${file}`, { cause: details.errorInstance })
}
