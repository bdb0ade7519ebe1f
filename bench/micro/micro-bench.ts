/** The small steps as tinybench runs them: long for figures (`npm run bench:micro`), and once in the tests. */
import { Bench } from 'tinybench'
import { type MicroCase, microCases } from './micro-cases.js'

export interface Effort {
  /** Of measuring, per step; the same again of warming up. */
  readonly milliseconds: number
  /** Steps at least, however long they take. */
  readonly iterations: number
}

/** Rejects if a step throws: tinybench by itself only notes that. */
export async function runMicroBench(effort: Effort, cases: readonly MicroCase[] = microCases()): Promise<Bench> {
  const { iterations, milliseconds } = effort
  const bench = new Bench({
    time: milliseconds,
    warmupTime: milliseconds,
    iterations,
    warmupIterations: iterations,
    throws: true,
  })
  // Told that they are synchronous, it does not try each step once by itself, which would swallow what that throws.
  for (const { name, step } of cases) bench.add(name, step, { async: false })
  await bench.run()
  return bench
}
