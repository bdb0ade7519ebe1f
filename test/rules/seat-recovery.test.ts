/** What a thread leaves that ends in the middle of a run in place, at every place where it can end, and what a worker makes of it. */
import { describe, expect, test } from 'vitest'
import { storeState } from '../../src/shm/commit-cursor.js'
import { turnStrides } from '../../workers/turn.js'
import { SteppedEngine, type SteppedSnapshot, sameBytes, WorkerStopped } from '../support/stepped-engine.js'

const chunkBytes = 4096
const originBytes = 64 * chunkBytes
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const stop = () => {
  throw new WorkerStopped()
}

/** A worker, and a seat that begins to write chunks 0 to 2 and 9, of which the worker has 9 in hand. */
function begun() {
  const engine = new SteppedEngine({ originBytes, workers: 2 })
  const snapshot = engine.snapshot()
  engine.snapshot({ kind: 'N' })
  const seat = engine.seat()
  const others = engine.write(1, 0, 9 * chunkBytes + 512, ofByte(2, 512))
  return { engine, others, seat, snapshot }
}

function beginWrites(engine: SteppedEngine, seat: number): (() => number | undefined)[] {
  return [
    engine.beginInPlace(seat, 0, 0, ofByte(1, 3 * chunkBytes)),
    engine.beginInPlace(seat, 0, 9 * chunkBytes, ofByte(1, 512)),
  ]
}

/** Nothing is held, no copy is lost, and no chunk saved twice. */
function expectWhole(engine: SteppedEngine, snapshot: SteppedSnapshot): void {
  engine.settle()
  expect(engine.locks.heldCount()).toBe(0)
  expect(snapshot.cursor.state()).toBe(storeState.valid)
  expect(snapshot.cursor.claimed()).toBe(snapshot.cursor.committed())
  const saved = engine.entriesOf(snapshot).map(([old]) => old)
  expect(new Set(saved).size).toBe(saved.length)
  const again = engine.write(0, 0, 0, ofByte(4, 16 * chunkBytes))
  engine.settle()
  expect(again.outcome).toBe('OK')
  for (const { volume } of engine.snapshots) {
    const read = engine.read(1, volume, 0, originBytes)
    engine.settle()
    expect(sameBytes(read.bytes, engine.original(0, originBytes))).toBe(true)
  }
  expect(engine.locks.heldCount()).toBe(0)
}

describe('a thread that ends in the middle of a run in place', () => {
  test.each(Array.from({ length: 3 * turnStrides.length }, (_, strides) => [strides]))(
    'after %i strides leaves nothing held, and loses no copy',
    (strides) => {
      const { engine, others, seat, snapshot } = begun()
      snapshot.cow.during('write', 'data', () => {
        beginWrites(engine, seat)
        engine.strides(seat, strides)
      })
      engine.turn(1)
      engine.endSeat(seat, 0)
      engine.settle()
      expect(others.outcome).toBe('OK')
      expectWhole(engine, snapshot)
    },
  )

  test.each([
    ['while it reads the origin', 'origin', 'read', '0+'],
    ['while it copies', 's1', 'write', 'data'],
    ['while it copies to a transient store', 's2', 'write', 'data'],
    ['before the barrier for data', 's1', 'barrier', ''],
    ['while it writes entries', 's1', 'write', 'area'],
    ['while it writes the origin', 'origin', 'write', '0+'],
  ] as const)('%s leaves nothing held, and loses no copy', (_, file, call, place) => {
    const { engine, seat, snapshot } = begun()
    engine.settle()
    beginWrites(engine, seat)
    const files = { origin: engine.origin, s1: snapshot.cow, s2: engine.snapshots[1]?.cow }
    files[file]?.during(call, place, stop)
    engine.dieIn(seat)
    engine.endSeat(seat, 0)
    expectWhole(engine, snapshot)
  })

  test('what waits for a key or a place of it goes on when a worker has finished that', () => {
    const { engine, seat, snapshot } = begun()
    engine.settle()
    beginWrites(engine, seat)
    engine.strides(seat, 2)
    const waiting = engine.write(1, 0, chunkBytes, ofByte(5))
    const behind = engine.write(1, 0, 20 * chunkBytes, ofByte(5))
    engine.turn(1)
    engine.turn(1)
    expect([waiting.outcome, behind.outcome]).toEqual([undefined, 'OK'])
    engine.endSeat(seat, 0)
    engine.settle()
    expect(waiting.outcome).toBe('OK')
    expectWhole(engine, snapshot)
  })

  test('one that lives is answered, and leaves nothing either', () => {
    const { engine, seat, snapshot } = begun()
    engine.settle()
    const answers = beginWrites(engine, seat)
    expect(answers.map((answer) => answer())).toEqual([undefined, undefined])
    engine.settle()
    expect(answers.map((answer) => answer())).toEqual([0, 0])
    expectWhole(engine, snapshot)
  })
})
