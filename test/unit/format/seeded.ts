/** Runs a property with a seed that a failure prints together with the command that replays it. */
import fc from 'fast-check'

export function holds<Values>(file: string, property: fc.IProperty<Values>): void {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
  const details = fc.check(property, { seed, numRuns: 1000 })
  if (!details.failed) return
  throw new Error(`${fc.defaultReportMessage(details)}\nReplay: SEED=${seed} npx vitest run test/unit/format/${file}`, {
    cause: details.errorInstance,
  })
}

/** The geometry of any legal chunk size. */
export const anyChunkSectors = fc.integer({ min: 0, max: 21 }).map((log2) => 2 ** log2)
