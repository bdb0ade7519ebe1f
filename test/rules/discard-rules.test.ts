/** Discards and zeroes on a worker: what they do to the store, to the origin, and beside writes of the same chunk. */
import { describe, expect, test } from 'vitest'
import { storeState } from '../../src/shm/commit-cursor.js'
import {
  SteppedEngine,
  type SteppedSnapshot,
  type SteppedSnapshotOptions,
  sameBytes,
} from '../support/stepped-engine.js'

const chunkBytes = 4096
const originBytes = 64 * chunkBytes
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const zeroes = (byteLength: number) => new Uint8Array(byteLength)

/** An engine whose snapshot has been written to in chunks 0 and 1. */
function forked(options: SteppedSnapshotOptions = { discards: 'zeroes' }, size = originBytes) {
  const engine = new SteppedEngine({ originBytes: size, workers: 2 })
  const snapshot = engine.snapshot(options)
  engine.write(0, 1, 0, ofByte(7, 2 * chunkBytes))
  engine.settle()
  engine.trace.clear()
  return { engine, snapshot }
}

function done(engine: SteppedEngine, request: ReturnType<SteppedEngine['read']>) {
  engine.settle()
  return request.outcome
}

function content(engine: SteppedEngine, volume: number, byteOffset: number, byteLength: number): Uint8Array {
  const read = engine.read(0, volume, byteOffset, byteLength)
  expect(done(engine, read)).toBe('OK')
  return read.bytes
}

/** A write to the origin that the snapshot does not survive. */
function invalidate(engine: SteppedEngine, snapshot: SteppedSnapshot): void {
  snapshot.cow.fail('write', '')
  engine.write(0, 0, 5 * chunkBytes, ofByte(1))
  engine.settle()
  engine.trace.clear()
}

describe('a discard of a snapshot', () => {
  test('zeroes a whole chunk that the store has, and keeps its exception', () => {
    const { engine, snapshot } = forked()
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual(['s1 zero data 2+4096'])
    expect(sameBytes(content(engine, 1, 0, chunkBytes), zeroes(chunkBytes))).toBe(true)
    expect(sameBytes(content(engine, 1, chunkBytes, chunkBytes), ofByte(7))).toBe(true)
    expect(engine.entriesOf(snapshot)).toEqual([
      [0, 2],
      [1, 3],
    ])
  })

  test('of neighbouring chunks in the store is one call', () => {
    const { engine } = forked()
    expect(done(engine, engine.discard(0, 1, 0, 2 * chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual(['s1 zero data 2+8192'])
  })

  test('of a whole chunk needs no COW that can discard', () => {
    const { engine, snapshot } = forked()
    snapshot.cow.fail('discard', '', 95)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('OK')
  })

  test.each([
    [0, 512],
    [512, chunkBytes - 512],
    [1024, 2048],
  ])('of a part, from %i on, %i bytes long, is passed to that place of the store', (start, byteLength) => {
    const { engine } = forked()
    expect(done(engine, engine.discard(0, 1, start, byteLength))).toBe('OK')
    expect(engine.trace.lines).toEqual([`s1 discard data 2+${byteLength}`])
    const expected = ofByte(7)
    expected.fill(0, start, start + byteLength)
    expect(sameBytes(content(engine, 1, 0, chunkBytes), expected)).toBe(true)
  })

  test('that reaches into a second chunk zeroes the whole one and passes the part on', () => {
    const { engine } = forked()
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes + 512))).toBe('OK')
    expect(engine.trace.lines).toEqual(['s1 zero data 2+4096', 's1 discard data 3+512'])
  })

  test('of a part fails with NOT_SUPPORTED where the COW cannot discard, and with IO_ERROR where it fails', () => {
    const { engine, snapshot } = forked()
    snapshot.cow.fail('discard', '', 95, 1)
    const refused = engine.discard(0, 1, 0, 512)
    expect([done(engine, refused), refused.errno]).toEqual(['NOT_SUPPORTED', 95])
    snapshot.cow.fail('discard', '', 5)
    const failed = engine.discard(0, 1, 0, 512)
    expect([done(engine, failed), failed.errno]).toEqual(['IO_ERROR', 5])
  })

  test('whose zeroes fail says so, and the snapshot stays valid, as after a failed write in place', () => {
    const { engine, snapshot } = forked()
    snapshot.cow.fail('zero', '', 5, 1)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('IO_ERROR')
    expect(snapshot.cursor.state()).toBe(storeState.valid)
    expect(sameBytes(content(engine, 1, 0, chunkBytes), ofByte(7))).toBe(true)
  })

  test('changes nothing where there is no exception: the origin shows through, and no room is taken', () => {
    const { engine, snapshot } = forked()
    expect(done(engine, engine.discard(0, 1, 5 * chunkBytes, 9 * chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual([])
    expect(snapshot.cursor.claimed()).toBe(2)
    const shown = content(engine, 1, 5 * chunkBytes, chunkBytes)
    expect(sameBytes(shown, engine.original(5 * chunkBytes, chunkBytes))).toBe(true)
  })

  test('never changes the origin', () => {
    const { engine } = forked()
    expect(done(engine, engine.discard(0, 1, 0, originBytes))).toBe('OK')
    expect(sameBytes(engine.origin.bytes, engine.original(0, originBytes))).toBe(true)
  })

  test("the origin's last, short chunk is a part of one, also when all of it is discarded", () => {
    const size = 2 * chunkBytes - 1024
    const engine = new SteppedEngine({ originBytes: size })
    engine.snapshot({ discards: 'zeroes' })
    engine.write(0, 1, chunkBytes, ofByte(7, size - chunkBytes))
    engine.settle()
    engine.trace.clear()
    expect(done(engine, engine.discard(0, 1, chunkBytes, size - chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual([`s1 discard data 2+${size - chunkBytes}`])
  })

  test('is done for a transient store as well, whose first chunk is data', () => {
    const { engine } = forked({ kind: 'N', discards: 'zeroes' })
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes + 512))).toBe('OK')
    expect(engine.trace.lines).toEqual(['s1 zero data 0+4096', 's1 discard data 1+512'])
  })

  test('takes no key, and costs the look at the map', () => {
    const { engine, snapshot } = forked()
    let held = -1
    snapshot.cow.during('zero', '', () => {
      held = engine.locks.heldCount()
    })
    engine.discard(0, 1, 0, chunkBytes)
    engine.settle()
    expect(held).toBe(0)
  })
})

describe('a snapshot refuses a discard', () => {
  test('without the feature, and nothing changes', () => {
    const { engine } = forked({})
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('NOT_SUPPORTED')
    expect(engine.trace.lines).toEqual([])
  })

  test('without the feature before it says that it is invalid, as a device does that has no discards', () => {
    const { engine, snapshot } = forked({})
    invalidate(engine, snapshot)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('NOT_SUPPORTED')
  })

  test('when it is invalid', () => {
    const { engine, snapshot } = forked()
    invalidate(engine, snapshot)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('SNAPSHOT_INVALID')
    expect(engine.trace.lines).toEqual([])
  })

  test('when it has overflowed, also of chunks that it has', () => {
    const { engine, snapshot } = forked({ kind: 'PO', chunks: 5, discards: 'zeroes' })
    engine.write(0, 1, 5 * chunkBytes, ofByte(1, 2 * chunkBytes))
    engine.settle()
    expect(snapshot.cursor.state()).toBe(storeState.overflow)
    engine.trace.clear()
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('SNAPSHOT_OVERFLOW')
    expect(engine.trace.lines).toEqual([])
  })
})

describe('a discard with passdown', () => {
  test('discards the same range in the origin, past every exception', () => {
    const { engine, snapshot } = forked({ discards: 'zeroes-and-passdown' })
    expect(done(engine, engine.discard(0, 1, 0, 3 * chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual(['s1 zero data 2+8192', 'origin discard 0+12288'])
    expect(snapshot.cursor.claimed()).toBe(2)
    expect(sameBytes(content(engine, 0, 0, 3 * chunkBytes), zeroes(3 * chunkBytes))).toBe(true)
    expect(sameBytes(content(engine, 1, 0, 3 * chunkBytes), zeroes(3 * chunkBytes))).toBe(true)
  })

  test('is refused while the origin has another snapshot, and harms neither', () => {
    const { engine } = forked({ discards: 'zeroes-and-passdown' })
    engine.snapshot()
    expect(done(engine, engine.discard(0, 1, 0, 3 * chunkBytes))).toBe('NOT_SUPPORTED')
    expect(engine.trace.lines).toEqual([])
    expect(sameBytes(content(engine, 2, 0, 3 * chunkBytes), engine.original(0, 3 * chunkBytes))).toBe(true)
  })

  test('fails with NOT_SUPPORTED where the origin cannot discard', () => {
    const { engine } = forked({ discards: 'zeroes-and-passdown' })
    engine.origin.fail('discard', '', 95)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('NOT_SUPPORTED')
  })

  test('is not done in the origin when the store failed', () => {
    const { engine, snapshot } = forked({ discards: 'zeroes-and-passdown' })
    snapshot.cow.fail('zero', '', 5)
    expect(done(engine, engine.discard(0, 1, 0, chunkBytes))).toBe('IO_ERROR')
    expect(engine.trace.count('origin discard')).toBe(0)
  })
})

describe('a discard beside a write of the same chunk', () => {
  test('that came before the exception is published is ordered before the write', () => {
    const { engine, snapshot } = forked()
    let outcome: unknown
    // The write's data is in the store and its entry is being written: claimed, not published.
    snapshot.cow.during('write', 'area', () => {
      const discard = engine.discard(1, 1, 5 * chunkBytes, chunkBytes)
      engine.turn(1)
      outcome = discard.outcome
    })
    const write = engine.write(0, 1, 5 * chunkBytes, ofByte(9))
    expect(done(engine, write)).toBe('OK')
    expect(outcome).toBe('OK')
    expect(sameBytes(content(engine, 1, 5 * chunkBytes, chunkBytes), ofByte(9))).toBe(true)
  })

  test('that came after the write was answered zeroes what it wrote, on any worker', () => {
    const { engine } = forked()
    engine.write(0, 1, 5 * chunkBytes, ofByte(9))
    engine.settle()
    expect(done(engine, engine.discard(1, 1, 5 * chunkBytes, chunkBytes))).toBe('OK')
    expect(sameBytes(content(engine, 1, 5 * chunkBytes, chunkBytes), zeroes(chunkBytes))).toBe(true)
  })

  test("does not keep the snapshot from the origin's old bytes, whatever the origin's write has come to", () => {
    const { engine } = forked()
    let outcome: unknown
    engine.origin.during('read', '', () => {
      const discard = engine.discard(1, 1, 5 * chunkBytes, chunkBytes)
      engine.turn(1)
      outcome = discard.outcome
    })
    expect(done(engine, engine.write(0, 0, 5 * chunkBytes, ofByte(9)))).toBe('OK')
    expect(outcome).toBe('OK')
    const kept = content(engine, 1, 5 * chunkBytes, chunkBytes)
    expect(sameBytes(kept, engine.original(5 * chunkBytes, chunkBytes))).toBe(true)
  })
})

describe('an origin', () => {
  test('without snapshots discards and zeroes with one call each', () => {
    const engine = new SteppedEngine({ originBytes })
    expect(done(engine, engine.discard(0, 0, 512, 1024))).toBe('OK')
    expect(done(engine, engine.zero(0, 0, chunkBytes, 8192))).toBe('OK')
    expect(engine.trace.lines).toEqual(['origin discard 512+1024', 'origin zero 4096+8192'])
  })

  test('that cannot discard refuses; a failure is an I/O error', () => {
    const engine = new SteppedEngine({ originBytes })
    engine.origin.fail('discard', '', 95, 1)
    const refused = engine.discard(0, 0, 0, 512)
    expect([done(engine, refused), refused.errno]).toEqual(['NOT_SUPPORTED', 95])
    engine.origin.fail('discard', '', 5)
    expect(done(engine, engine.discard(0, 0, 0, 512))).toBe('IO_ERROR')
    engine.origin.fail('zero', '', 28)
    const full = engine.zero(0, 0, 0, 512)
    expect([done(engine, full), full.errno]).toEqual(['IO_ERROR', 28])
  })

  test('with snapshots refuses discards, also of chunks that they all have', () => {
    const { engine } = forked()
    expect(done(engine, engine.discard(0, 0, 0, chunkBytes))).toBe('NOT_SUPPORTED')
    expect(done(engine, engine.discard(0, 0, 5 * chunkBytes, chunkBytes))).toBe('NOT_SUPPORTED')
    expect(engine.trace.lines).toEqual([])
  })

  test('P1: zeroes in place are refused while a snapshot lacks a chunk of the range', () => {
    const { engine } = forked()
    expect(done(engine, engine.zero(0, 0, 0, 3 * chunkBytes))).toBe('NOT_SUPPORTED')
    expect(engine.trace.lines).toEqual([])
    expect(sameBytes(engine.origin.bytes, engine.original(0, originBytes))).toBe(true)
  })

  test('zeroes chunks that every snapshot has in place, and they keep theirs', () => {
    const { engine } = forked()
    expect(done(engine, engine.zero(0, 0, 0, 2 * chunkBytes))).toBe('OK')
    expect(engine.trace.lines).toEqual(['origin zero 0+8192'])
    expect(sameBytes(content(engine, 1, 0, 2 * chunkBytes), ofByte(7, 2 * chunkBytes))).toBe(true)
  })

  test('W5: zeroes in place are refused while an invalidation is not durable', () => {
    const { engine, snapshot } = forked()
    let outcome: unknown
    snapshot.cow.fail('write', 'data', 5)
    snapshot.cow.during('write', 'header', () => {
      const zero = engine.zero(1, 0, 0, chunkBytes)
      engine.turn(1)
      outcome = zero.outcome
    })
    engine.write(0, 0, 5 * chunkBytes, ofByte(1))
    engine.settle()
    expect(outcome).toBe('NOT_SUPPORTED')
    expect(done(engine, engine.zero(0, 0, 0, originBytes))).toBe('OK')
  })
})

test('zeroes of a snapshot are left to ordinary writes', () => {
  const { engine } = forked()
  expect(done(engine, engine.zero(0, 1, 0, chunkBytes))).toBe('NOT_SUPPORTED')
  expect(engine.trace.lines).toEqual([])
})
