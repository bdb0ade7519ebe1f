import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeNewChunk, decodeOldChunk, encodeEntry, entryBytes } from '../../../src/format/exception.js'
import { bytesOf, hexOf } from './hex.js'
import { holds } from './seeded.js'

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

describe('an exception entry', () => {
  test.each([
    ['old 5, new 2', 5, 2, '05 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00'],
    ['old 0, new 3: legal, no terminator', 0, 3, '00 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00'],
    ['old 0x123456789a, new 259', 0x123456789a, 259, '9a 78 56 34 12 00 00 00 03 01 00 00 00 00 00 00'],
  ])('%s has the kernel’s bytes, both ways', (_name, oldChunk, newChunk, hex) => {
    const bytes = new Uint8Array(entryBytes)
    encodeEntry(viewOf(bytes), 0, oldChunk, newChunk)
    expect(hexOf(bytes)).toBe(hex)
    expect(decodeOldChunk(viewOf(bytesOf(hex)), 0)).toBe(oldChunk)
    expect(decodeNewChunk(viewOf(bytesOf(hex)), 0)).toBe(newChunk)
  })

  test('a terminator is a new_chunk of 0, whatever old_chunk says', () => {
    expect(decodeNewChunk(viewOf(bytesOf('ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00')), 0)).toBe(0)
  })

  test('every safe integer is decoded equal, at any offset', () => {
    const chunk = fc.maxSafeNat()
    holds(
      'exception.test.ts',
      fc.property(chunk, chunk, fc.nat({ max: 48 }), (oldChunk, before, at) => {
        const newChunk = Math.max(1, before)
        const view = new DataView(new SharedArrayBuffer(64))
        encodeEntry(view, at, oldChunk, newChunk)
        expect([decodeOldChunk(view, at), decodeNewChunk(view, at)]).toEqual([oldChunk, newChunk])
        expect(view.getBigUint64(at, true)).toBe(BigInt(oldChunk))
        expect(view.getBigUint64(at + 8, true)).toBe(BigInt(newChunk))
      }),
    )
  })

  test('a number that is no safe integer is decoded above every safe one', () => {
    const view = new DataView(new ArrayBuffer(entryBytes))
    holds(
      'exception.test.ts',
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (value) => {
        view.setBigUint64(0, value, true)
        view.setBigUint64(8, value, true)
        expect(decodeOldChunk(view, 0)).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
        expect(decodeNewChunk(view, 0)).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
      }),
    )
  })

  test.each([
    [-1, 2],
    [1.5, 2],
    [2 ** 53, 2],
    [0, 0],
    [0, Number.NaN],
  ])('old %d, new %d is a programmer’s mistake', (oldChunk, newChunk) => {
    const view = new DataView(new ArrayBuffer(entryBytes))
    expect(() => encodeEntry(view, 0, oldChunk, newChunk)).toThrow('chunk')
  })
})
