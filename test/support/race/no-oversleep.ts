/** Of every test under pauses: no thread slept until its timeout. Such a sleep ends a hang, and would hide a lost wake-up. */
import { afterEach, expect } from 'vitest'
import { countsOfProcess, slotOf } from './pause-counts.js'

afterEach(() => {
  const slept = Atomics.exchange(countsOfProcess(), slotOf(-1), 0)
  expect(slept, 'sleeps of a worker that nobody ended').toBe(0)
})
