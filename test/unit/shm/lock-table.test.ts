import { describe, expect, test } from 'vitest'
import { LockTable, lockStripes, lockTableBytes, mergeOwner } from '../../../src/shm/lock-table.js'

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

describe('the stripes of a merge', () => {
  const merge = mergeOwner(0)

  test('a merge has its stripe once, however often it takes it, and says so to others', () => {
    const locks = table()
    expect([locks.tryHoldForMerge(5, merge), locks.tryHoldForMerge(5, merge)]).toEqual([true, true])
    expect([locks.isHeldByMerge(5, 0), locks.heldCount(), locks.tryHold(5, 1)]).toEqual([true, 1, false])
    expect([locks.releaseOnce(5, merge), locks.releaseOnce(5, merge), locks.heldCount()]).toEqual([true, false, 0])
    expect([locks.isHeldByMerge(5, 0), locks.tryHoldForMerge(5, mergeOwner(1)), locks.isHeldByMerge(5, 0)]).toEqual([
      false,
      true,
      false,
    ])
  })

  test("it does not free what somebody else has, nor does a worker's death free what it has", () => {
    const locks = table()
    locks.tryHold(5, 1)
    locks.tryHoldForMerge(6, merge)
    expect([locks.releaseOnce(5, merge), locks.releaseAllOf(1), locks.heldCount()]).toEqual([false, false, 1])
    expect([locks.isHeldByMerge(5, 0), locks.isHeldByMerge(6, 0)]).toEqual([false, true])
  })

  test('a stripe that a merge waits for is kept for it when it is let go of, whoever else comes', () => {
    const locks = table()
    locks.tryHold(5, 1)
    expect(locks.tryHoldForMerge(5, merge)).toBe(false)
    // Who lets go must ring: the merge is parked.
    expect(locks.release(5)).toBe(true)
    expect([locks.tryHold(5, 1), locks.tryHold(5, 2), locks.isHeldByMerge(5, 0)]).toEqual([false, false, false])
    expect(locks.tryHoldForMerge(5, merge)).toBe(true)
    // And those who came meanwhile are rung by the merge.
    expect(locks.releaseOnce(5, merge)).toBe(true)
    expect([locks.tryHold(5, 2), locks.release(5), locks.heldCount()]).toEqual([true, false, 0])
  })

  test('a stripe that a dead worker held is kept for the merge that waits for it', () => {
    const locks = table()
    locks.tryHold(5, 1)
    locks.tryHoldForMerge(5, merge)
    expect(locks.releaseAllOf(1)).toBe(true)
    expect([locks.tryHold(5, 2), locks.tryHoldForMerge(5, merge)]).toEqual([false, true])
  })

  test('two merges that want one stripe have it one after the other', () => {
    const locks = table()
    const other = mergeOwner(7)
    locks.tryHold(5, 1)
    expect([locks.tryHoldForMerge(5, merge), locks.tryHoldForMerge(5, other)]).toEqual([false, false])
    locks.release(5)
    expect([locks.tryHoldForMerge(5, other), locks.tryHoldForMerge(5, merge)]).toEqual([true, false])
    expect([locks.releaseOnce(5, merge), locks.releaseOnce(5, other)]).toEqual([false, true])
    expect([locks.tryHold(5, 1), locks.tryHoldForMerge(5, merge)]).toEqual([false, true])
    locks.releaseOnce(5, merge)
    expect(locks.heldCount()).toBe(0)
  })
})
