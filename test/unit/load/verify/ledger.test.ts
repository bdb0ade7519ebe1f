/** What may be in a sector, as writes are made and answered, snapshots taken and merged. */
import { describe, expect, it } from 'vitest'
import { closeFork, createLedger, forkLedger, Ledger, rollBack } from '../../../../src/load/verify/ledger.js'

const bounds = ({ ceiling, floor }: { floor: Uint32Array; ceiling: Uint32Array }, index: number) => [
  floor[index],
  ceiling[index],
]

function write(ledger: Ledger, sector: number, count: number, number: number): void {
  expect(ledger.claim(sector, count)).toBe(true)
  ledger.made(sector, count, number, 3, number * 10)
}

describe('a ledger', () => {
  it('lets one write at a time have a sector, and takes all sectors or none', () => {
    const ledger = new Ledger(createLedger(1, 100, 16))
    expect(ledger.claim(104, 4)).toBe(true)
    expect(ledger.claim(100, 5)).toBe(false)
    expect(ledger.claim(107, 1)).toBe(false)
    expect(ledger.claim(100, 4)).toBe(true)
    ledger.answered(104, 4, 1, false)
    expect(ledger.claim(104, 8)).toBe(true)
  })

  it('allows either content while a write is in flight, and the new one when it was answered', () => {
    const ledger = new Ledger(createLedger(1, 100, 16))
    write(ledger, 102, 2, 5)
    expect(bounds(ledger.memory, 2)).toEqual([0, 5])
    expect(bounds(ledger.memory, 4)).toEqual([0, 0])
    ledger.answered(102, 2, 5, false)
    expect(bounds(ledger.memory, 3)).toEqual([5, 5])
    expect([ledger.memory.job[2], ledger.memory.atMs[2]]).toEqual([3, 50])
  })

  it('allows either content after a write that failed, and its sectors can be written again', () => {
    const ledger = new Ledger(createLedger(1, 100, 16))
    write(ledger, 102, 2, 5)
    ledger.answered(102, 2, 5, true)
    expect(bounds(ledger.memory, 2)).toEqual([0, 5])
    write(ledger, 102, 2, 6)
    ledger.answered(102, 2, 6, false)
    expect(bounds(ledger.memory, 2)).toEqual([6, 6])
  })

  it('of a snapshot is bounded by what was answered before, and what was made until it was taken', () => {
    const origin = new Ledger(createLedger(1, 0, 8))
    write(origin, 0, 1, 1)
    origin.answered(0, 1, 1, false)
    write(origin, 0, 1, 2)
    const fork = forkLedger(origin.memory, 2)
    origin.answered(0, 1, 2, false)
    write(origin, 1, 1, 3)
    closeFork(fork, origin.memory, 3)
    write(origin, 2, 1, 4)
    expect([0, 1, 2].map((index) => bounds(fork, index))).toEqual([
      [1, 2],
      [0, 3],
      [0, 0],
    ])
    expect(fork.inherited[0]).toBe(3)
  })

  it('of an origin is that of the snapshot when it was merged', () => {
    const origin = new Ledger(createLedger(1, 0, 8))
    const fork = forkLedger(origin.memory, 2)
    closeFork(fork, origin.memory, 0)
    write(origin, 0, 1, 1)
    origin.answered(0, 1, 1, false)
    const snapshot = new Ledger(fork)
    write(snapshot, 1, 1, 2)
    snapshot.answered(1, 1, 2, false)
    rollBack(origin.memory, fork, 2)
    expect([0, 1].map((index) => bounds(origin.memory, index))).toEqual([
      [0, 0],
      [2, 2],
    ])
    expect(origin.memory.inherited[0]).toBe(2)
  })

  it('of too many sectors is refused with the number that is possible', () => {
    expect(() => createLedger(1, 0, 2 ** 31)).toThrow(/check at most 113025455/)
  })
})
