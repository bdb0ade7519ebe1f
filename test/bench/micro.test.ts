/** The micro benchmarks still run, as tinybench runs them. What they measure is not asserted anywhere. */
import { expect, it } from 'vitest'
import { runMicroBench } from '../../bench/micro/micro-bench.js'
import { microCases, readSink } from '../../bench/micro/micro-cases.js'

/** More than one step, so that those that go round have gone round. */
const once = { milliseconds: 0, iterations: 300 }

it('every micro benchmark runs', async () => {
  const { tasks } = await runMicroBench(once)
  expect(tasks.map(({ name, result }) => [name, result.state])).toEqual(
    microCases().map(({ name }) => [name, 'completed']),
  )
  for (const { runs } of tasks) expect(runs).toBeGreaterThanOrEqual(once.iterations)
  expect(readSink()).not.toBeNaN()
})

it.each([
  ['the hop over a ring', /^ring: push, publish, take/],
  ['the lock', /^lock table: hold and release/],
  ['the look-up in a map', /^exception map: look/],
  ['claim and commit', /^store in memory: claim and commit/],
  ['the codec, encoding', /^exceptions: encode/],
  ['the codec, decoding', /^exceptions: decode/],
])('there is one of %s', (_subject, name) => {
  expect(microCases().filter((one) => name.test(one.name))).toHaveLength(1)
})

it.each([1, 200])('one that breaks at its step %i is noticed', async (last) => {
  let steps = 0
  const breaks = () => {
    if (++steps === last) throw new Error(`broken at step ${last}`)
  }
  const cases = [...microCases().slice(0, 1), { name: 'one that breaks', step: breaks }]
  await expect(runMicroBench(once, cases)).rejects.toThrow(`broken at step ${last}`)
})
