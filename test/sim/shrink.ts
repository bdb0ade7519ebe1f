/**
 * The shortest list of operations that fails as the whole run does: parts are left out as long as it still fails, larger ones first.
 *
 * "As the whole run does" means with the same words, numbers apart: a list that fails in another way says something else.
 */
import { type Operation, operationsOf, type RunPlan } from './operations.js'
import { run } from './run.js'
import { real } from './system/interpose.js'

/** Long enough for a few hundred tries. */
const secondsMax = 20

export interface Shrunk {
  readonly operations: readonly Operation[]
  readonly message: string
}

export async function shrink(plan: RunPlan): Promise<Shrunk> {
  let operations: readonly Operation[] = operationsOf(plan)
  const whole = await run(plan, operations)
  const { failure } = whole
  if (failure === undefined)
    return { operations, message: 'it passes now: what failed did not depend on the seed alone' }
  let { message } = failure
  const kind = kindOf(message)
  operations = operations.filter(({ id }) => id <= failure.operation)
  const endMs = real.nowMs() + secondsMax * 1000
  for (let size = Math.ceil(operations.length / 2); size >= 1; ) {
    let isShorter = false
    for (let start = 0; start < operations.length && real.nowMs() < endMs; ) {
      const fewer = [...operations.slice(0, start), ...operations.slice(start + size)]
      const outcome = await run(plan, fewer)
      if (outcome.failure !== undefined && kindOf(outcome.failure.message) === kind) {
        operations = fewer
        message = outcome.failure.message
        isShorter = true
      } else start += size
    }
    if (real.nowMs() >= endMs) break
    if (size === 1 && !isShorter) break
    size = isShorter && size === 1 ? 1 : Math.floor(size / 2)
  }
  return { operations, message }
}

const kindOf = (message: string): string =>
  (message.split('\n', 1)[0] ?? '').replace(/(write )?\d+( or .*)?/g, '#').replace(/zeroes|a mixture/g, '#')
