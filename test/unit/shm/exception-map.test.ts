import { describe, expect, test } from 'vitest'
import { createExceptionMapMemory, ExceptionMap, highestNewChunk, newChunkMax } from '../../../src/shm/exception-map.js'

const segmentChunks = 2 ** 28

describe('the exception map', () => {
  test('what was not published is not there, and new chunk 0 is something', () => {
    const map = new ExceptionMap(createExceptionMapMemory(10))
    expect(map.lookUp(3)).toBe(-1)
    map.publish(3, 0)
    expect([map.lookUp(2), map.lookUp(3), map.lookUp(4)]).toEqual([-1, 0, -1])
  })

  test('the largest new chunk comes back whole; one more is a mistake', () => {
    const map = new ExceptionMap(createExceptionMapMemory(10))
    map.publish(9, newChunkMax)
    expect(map.lookUp(9)).toBe(newChunkMax)
    expect(() => map.publish(9, newChunkMax + 1)).toThrow()
  })

  test('two views of one memory see the same', () => {
    const memory = createExceptionMapMemory(10)
    new ExceptionMap(memory).publish(1, 5)
    expect(new ExceptionMap(memory).lookUp(1)).toBe(5)
  })

  test('chunks on either side of a segment border do not meet', () => {
    const memory = createExceptionMapMemory(segmentChunks + 8)
    expect(memory.map(({ byteLength }) => byteLength)).toEqual([segmentChunks * 4, 32])
    const map = new ExceptionMap(memory)
    map.publish(segmentChunks - 1, 1)
    map.publish(segmentChunks, 2)
    map.publish(segmentChunks + 7, 3)
    expect([map.lookUp(segmentChunks - 1), map.lookUp(segmentChunks), map.lookUp(segmentChunks + 7)]).toEqual([1, 2, 3])
    expect([map.lookUp(0), map.lookUp(7)]).toEqual([-1, -1])
  })

  test('past its end there are no exceptions, and none can be published', () => {
    for (const chunks of [8, segmentChunks + 8]) {
      const map = new ExceptionMap(createExceptionMapMemory(chunks))
      for (const chunk of [chunks, 2 * segmentChunks]) {
        expect(map.lookUp(chunk)).toBe(-1)
        expect(() => map.publish(chunk, 1)).toThrow()
      }
    }
  })

  test('an exception that is taken back is gone, for every view, and can be published again', () => {
    const memory = createExceptionMapMemory(segmentChunks + 8)
    const map = new ExceptionMap(memory)
    for (const chunk of [5, 6, segmentChunks + 1]) map.publish(chunk, chunk)
    map.retract(5)
    map.retract(segmentChunks + 1)
    const other = new ExceptionMap(memory)
    expect([5, 6, segmentChunks + 1].map((chunk) => other.lookUp(chunk))).toEqual([-1, 6, -1])
    map.publish(5, 0)
    expect(other.lookUp(5)).toBe(0)
  })

  test('covers the chunks that can have an exception, and no others', () => {
    const map = new ExceptionMap(createExceptionMapMemory(segmentChunks + 8))
    const inside = [0, segmentChunks - 1, segmentChunks, segmentChunks + 7]
    expect(inside.map((chunk) => map.covers(chunk))).toEqual([true, true, true, true])
    const outside = [segmentChunks + 8, 2 * segmentChunks - 1, 2 * segmentChunks, 2 ** 32 - 1]
    expect(outside.map((chunk) => map.covers(chunk))).toEqual([false, false, false, false])
    const small = new ExceptionMap(createExceptionMapMemory(10))
    expect([9, 10, segmentChunks + 1].map((chunk) => small.covers(chunk))).toEqual([true, false, false])
  })

  test('its highest new chunk is found wherever it is, and none in an empty map', () => {
    const memory = createExceptionMapMemory(1000)
    const map = new ExceptionMap(memory)
    expect(highestNewChunk(memory)).toBeUndefined()
    map.publish(3, 0)
    expect(highestNewChunk(memory)).toBe(0)
    map.publish(999, newChunkMax)
    map.publish(0, 7)
    expect(highestNewChunk(memory)).toBe(newChunkMax)
    map.retract(999)
    expect(highestNewChunk(memory)).toBe(7)
  })
})
