import { describe, expect, test } from 'vitest'
import { type Difference, findKnown, type KnownDifference } from '../../../support/conformance/differences.js'

const flush: KnownDifference = {
  asked: { aspect: 'request', op: 'f', status: 'Invalid' },
  kernel: 'ok',
  ours: /^E/,
  reason: 'because',
}
const found: Difference = {
  asked: { aspect: 'request', op: 'f', status: 'Invalid', overflowed: 'no' },
  what: 'f on snap',
  expected: 'ok',
  found: 'EIO',
}

describe('a listed difference', () => {
  test('covers what it names', () => {
    expect(findKnown([flush], found)).toBe(flush)
  })

  test.each([
    ['another operation', { ...found, asked: { ...found.asked, op: 'r' } }],
    ['another state', { ...found, asked: { ...found.asked, status: '16/32 16' } }],
    ['another aspect', { ...found, asked: { ...found.asked, aspect: 'data' } }],
    ['a state that is not known', { ...found, asked: { aspect: 'request', op: 'f' } }],
    ['another answer of the kernel', { ...found, expected: 'EIO' }],
    ['another answer of ours', { ...found, found: 'ok' }],
  ] as const)('does not cover %s', (_, other) => {
    expect(findKnown([flush], other)).toBe(undefined)
  })
})
