import { describe, expect, test } from 'vitest'
import { entriesKept } from '../../../src/shm/commit-cursor.js'
import { MergeWindow, mergeFault, mergeWindowBytes, windowEnd, windowMax } from '../../../src/shm/merge-window.js'

const chunkMax = 2 ** 32 - 1

function windowOf(exceptions: readonly (readonly [oldChunk: number, newChunk: number])[], from = 0) {
  const memory = new SharedArrayBuffer(mergeWindowBytes)
  const window = new MergeWindow(memory)
  window.open(from, from + exceptions.length)
  for (const [index, [oldChunk, newChunk]] of exceptions.entries()) window.set(index, oldChunk, newChunk)
  return { window, memory }
}

const exceptionsOf = (window: MergeWindow) =>
  Array.from({ length: window.count }, (_, index) => [window.oldChunk(index), window.newChunk(index)])

describe('the window of a merge', () => {
  test('whoever has its memory sees the same exceptions, up to the largest chunk numbers', () => {
    const { memory } = windowOf([
      [7, 2],
      [chunkMax, chunkMax],
    ])
    const other = new MergeWindow(memory)
    expect([other.from, other.end, other.count]).toEqual([0, 2, 2])
    expect(exceptionsOf(other)).toEqual([
      [7, 2],
      [chunkMax, chunkMax],
    ])
    expect([other.has(7), other.has(chunkMax), other.has(2)]).toEqual([true, true, false])
  })

  test('leaves out what stands before a position, and has the rest in its order', () => {
    const { window } = windowOf(
      [
        [1, 10],
        [5, 11],
        [3, 12],
      ],
      40,
    )
    window.dropBefore(41)
    expect([window.from, window.end]).toEqual([41, 43])
    expect(exceptionsOf(window)).toEqual([
      [5, 11],
      [3, 12],
    ])
    // What was dropped, and what lies behind the end from before, is not in it.
    expect([window.has(1), window.has(5), window.has(3)]).toEqual([false, true, true])
    window.dropBefore(43)
    expect([window.count, window.has(3)]).toEqual([0, false])
  })

  test('a run goes on only where both columns ascend by one', () => {
    const { window } = windowOf([
      [10, 2],
      [11, 3],
      [12, 5],
      [14, 6],
      [13, 7],
      [12, 6],
    ])
    expect([1, 2, 3, 4, 5].map((index) => window.continuesRun(index))).toEqual([true, false, false, false, false])
  })

  test('a full window and the entries it keeps do not meet', () => {
    const window = new MergeWindow(new SharedArrayBuffer(mergeWindowBytes))
    window.open(entriesKept, entriesKept + windowMax)
    for (let index = 0; index < windowMax; index++) window.set(index, index, 2 * index)
    window.keepFrom(1)
    for (let position = 1; position < entriesKept; position++) window.keep(position, 5000 + position, 9000 + position)
    expect(window.keptFrom).toBe(1)
    for (const index of [0, 1, windowMax - 1]) {
      expect([window.oldChunk(index), window.newChunk(index)]).toEqual([index, 2 * index])
    }
    for (const position of [1, 2, entriesKept - 1]) {
      expect([window.keptOldChunk(position), window.keptNewChunk(position)]).toEqual([5000 + position, 9000 + position])
    }
    expect([window.has(windowMax - 1), window.has(5001)]).toEqual([true, false])
  })

  test('a fault, an end and a clearing are those of one window: the next begins without', () => {
    const { memory, window } = windowOf([[7, 2]])
    expect([window.fault, window.given, window.clearedBy]).toEqual([mergeFault.none, windowEnd.open, 0])
    window.setFault(mergeFault.corrupt, chunkMax)
    window.give(windowEnd.uncertain)
    window.beginClearing(3)
    const other = new MergeWindow(memory)
    expect([other.fault, other.faultChunk, other.given, other.clearedBy]).toEqual([
      mergeFault.corrupt,
      chunkMax,
      windowEnd.uncertain,
      3,
    ])
    other.endClearing()
    expect(window.clearedBy).toBe(0)
    window.beginClearing(3)
    window.open(0, 1)
    expect([other.fault, other.given, other.clearedBy]).toEqual([mergeFault.none, windowEnd.open, 0])
  })
})
