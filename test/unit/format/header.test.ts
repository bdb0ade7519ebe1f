import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHeader, diskVersion, encodeHeader, headerBytes } from '../../../src/format/header.js'
import { bytesOf, hexOf } from './hex.js'
import { holds } from './seeded.js'

describe('the header', () => {
  test.each([
    ['a fresh store, chunk 8', true, 8, '53 6e 41 70 01 00 00 00 01 00 00 00 08 00 00 00'],
    ['the same after invalidation', false, 8, '53 6e 41 70 00 00 00 00 01 00 00 00 08 00 00 00'],
    ['a fresh store, chunk 16', true, 16, '53 6e 41 70 01 00 00 00 01 00 00 00 10 00 00 00'],
    ['a fresh store, chunk 1024', true, 1024, '53 6e 41 70 01 00 00 00 01 00 00 00 00 04 00 00'],
  ])('%s has the kernel’s bytes, both ways', (_name, valid, chunkSectors, hex) => {
    const header = { valid, version: diskVersion, chunkSectors }
    const bytes = new Uint8Array(headerBytes)
    encodeHeader(header, bytes, 0)
    expect(hexOf(bytes)).toBe(hex)
    expect(decodeHeader(bytesOf(hex), 0)).toEqual({ kind: 'store', header })
  })

  test('any value but 0 in the field is valid', () => {
    expect(decodeHeader(bytesOf('53 6e 41 70 00 00 00 80 01 00 00 00 08 00 00 00'), 0)).toHaveProperty(
      'header.valid',
      true,
    )
  })

  test('four zero bytes are a fresh COW, whatever follows them', () => {
    expect(decodeHeader(bytesOf('00 00 00 00 01 00 00 00 09 00 00 00 ff ff ff ff'), 0)).toEqual({ kind: 'fresh' })
  })

  test('any other magic is foreign and is reported', () => {
    const foreign = bytesOf('53 6e 41 71 01 00 00 00 01 00 00 00 08 00 00 00')
    expect(decodeHeader(foreign, 0)).toEqual({ kind: 'foreign', magic: 0x71416e53 })
  })

  test('versions and chunk sizes are reported as they are, for the loader to judge', () => {
    const odd = bytesOf('53 6e 41 70 01 00 00 00 02 00 00 00 ff ff ff ff')
    expect(decodeHeader(odd, 0)).toEqual({
      kind: 'store',
      header: { valid: true, version: 2, chunkSectors: 0xffffffff },
    })
  })

  test('what is encoded is decoded equal, anywhere in shared memory, and touches 16 bytes only', () => {
    const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    const header = fc.record({ valid: fc.boolean(), version: uint32, chunkSectors: uint32 })
    holds(
      'header.test.ts',
      fc.property(header, fc.nat({ max: 47 }), (given, at) => {
        const bytes = new Uint8Array(new SharedArrayBuffer(72), 8, 64).fill(0xa5)
        encodeHeader(given, bytes, at)
        expect(decodeHeader(bytes, at)).toEqual({ kind: 'store', header: given })
        expect(bytes.filter((byte, index) => byte !== 0xa5 && (index < at || index >= at + headerBytes))).toHaveLength(
          0,
        )
      }),
    )
  })

  test('a header that does not fit its buffer or its fields is a programmer’s mistake', () => {
    const header = { valid: true, version: 1, chunkSectors: 8 }
    expect(() => encodeHeader(header, new Uint8Array(20), 5)).toThrow('16 bytes')
    expect(() => decodeHeader(new Uint8Array(15), 0)).toThrow('16 bytes')
    expect(() => encodeHeader({ ...header, chunkSectors: 2 ** 32 }, new Uint8Array(16), 0)).toThrow('32-bit')
  })
})
