/** A barrier that failed has lost what it should have covered, and the system says so once: nobody may be told otherwise later. */
import { describe, expect, test } from 'vitest'
import { invalidationReason, storeState } from '../../src/shm/commit-cursor.js'
import { SteppedEngine, sameBytes } from '../support/stepped-engine.js'
import { SteppedMerge } from '../support/stepped-merge.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

describe('an origin', () => {
  test('whose flush has failed fails every later one, of all workers, though its disk is well again', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.origin.fail('barrier', '', 5, 1)
    const requests = [engine.write(0, 0, 0, ofByte(1))]
    engine.settle()
    for (const worker of [0, 0, 1]) {
      requests.push(engine.flush(worker, 0))
      engine.settle()
    }
    expect(requests.map(({ errno, outcome }) => [outcome, errno])).toEqual([
      ['OK', 0],
      ['IO_ERROR', 5],
      ['IO_ERROR', 5],
      ['IO_ERROR', 5],
    ])
    expect(engine.trace.count('origin barrier')).toBe(1)
  })

  test('into which a snapshot was merged fails its flush when a barrier of the merge has failed', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    engine.write(0, snapshot.volume, 0, ofByte(7))
    engine.settle()
    const merge = new SteppedMerge(engine, snapshot)
    const write = engine.write(0, 0, 9 * chunkBytes, ofByte(8))
    engine.settle()
    engine.origin.fail('barrier', '', 5, 1)
    expect(merge.oneWindow()).toBe('commit')
    merge.giveUp()
    const flush = engine.flush(1, 0)
    engine.settle()
    expect([write.outcome, flush.outcome, flush.errno]).toEqual(['OK', 'IO_ERROR', 5])
    // Nor can it be merged until it is opened again.
    expect(merge.oneWindow({ workerOf: () => 1 })).toBe('commit')
  })

  test('fails its flush also when the store that is merged into it could not be flushed', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    engine.write(0, snapshot.volume, 0, ofByte(7))
    engine.settle()
    new SteppedMerge(engine, snapshot)
    snapshot.cow.fail('barrier', '', 5, 1)
    const flushes = [engine.flush(0, 0), engine.flush(0, 0)]
    engine.settle()
    expect(flushes.map(({ errno, outcome }) => [outcome, errno])).toEqual([
      ['IO_ERROR', 5],
      ['IO_ERROR', 5],
    ])
  })
})

describe('a snapshot whose flush fails', () => {
  const flushed = (barriers: boolean, kind: 'P' | 'N') => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const failing = engine.snapshot({ barriers, kind })
    const sibling = engine.snapshot()
    const write = engine.write(0, 0, 3 * chunkBytes, ofByte(1))
    engine.settle()
    failing.cow.fail('barrier', '', 5, 1)
    const flush = engine.flush(0, failing.volume)
    engine.settle()
    expect([write.outcome, flush.outcome, flush.errno]).toEqual(['OK', 'IO_ERROR', 5])
    const read = engine.read(0, sibling.volume, 0, engine.origin.bytes.length)
    engine.settle()
    expect(sameBytes(read.bytes, engine.original(0, engine.origin.bytes.length))).toBe(true)
    return { engine, failing }
  }

  test('is invalid, durably: copies that waited for their entries may be lost', () => {
    const { engine, failing } = flushed(true, 'P')
    expect([failing.cursor.state(), failing.cursor.reason()]).toEqual([
      storeState.invalid,
      invalidationReason.flushFailed,
    ])
    expect(engine.headerSaysValid(failing)).toBe(false)
    const write = engine.write(0, 0, 4 * chunkBytes, ofByte(2))
    engine.settle()
    expect(write.outcome).toBe('OK')
  })

  test.each([
    ['promises nothing at a power cut', 'P'],
    ['is transient', 'N'],
  ] as const)('stays valid if its store %s', (_, kind) => {
    const { engine, failing } = flushed(false, kind)
    expect(failing.cursor.state()).toBe(storeState.valid)
    const read = engine.read(0, failing.volume, 3 * chunkBytes, chunkBytes)
    engine.settle()
    expect(sameBytes(read.bytes, engine.original(3 * chunkBytes, chunkBytes))).toBe(true)
  })
})
