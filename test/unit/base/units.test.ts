import { expect, test } from 'vitest'
import { isPowerOfTwo } from '../../../src/base/units.js'

test('the powers of two are powers of two, and their neighbours are not', () => {
  for (let exponent = 0; exponent <= 52; exponent++) {
    const power = 2 ** exponent
    expect(isPowerOfTwo(power), `2^${exponent}`).toBe(true)
    if (exponent > 1)
      expect([isPowerOfTwo(power - 1), isPowerOfTwo(power + 1)], `beside 2^${exponent}`).toEqual([false, false])
  }
})

test.each([0, -1, -2, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('%d is not counted as one', (value) => {
  expect(isPowerOfTwo(value)).toBe(false)
})
