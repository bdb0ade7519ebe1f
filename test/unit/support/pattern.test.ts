import { describe, expect, test } from 'vitest'
import { decodeRuns, patternBytes } from '../../support/pattern.js'

describe('the sector pattern of the recordings', () => {
  test('a sector holds 32 copies of its number, its salt and the two words that follow from them', () => {
    const sector = Buffer.from(patternBytes(7, 1, 3))
    const w2 = (7 * 1664525 + 3 * 1013904223 + 12345) % 2 ** 32
    const w3 = Number((BigInt(w2) * 1664525n + 1013904223n) % 2n ** 32n)
    for (let copy = 0; copy < 32; copy += 1) {
      expect([0, 4, 8, 12].map((word) => sector.readUInt32LE(copy * 16 + word))).toEqual([7, 3, w2, w3])
    }
  })

  test('content decodes into the runs that made it', () => {
    const odd = new Uint8Array(512)
    odd[100] = 1
    const content = Buffer.concat([
      patternBytes(40, 3, 9),
      patternBytes(43, 1, 8),
      patternBytes(100, 2, 8),
      new Uint8Array(1024),
      new Uint8Array(512).fill(0xa5),
      odd,
    ])
    expect(decodeRuns(content)).toEqual([
      [0, 3, 9, 40],
      [3, 1, 8, 43],
      [4, 2, 8, 100],
      [6, 2, -1, 0],
      [8, 1, -2, 0xa5],
      [9, 1, -3, 0],
    ])
  })
})
