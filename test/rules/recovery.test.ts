/** What a dead worker leaves, at every step where it can die, and what its successor makes of it. */
import { describe, expect, test } from 'vitest'
import { storeState } from '../../src/shm/commit-cursor.js'
import { commitReady } from '../../workers/commit.js'
import type { SnapshotView } from '../../workers/views.js'
import { SteppedEngine, sameBytes, WorkerStopped } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const stop = () => {
  throw new WorkerStopped()
}

function twoWorkers() {
  const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
  return { engine, snapshot: engine.snapshot(), sibling: engine.snapshot({ kind: 'N' }) }
}

/** After recovery: nothing is held, the snapshots show what they should, and the chunk can be written. */
function expectRecovered(engine: SteppedEngine) {
  expect(engine.locks.heldCount()).toBe(0)
  const write = engine.write(1, 0, 0, ofByte(4))
  engine.settle()
  expect(write.outcome).toBe('OK')
  for (const { cursor, volume } of engine.snapshots) {
    if (cursor.state() !== storeState.valid) continue
    const read = engine.read(1, volume, 0, engine.origin.bytes.length)
    engine.settle()
    expect(sameBytes(read.bytes, engine.original(0, engine.origin.bytes.length))).toBe(true)
  }
  expect(engine.locks.heldCount()).toBe(0)
}

describe('a worker that dies', () => {
  test.each([
    // Nothing is claimed before the origin has been read: there is nothing to finish.
    ['while it reads the origin', 'origin', 'read', '0+', [20]],
    ['while it copies', 's1', 'write', 'data', [20, 0]],
    ['while it copies to a transient store', 's2', 'write', 'data', [20, 0]],
    ['before the barrier for data', 's1', 'barrier', '', [20, 0]],
    ['while it writes entries', 's1', 'write', 'area', [20, 0]],
    ['while it writes the origin', 'origin', 'write', '0+', [20, 0]],
  ] as const)('%s leaves nothing that its successor does not finish', (_, file, call, place, saved) => {
    const { engine, snapshot } = twoWorkers()
    const other = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    engine.settle()
    expect(other.outcome).toBe('OK')
    engine.write(0, 0, 0, ofByte(1))
    const files = { origin: engine.origin, s1: snapshot.cow, s2: engine.snapshots[1]?.cow }
    files[file]?.during(call, place, stop)
    engine.dieIn(0)
    engine.replace(0)
    engine.recover(0)
    expect(engine.entriesOf(snapshot).map(([old]) => old)).toEqual(saved)
    expectRecovered(engine)
    expect(snapshot.cursor.state()).toBe(storeState.valid)
  })

  test.each([
    ['all', 3],
    ['some', 2],
  ])(
    'W3: when it had published %s of a group that reaches into a new area, never takes their entries from the disk',
    (_, published) => {
      const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
      const snapshot = engine.snapshot({ chunkSectors: 1, chunks: 256 })
      engine.write(0, 0, 0, ofByte(1, 31 * 512))
      engine.settle()
      // Positions 31 to 33: the last of the first area, and two of the second.
      const write = engine.write(0, 0, 100 * 512, ofByte(2, 3 * 512))
      let left = published
      snapshot.hooks.afterPublish = () => {
        left--
        if (left === 0) stop()
      }
      engine.dieIn(0)
      expect(write.outcome).toBeUndefined()
      snapshot.hooks.afterPublish = undefined
      const isListed = () => {
        const old = engine.entriesOf(snapshot).map(([chunk]) => chunk)
        for (let chunk = 100; chunk < 100 + published; chunk++) expect(old).toContain(chunk)
      }
      isListed()
      snapshot.cow.onEffect = isListed
      engine.replace(0)
      engine.recover(0)
      isListed()
      expect(engine.entriesOf(snapshot)).toHaveLength(34)
      expectRecovered(engine)
      expect(snapshot.cursor.state()).toBe(storeState.valid)
    },
  )

  test('with a snapshot write half done leaves an exception that shows the origin', () => {
    const { engine, snapshot } = twoWorkers()
    engine.write(0, 1, 512, ofByte(9, 512))
    snapshot.cow.during('write', 'data', stop)
    engine.dieIn(0)
    engine.replace(0)
    engine.recover(0)
    expectRecovered(engine)
  })

  test('while another waits for its chunk and for its entry lets both go on after recovery', () => {
    const { engine, snapshot } = twoWorkers()
    engine.write(0, 0, 0, ofByte(1))
    snapshot.cow.during('write', 'data', stop)
    engine.dieIn(0)
    const sameChunk = engine.write(1, 0, 512, ofByte(2, 512))
    const laterPosition = engine.write(1, 0, 20 * chunkBytes, ofByte(3))
    for (let turn = 0; turn < 5; turn++) engine.turn(1)
    expect([sameChunk.outcome, laterPosition.outcome]).toEqual([undefined, undefined])
    engine.replace(0)
    const bell = engine.worker(1).signals.workers[1]
    const before = bell?.read()
    engine.recover(0)
    expect(bell?.read()).not.toBe(before)
    engine.settle()
    expect([sameChunk.outcome, laterPosition.outcome]).toEqual(['OK', 'OK'])
    expect(engine.entriesOf(snapshot).map(([old]) => old)).toEqual([0, 20])
  })

  test('with nothing but a key in its hand has the key freed, and those who wait for it rung', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot({ kind: 'N' })
    engine.write(0, 0, 0, ofByte(1))
    snapshot.cow.during('write', 'data', stop)
    engine.dieIn(0)
    const waiting = engine.write(1, 0, 512, ofByte(2, 512))
    engine.turn(1)
    engine.replace(0)
    const bell = engine.worker(1).signals.workers[1]
    const before = bell?.read()
    engine.recover(0)
    expect(bell?.read()).not.toBe(before)
    engine.settle()
    expect(waiting.outcome).toBe('OK')
  })

  test('while it writes the invalid header has its invalidation completed', () => {
    const { engine, snapshot } = twoWorkers()
    snapshot.cow.fail('write', 'data')
    snapshot.cow.during('write', 'header', stop)
    engine.write(0, 0, 0, ofByte(1))
    engine.dieIn(0)
    const waiting = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    for (let turn = 0; turn < 5; turn++) engine.turn(1)
    expect([snapshot.cursor.state(), waiting.outcome]).toEqual([storeState.invalidating, undefined])
    engine.replace(0)
    engine.recover(0)
    engine.settle()
    expect([snapshot.cursor.state(), waiting.outcome]).toEqual([storeState.invalid, 'OK'])
    expect(engine.headerSaysValid(snapshot)).toBe(false)
    expectRecovered(engine)
  })

  test('between giving up the header and telling the coordinator has the coordinator told', () => {
    const { engine, snapshot } = twoWorkers()
    snapshot.cow.fail('write', '')
    snapshot.hooks.afterFailedHeader = stop
    engine.write(0, 0, 0, ofByte(1))
    engine.dieIn(0)
    snapshot.hooks.afterFailedHeader = undefined
    const events = engine.worker(1).signals.eventCount()
    engine.replace(0)
    engine.recover(0)
    expect(snapshot.cursor.state()).toBe(storeState.invalidating)
    expect(engine.worker(1).signals.eventCount()).toBeGreaterThan(events)
  })

  test('with the claim word in its hand does not stop others from claiming', () => {
    const { engine, snapshot } = twoWorkers()
    expect(snapshot.cursor.tryTakeClaims(1)).toBe(true)
    const write = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    for (let turn = 0; turn < 5; turn++) engine.turn(1)
    expect(write.outcome).toBeUndefined()
    engine.replace(0)
    engine.recover(0)
    engine.settle()
    expect(write.outcome).toBe('OK')
  })

  test('together with another: the first successor finishes the claims of both', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 3 })
    const snapshot = engine.snapshot()
    const waiting = engine.write(2, 0, 40 * chunkBytes, ofByte(3))
    engine.write(0, 0, 0, ofByte(1))
    engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    snapshot.cow.during('write', 'data 2', () => {
      snapshot.cow.during('write', 'data 3', stop)
      engine.dieIn(1)
      stop()
    })
    engine.dieIn(0)
    engine.turn(2)
    expect(waiting.outcome).toBeUndefined()
    engine.replace(0)
    engine.recover(0, [0, 1])
    engine.turn(2)
    expect(waiting.outcome).toBe('OK')
    engine.replace(1)
    engine.recover(1)
    expect(engine.entriesOf(snapshot).map(([old]) => old)).toEqual([0, 20, 40])
    expectRecovered(engine)
  })
})

test('recovery leaves alone what others commit while it looks at the claims', () => {
  const engine = new SteppedEngine({ originBytes: 1024 * 512, workers: 2 })
  const snapshot = engine.snapshot({ chunkSectors: 1, chunks: 1100, barriers: false })
  engine.write(1, 0, 0, ofByte(1, 500 * 512))
  engine.settle()
  // Position 500 is the dead worker's; 501 to 520 are ready and wait for it.
  engine.write(0, 0, 600 * 512, ofByte(2, 512))
  snapshot.cow.during('write', 'data', stop)
  engine.dieIn(0)
  const waiting = engine.write(1, 0, 700 * 512, ofByte(3, 20 * 512))
  engine.turn(1)
  engine.replace(0)
  // The moment 500 is ready, the other worker commits all of them and frees the records up to 511.
  snapshot.hooks.afterReady = () => {
    snapshot.hooks.afterReady = undefined
    commitReady(engine.worker(1), snapshot.views[1] as SnapshotView)
  }
  engine.recover(0)
  engine.settle()
  expect(waiting.outcome).toBe('OK')
  expect(snapshot.cursor.state()).toBe(storeState.valid)
  expect(engine.entriesOf(snapshot)).toHaveLength(521)
})
