/**
 * The error matrix, row by row: what each failure does to its snapshot, to the snapshot's own writes, to the origin's write
 * and to the siblings. An origin write is never failed because a snapshot failed.
 */
import { describe, expect, test } from 'vitest'
import { invalidationReason, storeState } from '../../src/shm/commit-cursor.js'
import { SteppedEngine, type SteppedSnapshot } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

/** An origin with the snapshot that is to fail, and a sibling of the same and one of another chunk size. */
function family(kind: 'P' | 'PO' | 'N', chunks = 64) {
  const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
  const failing = engine.snapshot({ kind, chunks })
  const siblings = [engine.snapshot({ kind: 'N' }), engine.snapshot({ chunkSectors: 16 })]
  return { engine, failing, siblings }
}

/** The siblings show every chunk as it was, from their stores and from the origin. */
function expectGood(engine: SteppedEngine, snapshots: readonly SteppedSnapshot[]) {
  const reads = snapshots.map(({ volume }) => engine.read(0, volume, 0, engine.origin.bytes.length))
  engine.settle()
  for (const [index, { bytes, outcome }] of reads.entries()) {
    expect(outcome).toBe('OK')
    expect(Buffer.compare(bytes, engine.original(0, engine.origin.bytes.length)), snapshots[index]?.name).toBe(0)
  }
}

function expectInvalid(engine: SteppedEngine, snapshot: SteppedSnapshot, reason: number) {
  expect([snapshot.cursor.state(), snapshot.cursor.reason()]).toEqual([storeState.invalid, reason])
  if (snapshot.views[0]?.persistent) expect(engine.headerSaysValid(snapshot)).toBe(false)
  const before = engine.trace.count(`${snapshot.name} `)
  const requests = [
    engine.read(0, snapshot.volume, 0, chunkBytes),
    engine.write(0, snapshot.volume, 0, ofByte(5)),
    engine.write(0, snapshot.volume, 512, ofByte(5, 512)),
    engine.flush(0, snapshot.volume),
  ]
  engine.settle()
  expect(requests.map(({ outcome }) => outcome)).toEqual(new Array(4).fill('SNAPSHOT_INVALID'))
  // Origin writes skip it, and nothing more is written to its COW.
  const write = engine.write(0, 0, 50 * chunkBytes, ofByte(6))
  engine.settle()
  expect(write.outcome).toBe('OK')
  expect(engine.trace.count(`${snapshot.name} `)).toBe(before)
}

describe.each(['P', 'PO', 'N'] as const)('store %s', (kind) => {
  test('full, by an origin write: invalid; the origin write and the siblings are not touched', () => {
    const { engine, failing, siblings } = family(kind, kind === 'N' ? 1 : 3)
    const events = engine.worker(0).signals.eventCount()
    const writes = [0, 1, 2].map((chunk) => engine.write(0, 0, chunk * chunkBytes, ofByte(9)))
    engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', 'OK', 'OK'])
    expect(engine.worker(0).signals.eventCount()).toBe(events + 1)
    expectInvalid(engine, failing, invalidationReason.full)
    expectGood(engine, siblings)
  })

  test('a read error of the origin while copying: invalid for all that needed the chunk, and the write goes on', () => {
    const { engine, failing, siblings } = family(kind)
    engine.origin.fail('read', '4096+', 5)
    engine.origin.fail('read', '0+8192', 5)
    const write = engine.write(0, 0, chunkBytes, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    engine.origin.heal()
    for (const snapshot of [failing, ...siblings]) {
      expectInvalid(engine, snapshot, invalidationReason.originReadFailed)
      expect(snapshot.cursor.errno()).toBe(5)
    }
  })

  test('a write error of its COW while copying: invalid; the write goes on, siblings are good', () => {
    const { engine, failing, siblings } = family(kind)
    failing.cow.fail('write', 'data', 28)
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expectInvalid(engine, failing, invalidationReason.cowWriteFailed)
    expect(failing.cursor.errno()).toBe(28)
    expectGood(engine, siblings)
  })

  test('an error of a whole-chunk snapshot write: invalid, and the write itself fails', () => {
    const { engine, failing, siblings } = family(kind)
    failing.cow.fail('write', 'data')
    const write = engine.write(0, failing.volume, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('SNAPSHOT_INVALID')
    expectInvalid(engine, failing, invalidationReason.cowWriteFailed)
    expectGood(engine, siblings)
  })

  test("a read error of the origin under a partial snapshot write: invalid, the write fails, siblings don't notice", () => {
    const { engine, failing, siblings } = family(kind)
    engine.origin.fail('read', '0+4096')
    const write = engine.write(0, failing.volume, 512, ofByte(9, 512))
    engine.settle()
    engine.origin.heal()
    expect(write.outcome).toBe('SNAPSHOT_INVALID')
    expectInvalid(engine, failing, invalidationReason.originReadFailed)
    expectGood(engine, siblings)
  })

  test('an error of the origin itself: the caller gets it, and every snapshot is good', () => {
    const { engine, failing, siblings } = family(kind)
    engine.origin.fail('write', '', 5)
    const slow = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    const fast = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect([slow, fast].map(({ errno, outcome }) => [outcome, errno])).toEqual([
      ['IO_ERROR', 5],
      ['IO_ERROR', 5],
    ])
    expect(engine.locks.heldCount()).toBe(0)
    expectGood(engine, [failing, ...siblings])
  })
})

describe.each(['P', 'N'] as const)('store %s', (kind) => {
  test('full, by a snapshot write: invalid, and the write fails', () => {
    const { engine, failing, siblings } = family(kind, kind === 'N' ? 1 : 3)
    const writes = [0, 1].map((chunk) => engine.write(0, failing.volume, chunk * chunkBytes, ofByte(9)))
    engine.settle()
    expect(writes.at(-1)?.outcome).toBe('SNAPSHOT_INVALID')
    expectInvalid(engine, failing, invalidationReason.full)
    expectGood(engine, siblings)
  })
})

describe('store PO', () => {
  const overflowed = () => {
    const { engine, failing, siblings } = family('PO', 3)
    const events = engine.worker(0).signals.eventCount()
    const first = engine.write(0, failing.volume, 0, ofByte(9))
    engine.settle()
    const second = engine.write(0, failing.volume, chunkBytes, ofByte(9))
    engine.settle()
    expect([first.outcome, second.outcome]).toEqual(['OK', 'SNAPSHOT_OVERFLOW'])
    expect(engine.worker(0).signals.eventCount()).toBe(events + 1)
    return { engine, failing, siblings }
  }

  test('full, by a snapshot write: overflow; every write fails, also to chunks it has; reads go on, the header is good', () => {
    const { engine, failing, siblings } = overflowed()
    expect(failing.cursor.state()).toBe(storeState.overflow)
    expect(engine.headerSaysValid(failing)).toBe(true)
    const again = engine.write(0, failing.volume, 0, ofByte(1))
    const read = engine.read(0, failing.volume, 0, 2 * chunkBytes)
    engine.settle()
    expect(again.outcome).toBe('SNAPSHOT_OVERFLOW')
    expect(read.bytes).toEqual(Uint8Array.from([...ofByte(9), ...engine.original(chunkBytes, chunkBytes)]))
    expectGood(engine, siblings)
  })

  test('overflowed, an origin write to a chunk it has changes nothing; to one that it lacks makes it invalid', () => {
    const { engine, failing, siblings } = overflowed()
    const had = engine.write(0, 0, 0, ofByte(3))
    engine.settle()
    expect([had.outcome, failing.cursor.state()]).toEqual(['OK', storeState.overflow])
    const lacked = engine.write(0, 0, chunkBytes, ofByte(3))
    engine.settle()
    expect(lacked.outcome).toBe('OK')
    expectInvalid(engine, failing, invalidationReason.full)
    expectGood(engine, siblings)
  })
})

describe.each(['P', 'PO'] as const)('metadata of store %s', (kind) => {
  test.each([
    ['an area', 'area 0', 1],
    ['the next area', 'area 1', 32],
  ])(
    'a write error of %s: invalid for the whole group; origin writes go on, snapshot writes fail',
    (_, place, count) => {
      const engine = new SteppedEngine({ originBytes: 128 * 512 })
      const failing = engine.snapshot({ kind, chunkSectors: 1 })
      const sibling = engine.snapshot({ chunkSectors: 1, kind: 'N' })
      failing.cow.fail('write', place)
      const writes = Array.from({ length: count }, (_, index) => engine.write(0, 0, index * 512, ofByte(9, 512)))
      const fork = engine.write(0, failing.volume, 100 * 512, ofByte(8, 512))
      engine.settle()
      expect(writes.every(({ outcome }) => outcome === 'OK')).toBe(true)
      expect(fork.outcome).toBe('SNAPSHOT_INVALID')
      expect([failing.cursor.state(), failing.cursor.reason()]).toEqual([
        storeState.invalid,
        invalidationReason.metadataWriteFailed,
      ])
      expect(failing.cursor.committed()).toBe(0)
      expectGood(engine, [sibling])
      expect(engine.locks.heldCount()).toBe(0)
    },
  )

  test('the header cannot be written either: invalid in memory once the origin remembers it', () => {
    const { engine, failing, siblings } = family(kind)
    failing.cow.fail('write', '')
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect([failing.cursor.state(), failing.cursor.headerFailed()]).toEqual([storeState.invalidating, true])
    const read = engine.read(0, failing.volume, 0, chunkBytes)
    engine.settle()
    expect([write.outcome, read.outcome]).toEqual([undefined, 'SNAPSHOT_INVALID'])
    failing.cursor.finishInvalidation()
    engine.settle()
    expect(write.outcome).toBe('OK')
    expectGood(engine, siblings)
  })

  test('a COW that has shrunk is invalid at the next commit', () => {
    const { engine, failing, siblings } = family(kind)
    failing.cow.bytes = failing.cow.bytes.slice(0, 32 * chunkBytes)
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expectInvalid(engine, failing, invalidationReason.storeShrank)
    expectGood(engine, siblings)
  })

  test('a COW that has grown goes on', () => {
    const { engine, failing, siblings } = family(kind, 3)
    const grown = new Uint8Array(16 * chunkBytes)
    grown.set(failing.cow.bytes)
    failing.cow.bytes = grown
    const writes = [0, 1, 2].map((chunk) => engine.write(0, 0, chunk * chunkBytes, ofByte(9)))
    engine.settle()
    expect(writes.every(({ outcome }) => outcome === 'OK')).toBe(true)
    expectGood(engine, [failing, ...siblings])
  })
})
