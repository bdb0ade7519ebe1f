import { describe, expect, test } from 'vitest'
import { LockTable, lockStripes, lockTableBytes } from '../../../src/shm/lock-table.js'

const table = () => new LockTable(new SharedArrayBuffer(lockTableBytes))

describe('the lock table', () => {
  test('a held stripe is refused to everybody, its owner included', () => {
    const locks = table()
    expect([locks.tryHold(5, 1), locks.tryHold(5, 2), locks.tryHold(5, 1)]).toEqual([true, false, false])
    expect(locks.heldCount()).toBe(1)
  })

  test('the releaser learns whether somebody wants it, and the next holder starts unwanted', () => {
    const locks = table()
    locks.tryHold(5, 1)
    expect(locks.release(5)).toBe(false)
    locks.tryHold(5, 1)
    locks.tryHold(5, 2)
    locks.tryHold(5, 3)
    expect(locks.release(5)).toBe(true)
    expect(locks.tryHold(5, 2)).toBe(true)
    expect(locks.release(5)).toBe(false)
  })

  test("a dead owner's holds are freed, and nobody else's", () => {
    const locks = table()
    for (const stripe of [0, 17, lockStripes - 1]) locks.tryHold(stripe, 16)
    locks.tryHold(18, 8)
    expect(locks.releaseAllOf(16)).toBe(false)
    expect(locks.heldCount()).toBe(1)
    locks.tryHold(18, 2)
    expect(locks.releaseAllOf(8)).toBe(true)
    expect(locks.heldCount()).toBe(0)
  })

  test('stripes lie inside the table, for any key and origin, and neighbours never share one', () => {
    const locks = table()
    const stripes = new Set<number>()
    for (let key = 0; key < 1000; key++) stripes.add(locks.stripeOf(3, key))
    expect(stripes.size).toBe(1000)
    for (const key of [0, 2 ** 31, 2 ** 32, 2 ** 43 + 5]) {
      const stripe = locks.stripeOf(1000, key)
      expect(stripe >= 0 && stripe < lockStripes).toBe(true)
    }
    expect(locks.stripeOf(0, 7)).not.toBe(locks.stripeOf(1, 7))
  })
})
