/** Runs every scenario with some seeds, and prints as JSON which of them failed and how. */
import { interpose } from '../system/interpose.js'

interpose()
const { run } = await import('../run.js')
const { scenarios } = await import('./scenario-list.js')

const seedsOfEach = 40
const failures: Record<string, string[]> = {}
for (const { name, operations, plan } of scenarios) {
  failures[name] = []
  for (let seed = 1; seed <= seedsOfEach; seed++) {
    const { failure } = await run({ ...plan, seed, operations: operations.length }, operations)
    if (failure !== undefined) failures[name]?.push(`seed ${seed}: ${failure.message}`)
  }
}
console.log(JSON.stringify(failures))
