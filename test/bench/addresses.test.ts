/** The addresses that both sides of a comparison draw from. */
import { describe, expect, it } from 'vitest'
import { EachChunkOnce, RandomAddresses, SequentialAddresses, shuffledChunks } from '../../bench/grid/addresses.js'

describe('addresses', () => {
  it('each chunk comes once, and then no more', () => {
    const chunks = shuffledChunks(1000, 7)
    const addresses = new EachChunkOnce(chunks, 4096)
    const seen = new Set(Array.from({ length: 1000 }, () => addresses.next()))
    expect(seen.size).toBe(1000)
    expect(Math.max(...seen)).toBe(999 * 4096)
    expect(addresses.next()).toBe(-1)
  })

  it('random addresses are whole blocks, cover the file, and repeat for a seed', () => {
    const addresses = new RandomAddresses(64 * 512, 512, 3)
    const again = new RandomAddresses(64 * 512, 512, 3)
    const drawn = Array.from({ length: 2000 }, () => addresses.next())
    expect(drawn).toEqual(Array.from({ length: 2000 }, () => again.next()))
    expect(new Set(drawn).size).toBe(64)
    expect(drawn.every((offset) => offset % 512 === 0 && offset < 64 * 512)).toBe(true)
  })

  it('sequential addresses of several threads together visit every block in turn', () => {
    const first = new SequentialAddresses(8 * 512, 512, 0, 2)
    const second = new SequentialAddresses(8 * 512, 512, 1, 2)
    const drawn = Array.from({ length: 5 }, () => [first.next(), second.next()]).flat()
    expect(drawn.map((offset) => offset / 512)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0, 1])
  })
})
