import { describe, expect, test } from 'vitest'
import { readStamp, stampSectors } from '../../support/self-describing.js'

const stamped = (device: number, firstSector: number, sequence: number, sectors = 1): Uint8Array => {
  const bytes = new Uint8Array(sectors * 512)
  stampSectors(bytes, { device, firstSector, sequence })
  return bytes
}

describe('self-describing sectors', () => {
  test('a stamp reads back as written, also beyond 32 bits', () => {
    const bytes = stamped(3, 2 ** 40 + 7, 2 ** 45 + 1, 3)
    for (const index of [0, 1, 2]) {
      expect(readStamp(bytes, index * 512)).toEqual({ device: 3, sector: 2 ** 40 + 7 + index, sequence: 2 ** 45 + 1 })
    }
  })

  test('a sector never written reads as zero, and one flipped bit of it is damage', () => {
    const bytes = new Uint8Array(512)
    expect(readStamp(bytes, 0)).toEqual({ zero: true })
    bytes[511] = 1
    expect(readStamp(bytes, 0)).toHaveProperty('damage')
  })

  test('any flipped bit is damage', () => {
    const bytes = stamped(1, 99, 1234)
    for (let bit = 0; bit < 512 * 8; bit += 1) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(readStamp(flipped, 0), `bit ${bit}`).toHaveProperty('damage')
    }
  })

  test.each([
    ['another sequence', stamped(1, 99, 1235)],
    ['another sector', stamped(1, 100, 1234)],
    ['another device', stamped(2, 99, 1234)],
    ['zeroes', new Uint8Array(512)],
  ])('a sector torn between a stamp and %s is damage wherever it is cut, in either order', (_name, other) => {
    const bytes = stamped(1, 99, 1234)
    for (const [head, tail] of [
      [bytes, other],
      [other, bytes],
    ] as const) {
      for (let cut = 1; cut < 512; cut += 1) {
        const torn = head.slice()
        torn.set(tail.subarray(cut), cut)
        // Cut inside bytes that both share, the result is one of the two, whole.
        if (Buffer.compare(torn, head) === 0 || Buffer.compare(torn, tail) === 0) continue
        expect(readStamp(torn, 0), `cut at ${cut}`).toHaveProperty('damage')
      }
    }
  })

  test('stamps work on shared memory and on views that start anywhere', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4096))
    stampSectors(shared.subarray(1024, 2048), { device: 9, firstSector: 50, sequence: 1 })
    expect(readStamp(shared, 512)).toEqual({ zero: true })
    expect(readStamp(shared.subarray(512), 512)).toEqual({ device: 9, sector: 50, sequence: 1 })
    expect(readStamp(shared, 1536)).toEqual({ device: 9, sector: 51, sequence: 1 })
  })
})
