import { describe, expect, test } from 'vitest'
import { discardBytesMax, extentBytes, extentBytesMax, operation, zeroBytesMax } from '../../../src/wire/operation.js'

/** The ends of the extents that a range is cut into. */
function cuts(asked: number, start: number, end: number, discardBytes: number): number[] {
  const ends: number[] = []
  for (let at = start; at < end; ) {
    at += extentBytes(asked, at, end - at, discardBytes)
    ends.push(at)
  }
  return ends
}

describe('a range is cut into extents', () => {
  test('of at most 1 MiB when bytes move, from where it starts', () => {
    for (const asked of [operation.read, operation.write]) {
      expect(cuts(asked, 512, 2 * extentBytesMax, discardBytesMax)).toEqual([512 + extentBytesMax, 2 * extentBytesMax])
    }
  })

  test('of at most 64 MiB when it is zeroed', () => {
    expect(cuts(operation.zero, 512, 2 * zeroBytesMax, discardBytesMax)).toEqual([512 + zeroBytesMax, 2 * zeroBytesMax])
  })

  test.each([extentBytesMax, 2 ** 25, discardBytesMax])(
    'at multiples of the %i bytes that its volume says when it is discarded, so that no chunk is divided',
    (bytes) => {
      const start = 3 * bytes - 1024
      expect(cuts(operation.discard, start, 5 * bytes + 512, bytes)).toEqual([
        3 * bytes,
        4 * bytes,
        5 * bytes,
        5 * bytes + 512,
      ])
      expect(cuts(operation.discard, 0, 512, bytes)).toEqual([512])
    },
  )

  test('whose length fits the 32 bits of a ring entry', () => {
    expect(Math.max(extentBytesMax, zeroBytesMax, discardBytesMax)).toBeLessThan(2 ** 31)
  })
})
