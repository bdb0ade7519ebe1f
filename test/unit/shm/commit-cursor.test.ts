import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CommitCursor,
  commitCursorBytes,
  entriesKept,
  recordCapacity,
  storeState,
} from '../../../src/shm/commit-cursor.js'
import { holds } from './seeded.js'

const cursorAt = (committed = 0) => {
  const cursor = new CommitCursor(new SharedArrayBuffer(commitCursorBytes))
  cursor.initialize(committed, 1000)
  return cursor
}
const commitAll = (cursor: CommitCursor) => {
  expect(cursor.tryTakeCommit(1)).toBe(true)
  cursor.advance(cursor.readyEnd())
  cursor.releaseCommit()
}

describe('positions', () => {
  test('a claim is pending until it is committed, and says which chunk it is for', () => {
    const cursor = cursorAt()
    expect(cursor.claim(77)).toBe(0)
    expect([cursor.isPending(77), cursor.isPending(78), cursor.oldChunkAt(0)]).toEqual([true, false, 77])
    expect(cursor.hasReady()).toBe(false)
    cursor.markReady(0, 5)
    commitAll(cursor)
    expect([cursor.isPending(77), cursor.committed()]).toEqual([false, 1])
  })

  test('the ready end stops at the first gap', () => {
    const cursor = cursorAt()
    for (let chunk = 0; chunk < 5; chunk++) cursor.claim(chunk)
    for (const position of [0, 1, 3, 4]) cursor.markReady(position, position)
    expect(cursor.readyEnd()).toBe(2)
    commitAll(cursor)
    expect([cursor.committed(), cursor.hasReady()]).toEqual([2, false])
    cursor.markReady(2, 2)
    expect(cursor.readyEnd()).toBe(5)
  })

  test('room runs out when as many are open as there are records, and comes back in whole blocks of kept entries', () => {
    const cursor = cursorAt()
    for (let chunk = 0; chunk < recordCapacity; chunk++) cursor.claim(chunk)
    expect(cursor.room()).toBe(0)
    for (let position = 0; position < entriesKept + 1; position++) cursor.markReady(position, position)
    commitAll(cursor)
    expect([cursor.cleared(), cursor.room()]).toEqual([entriesKept, entriesKept])
  })

  test('cleared ≤ committed ≤ claimed, and the block of the next entry is always there to be written', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 700 }), fc.boolean()), { maxLength: 60 })
    holds(
      'commit-cursor.test.ts',
      fc.property(steps, fc.nat(1000), (groups, start) => {
        const cursor = cursorAt(start)
        for (let position = start - (start % entriesKept); position < start; position++) {
          cursor.keepCommitted(position, position * 3, position * 7)
        }
        for (const [count, all] of groups) {
          const claims = Math.min(count, cursor.room())
          for (let index = 0; index < claims; index++) {
            const position = cursor.claim(cursor.claimed() * 3)
            if (all || index % 5 !== 4) cursor.markReady(position, position * 7)
          }
          commitAll(cursor)
          expect(cursor.cleared()).toBeLessThanOrEqual(cursor.committed())
          expect(cursor.committed()).toBeLessThanOrEqual(cursor.claimed())
          const kept = cursor.committed() - (cursor.committed() % entriesKept)
          expect(cursor.cleared()).toBeLessThanOrEqual(kept)
          for (let position = kept; position < cursor.committed(); position++) {
            expect([cursor.oldChunkAt(position), cursor.newChunkAt(position)]).toEqual([position * 3, position * 7])
          }
          for (let position = cursor.committed(); position < cursor.claimed(); position++) {
            if (!cursor.isReady(position)) cursor.markReady(position, position * 7)
          }
        }
      }),
      60,
    )
  })

  test('a record is anonymous again, and not ready, before it is claimed the second time', () => {
    const cursor = cursorAt()
    for (let round = 0; round < 3 * recordCapacity; round += entriesKept) {
      for (let index = 0; index < entriesKept; index++) {
        const position = cursor.claim(round + index)
        expect(cursor.isReady(position)).toBe(false)
        cursor.markReady(position, position)
      }
      commitAll(cursor)
    }
    expect(cursor.committed()).toBe(3 * recordCapacity)
  })
})

describe('words', () => {
  test('one thread at a time claims, and one commits; the words name them', () => {
    const cursor = cursorAt()
    expect([cursor.tryTakeClaims(1), cursor.tryTakeClaims(2)]).toEqual([true, false])
    expect([cursor.tryTakeCommit(2), cursor.tryTakeCommit(1)]).toEqual([true, false])
    cursor.releaseClaims()
    cursor.releaseCommit()
    expect([cursor.tryTakeClaims(2), cursor.tryTakeCommit(1)]).toEqual([true, true])
  })

  test('a dead owner loses the words it held, and only those', () => {
    const cursor = cursorAt()
    expect([cursor.tryTakeClaims(1), cursor.tryTakeCommit(2)]).toEqual([true, true])
    cursor.releaseWordsOf(1)
    expect([cursor.tryTakeClaims(3), cursor.tryTakeCommit(3)]).toEqual([true, false])
    cursor.releaseWordsOf(2)
    expect(cursor.tryTakeCommit(3)).toBe(true)
  })
})

describe('the state of a store', () => {
  test('valid to overflow to invalidating to invalid, and never back', () => {
    const cursor = cursorAt()
    cursor.overflow()
    expect(cursor.state()).toBe(storeState.overflow)
    expect(cursor.beginInvalidation(3, 1, 28)).toBe(true)
    expect([cursor.state(), cursor.invalidator()]).toEqual([storeState.invalidating, 3])
    cursor.overflow()
    expect(cursor.state()).toBe(storeState.invalidating)
    cursor.finishInvalidation()
    cursor.overflow()
    expect([cursor.state(), cursor.reason(), cursor.errno()]).toEqual([storeState.invalid, 1, 28])
  })

  test('exactly one thread writes the invalid header, and its reason stands', () => {
    const cursor = cursorAt()
    expect([cursor.beginInvalidation(1, 2, 5), cursor.beginInvalidation(2, 3, 6)]).toEqual([true, false])
    cursor.finishInvalidation()
    expect([cursor.beginInvalidation(2, 3, 6), cursor.reason(), cursor.errno()]).toEqual([false, 2, 5])
  })
})

describe('a store that is being merged', () => {
  const filled = (count: number) => {
    const cursor = cursorAt()
    for (let chunk = 0; chunk < count; chunk++) {
      cursor.claim(1000 + chunk)
      cursor.markReady(chunk, chunk)
    }
    commitAll(cursor)
    return cursor
  }
  const positions = (cursor: CommitCursor) => [cursor.cleared(), cursor.committed(), cursor.claimed()]

  test('has nothing committed, claimed or ready from where its list ends now', () => {
    const cursor = filled(100)
    cursor.retreat(60)
    expect(positions(cursor)).toEqual([60, 60, 60])
    expect([cursor.hasReady(), cursor.readyEnd(), cursor.room()]).toEqual([false, 60, recordCapacity])
    for (const chunk of [1000, 1059, 1060, 1099]) expect(cursor.isPending(chunk)).toBe(false)
  })

  test('goes on with the entries that share a block with the next one, and takes exceptions again', () => {
    const cursor = filled(600)
    for (const end of [590, 520, 300]) {
      const keptFrom = end - (end % entriesKept)
      cursor.retreat(end)
      for (let position = keptFrom; position < end; position++) cursor.keepCommitted(position, position, 7 * position)
      expect(positions(cursor)).toEqual([keptFrom, end, end])
    }
    // No record of what was merged is taken for a claim of today.
    for (let chunk = 0; chunk < 400; chunk++) {
      expect(cursor.claim(chunk)).toBe(300 + chunk)
      expect(cursor.isReady(300 + chunk)).toBe(false)
    }
    expect(cursor.hasReady()).toBe(false)
    for (let position = 300; position < 700; position++) cursor.markReady(position, position)
    expect(cursor.readyEnd()).toBe(700)
    expect([cursor.oldChunkAt(256), cursor.newChunkAt(299)]).toEqual([256, 7 * 299])
    commitAll(cursor)
    expect(positions(cursor)).toEqual([512, 700, 700])
  })

  test('can be emptied, and twice to the same place', () => {
    const cursor = filled(40)
    cursor.retreat(0)
    cursor.retreat(0)
    expect(positions(cursor)).toEqual([0, 0, 0])
    expect([cursor.claim(5), cursor.isReady(0)]).toEqual([0, false])
  })
})
