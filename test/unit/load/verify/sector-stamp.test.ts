/** Sectors that describe themselves, and what a damaged one says. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Damage, damageOf } from '../../../../src/load/verify/damage.js'
import {
  blankReading,
  fingerprint,
  readStamp,
  type Stamp,
  sectorBytes,
  stampSectors,
  wordsOf,
} from '../../../../src/load/verify/sector-stamp.js'

const base: Stamp = { runLow: 7, runHigh: 8, volume: 1, job: 2, write: 1000, atMs: 12_345 }

function stamped(firstSector: number, count: number, stamp: Partial<Stamp> = {}): Uint8Array {
  const bytes = new Uint8Array(count * sectorBytes)
  stampSectors(wordsOf(bytes), { ...base, ...stamp }, firstSector, count)
  return bytes
}

const read = (bytes: Uint8Array, at = 0) => {
  const reading = blankReading()
  readStamp(wordsOf(bytes), at, reading)
  return reading
}

const numbers = fc.record({
  runLow: fc.nat(2 ** 32 - 1),
  volume: fc.nat(65_535),
  job: fc.nat(65_534),
  write: fc.integer({ min: 1, max: 2 ** 32 - 2 }),
  atMs: fc.nat(2 ** 32 - 1),
})

describe('a stamped sector', () => {
  it('gives back everything that was stamped, also beyond 2 TiB', () => {
    fc.assert(
      fc.property(numbers, fc.nat(2 ** 43), fc.integer({ min: 1, max: 8 }), (stamp, firstSector, count) => {
        const bytes = stamped(firstSector, count, stamp)
        for (let index = 0; index < count; index++) {
          const { hasMagic, isWhole, ...rest } = read(bytes, index * 128)
          expect([hasMagic, isWhole]).toEqual([true, true])
          expect(rest).toEqual({ ...base, ...stamp, sector: firstSector + index, firstSector, sectorCount: count })
        }
      }),
    )
  })

  it('is not whole when any single bit of it is another, and the bit is named', () => {
    const right = stamped(42, 1)
    for (let at = 0; at < sectorBytes * 8; at++) {
      const [byte, bit] = [at >>> 3, at & 7]
      const bytes = right.slice()
      bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
      const reading = read(bytes)
      expect(reading.isWhole).toBe(false)
      if (at % 37 === 0) expect(damageOf(bytes, reading, 42, 1000, 0)).toEqual({ kind: 'flipped', byte, bit })
    }
  })

  it('has a fingerprint of its own, and only zeroes have 0', () => {
    const prints = new Set(
      Array.from({ length: 5000 }, (_, write) => fingerprint(wordsOf(stamped(5, 1, { write })), 0)),
    )
    expect(prints.size).toBe(5000)
    expect(prints.has(0)).toBe(false)
    expect(fingerprint(new Uint32Array(128), 0)).toBe(0)
    for (let word = 0; word < 128; word++) {
      const words = new Uint32Array(128)
      words[word] = 1
      expect(fingerprint(words, 0)).not.toBe(0)
    }
  })
})

describe('a torn sector', () => {
  /** To the word; what is torn within one may look as if it were not, by chance. */
  const tornAt = (damage: Damage) => (damage.kind === 'torn' ? damage.atByte : damage.kind)
  const heads = fc.integer({ min: 60, max: 500 })

  it('is known by where the head of the write ends', () => {
    fc.assert(
      fc.property(heads, fc.constantFrom('older', 'zeroes'), (byte, tail) => {
        const bytes = tail === 'zeroes' ? new Uint8Array(sectorBytes) : stamped(42, 1, { write: 900, atMs: 1 })
        bytes.set(stamped(42, 1).subarray(0, byte))
        expect(tornAt(damageOf(bytes, read(bytes), 42, 1000, 0))).toBeOneOf([byte - (byte % 4), byte - (byte % 4) + 4])
      }),
    )
  })

  it('is known by where the tail of the write begins', () => {
    fc.assert(
      fc.property(heads, (byte) => {
        const bytes = stamped(42, 1)
        bytes.fill(0, 0, byte)
        const wordEnd = Math.ceil(byte / 4) * 4
        expect(tornAt(damageOf(bytes, read(bytes), 42, 1000, 77))).toBeOneOf([wordEnd, wordEnd - 4])
      }),
    )
  })

  it('is known when it is torn within the header', () => {
    const bytes = stamped(42, 1, { write: 900, atMs: 1 })
    bytes.set(stamped(42, 1).subarray(0, 40))
    expect(damageOf(bytes, read(bytes), 42, 1000, 0)).toEqual({ kind: 'torn', atByte: 56 })
  })

  it('is not one whose middle is damaged, nor one of bytes that nobody wrote', () => {
    const bytes = stamped(42, 1)
    bytes.fill(0, 200, 240)
    expect(damageOf(bytes, read(bytes), 42, 1000, 0)).toEqual({ kind: 'unknown' })
    const noise = Uint8Array.from({ length: sectorBytes }, (_, index) => (index * 31 + 7) % 251)
    expect(damageOf(noise, read(noise), 42, 1000, 0)).toEqual({ kind: 'unknown' })
  })

  it('a bit of what was there before the run is named, too', () => {
    const noise = Uint8Array.from({ length: sectorBytes }, (_, index) => (index * 31 + 7) % 251)
    const before = fingerprint(wordsOf(noise), 0)
    noise[77] = (noise[77] as number) ^ 8
    expect(damageOf(noise, read(noise), 42, 0, before)).toEqual({ kind: 'flipped', byte: 77, bit: 3 })
  })
})
