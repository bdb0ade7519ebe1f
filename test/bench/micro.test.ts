/** The micro benchmarks still run. What they measure is not asserted anywhere. */
import { describe, expect, it } from 'vitest'
import { microCases, readSink } from '../../bench/micro/micro-cases.js'

/** More than once, so that the steps that go round have gone round. */
const steps = 300

describe('micro benchmarks', () => {
  it.each(microCases())('runs: $name', ({ step }) => {
    for (let count = 0; count < steps; count++) step()
    expect(readSink()).not.toBeNaN()
  })
})
