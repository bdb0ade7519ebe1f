import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArenaAllocator, createArenaMemory, pageBytes } from '../../../src/shm/arena.js'
import { holds } from './seeded.js'

const arenaBytes = 64 * pageBytes

describe('the arena', () => {
  test('blocks never overlap, lie page-aligned inside the arena, and all come back', () => {
    const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 20 * pageBytes }), victim: fc.nat() }), {
      maxLength: 200,
    })
    holds(
      'arena.test.ts',
      fc.property(steps, (asked) => {
        const arena = new ArenaAllocator(arenaBytes)
        const owned: { at: number; bytes: number }[] = []
        const pages = new Uint8Array(64)
        const mark = (at: number, bytes: number, to: number) => {
          for (let page = at / pageBytes; page < (at + bytes) / pageBytes; page++) {
            expect(pages[page]).toBe(1 - to)
            pages[page] = to
          }
        }
        for (const { bytes, victim } of asked) {
          const at = arena.allocate(bytes)
          if (at >= 0) {
            expect(at % pageBytes).toBe(0)
            expect(at + bytes).toBeLessThanOrEqual(arenaBytes)
            mark(at, bytes, 1)
            owned.push({ at, bytes })
          }
          if (owned.length > 0 && (at < 0 || victim % 3 === 0)) {
            const [freed] = owned.splice(victim % owned.length, 1)
            if (freed !== undefined) {
              arena.release(freed.at)
              mark(freed.at, freed.bytes, 0)
            }
          }
        }
        for (const { at } of owned) arena.release(at)
        expect(arena.allocate(arenaBytes)).toBe(0)
      }),
    )
  })

  test('a full arena says so, and has room again for exactly what comes back', () => {
    const arena = new ArenaAllocator(arenaBytes)
    const blocks = Array.from({ length: 64 }, () => arena.allocate(1))
    expect(new Set(blocks).size).toBe(64)
    expect(arena.allocate(1)).toBe(-1)
    arena.release(blocks[17] as number)
    expect(arena.allocate(2 * pageBytes)).toBe(-1)
    expect(arena.allocate(pageBytes)).toBe(blocks[17])
  })

  test('more than the arena is refused, not rounded', () => {
    expect(new ArenaAllocator(arenaBytes).allocate(arenaBytes + 1)).toBe(-1)
  })

  test('releasing twice, or what was never a block, is a mistake', () => {
    const arena = new ArenaAllocator(arenaBytes)
    const block = arena.allocate(pageBytes)
    arena.release(block)
    expect(() => arena.release(block)).toThrow()
    expect(() => arena.release(7 * pageBytes)).toThrow()
  })

  test('its memory is shared', () => {
    expect(createArenaMemory(2 ** 20)).toBeInstanceOf(SharedArrayBuffer)
  })
})
