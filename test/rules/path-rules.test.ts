/** P1, P2, L1, L2, L3: what reads and writes of origin and snapshots may do to each other, in interleavings made by hand. */
import { describe, expect, test } from 'vitest'
import { lockStripes } from '../../src/shm/lock-table.js'
import { commitReady } from '../../workers/commit.js'
import type { SnapshotView } from '../../workers/views.js'
import { SteppedEngine, sameBytes } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

describe('P1', () => {
  test('P1: an exception is published before the origin write it releases', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.snapshot({ kind: 'N' })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(engine.trace.at('s1 publish 0')).toBeGreaterThan(-1)
    expect(engine.trace.at('s2 publish 0')).toBeGreaterThan(-1)
    expect(engine.trace.lines.at(-1)).toBe('origin write 0+4096')
  })

  test('P1: a transient exception is published only when its data is in the store', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot({ kind: 'N' })
    let during: unknown = 'nothing'
    snapshot.cow.during('write', 'data', () => {
      during = snapshot.map.lookUp(0)
    })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(during).toBe(-1)
    expect(snapshot.map.lookUp(0)).toBe(0)
  })

  test('P1: whoever finds the exception finds the data: a reader between publication and overwriting reads the store', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.snapshot()
    let read: ReturnType<SteppedEngine['read']> | undefined
    engine.origin.during('write', '0+4096', () => {
      read = engine.read(1, 1, 0, chunkBytes)
      engine.turn(1)
    })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(sameBytes(read?.bytes, engine.original(0, chunkBytes))).toBe(true)
    expect(engine.trace.count('s1 read data 2')).toBe(1)
  })
})

describe('P2', () => {
  test('P2: a snapshot read overtaken by an origin write reads again from the store', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.snapshot()
    // The bytes that the read has got are those of before; what it must not do is trust them.
    engine.origin.during('read', '0+4096', () => {
      engine.write(1, 0, 0, ofByte(9))
      engine.turn(1)
    })
    const read = engine.read(0, 1, 0, chunkBytes)
    engine.turn(0)
    expect(read.outcome).toBe('OK')
    expect(sameBytes(read.bytes, engine.original(0, chunkBytes))).toBe(true)
    expect(engine.trace.count('s1 read data 2')).toBe(1)
  })

  test('P2: a read of the bytes of after shows the bytes of before', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    // The exception is missing at the first look, and the origin overwritten before it is read.
    snapshot.hooks.afterMiss = () => {
      snapshot.hooks.afterMiss = undefined
      engine.write(1, 0, 0, ofByte(9))
      engine.turn(1)
    }
    const read = engine.read(0, 1, 0, chunkBytes)
    engine.turn(0)
    expect(engine.origin.bytes[0]).toBe(9)
    expect(sameBytes(read.bytes, engine.original(0, chunkBytes))).toBe(true)
  })

  test('P2: only the overtaken chunks of a long read are read again', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.snapshot()
    engine.origin.during('read', '0+32768', () => {
      engine.write(1, 0, 3 * chunkBytes, ofByte(9))
      engine.turn(1)
    })
    const read = engine.read(0, 1, 0, 8 * chunkBytes)
    engine.turn(0)
    expect(sameBytes(read.bytes, engine.original(0, 8 * chunkBytes))).toBe(true)
    expect(engine.trace.only('s1 read data')).toEqual(['s1 read data 2+4096'])
  })

  test('P2: a read overtaken by an invalidation fails, whatever it has read', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    snapshot.cow.fail('write', 'data')
    engine.origin.during('read', '0+4096', () => {
      engine.write(1, 0, 0, ofByte(9))
      engine.turn(1)
    })
    const read = engine.read(0, 1, 0, chunkBytes)
    engine.turn(0)
    expect(read.outcome).toBe('SNAPSHOT_INVALID')
  })
})

describe('L1', () => {
  test('L1: two writes of one chunk on two workers copy it once', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const second = engine.write(1, 0, 512, ofByte(2, 512))
    let meanwhile: unknown = 'nothing'
    snapshot.cow.during('write', 'data 2', () => {
      engine.turn(1)
      meanwhile = [second.outcome, engine.worker(1).lockWaiters.count]
    })
    const first = engine.write(0, 0, 0, ofByte(1, 512))
    engine.settle()
    expect(meanwhile).toEqual([undefined, 1])
    expect([first.outcome, second.outcome]).toEqual(['OK', 'OK'])
    expect(engine.entriesOf(snapshot)).toEqual([[0, 2]])
    expect(engine.locks.heldCount()).toBe(0)
  })

  test('L1: an origin write and a snapshot write of one chunk exclude each other', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const fork = engine.write(1, 1, 0, ofByte(2, 512))
    snapshot.cow.during('write', 'data 2', () => engine.turn(1))
    engine.write(0, 0, 0, ofByte(1))
    engine.settle()
    expect(fork.outcome).toBe('OK')
    expect(engine.entriesOf(snapshot)).toEqual([[0, 2]])
    const read = engine.read(0, 1, 0, chunkBytes)
    engine.settle()
    expect(read.bytes.subarray(0, 512)).toEqual(ofByte(2, 512))
    expect(read.bytes.subarray(512)).toEqual(engine.original(512, chunkBytes - 512))
  })

  test('L1: the key is the largest chunk: neighbours within it wait, in snapshots of any chunk size', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const small = engine.snapshot({ chunkSectors: 8 })
    const large = engine.snapshot({ chunkSectors: 64 })
    const neighbour = engine.write(1, 0, 3 * chunkBytes, ofByte(2))
    let waiting = 0
    large.cow.during('write', 'data', () => {
      engine.turn(1)
      waiting = engine.worker(1).lockWaiters.count
    })
    engine.write(0, 0, 0, ofByte(1))
    engine.settle()
    expect([waiting, neighbour.outcome]).toEqual([1, 'OK'])
    expect(engine.entriesOf(large)).toEqual([[0, 2]])
    expect(engine.entriesOf(small).map(([old]) => old)).toEqual([0, 3])
  })

  test('L1: a piece whose claim had to wait does not claim again what another worker commits meanwhile', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot({ barriers: false })
    const large = engine.snapshot({ chunkSectors: 16, barriers: false })
    // Position 0 of the small store is claimed by worker 1 and being copied, so that worker 0's claim stays open.
    const slow = engine.write(1, 0, 40 * chunkBytes, ofByte(1))
    const write = engine.write(0, 0, 0, ofByte(2))
    snapshot.cow.during('write', 'data 2', () => {
      // Worker 0 claims chunk 0 in the small store; the large one's claim word is held, so the piece stays incomplete.
      expect(large.cursor.tryTakeClaims(99)).toBe(true)
      engine.turn(0)
      large.cursor.releaseClaims()
      // It claims once more in the large store only: in the small one its chunk is pending behind position 0.
      engine.turn(0)
      expect([snapshot.cursor.claimed(), large.cursor.claimed()]).toEqual([2, 2])
    })
    engine.turn(1)
    expect([slow.outcome, write.outcome]).toEqual(['OK', undefined])
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.entriesOf(snapshot).map(([old]) => old)).toEqual([40, 0])
  })

  test('L1: that holds also when the commit falls between its two looks', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot({ barriers: false })
    const large = engine.snapshot({ chunkSectors: 16, barriers: false })
    const write = engine.write(0, 0, 0, ofByte(2))
    // The claim in the large store has to wait, so the piece will claim once more; in the small one it is ready.
    expect([large.cursor.tryTakeClaims(99), snapshot.cursor.tryTakeCommit(99)]).toEqual([true, true])
    engine.turn(0)
    large.cursor.releaseClaims()
    snapshot.cursor.releaseCommit()
    expect([snapshot.cursor.hasReady(), large.cursor.claimed()]).toEqual([true, 0])
    // Worker 1 commits right after worker 0 has found the chunk unmapped, and before it asks whether the chunk is pending.
    let misses = 0
    snapshot.hooks.afterMiss = () => {
      if (++misses < 2) return
      snapshot.hooks.afterMiss = undefined
      commitReady(engine.worker(1), snapshot.views[1] as SnapshotView)
    }
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.entriesOf(snapshot)).toEqual([[0, 2]])
  })
})

describe('L2', () => {
  test('L2: pieces of one write go on one by one while others of them wait for their keys', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.snapshot()
    const held = engine.locks.stripeOf(0, 1)
    expect(engine.locks.tryHold(held, 99))
    const write = engine.write(0, 0, 0, ofByte(1, 3 * chunkBytes))
    engine.turn(0)
    expect(write.outcome).toBeUndefined()
    expect([engine.origin.bytes[0], engine.origin.bytes[2 * chunkBytes]]).toEqual([1, 1])
    expect(engine.origin.bytes[chunkBytes]).not.toBe(1)
    // Nothing is held while waiting: the only word taken is the one in the way.
    expect(engine.locks.heldCount()).toBe(1)
    engine.locks.release(held)
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.locks.heldCount()).toBe(0)
  })

  test('L2: writes that cross in opposite directions do not block each other', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const writes = [engine.write(0, 0, 0, ofByte(1, 8 * chunkBytes))]
    snapshot.cow.during('write', 'data', () => {
      writes.push(engine.write(1, 0, 4 * chunkBytes, ofByte(2, 8 * chunkBytes)))
      engine.turn(1)
    })
    engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', 'OK'])
    expect(
      engine
        .entriesOf(snapshot)
        .map(([old]) => old)
        .sort((a, b) => a - b),
    ).toEqual([...Array(12).keys()])
  })

  test('L2: two keys of one stripe only cost time', () => {
    const engine = new SteppedEngine({ originBytes: (lockStripes + 1) * 512 })
    const snapshot = engine.snapshot({ chunkSectors: 1 })
    const pair = [0, lockStripes]
    expect(new Set(pair.map((key) => engine.locks.stripeOf(0, key))).size).toBe(1)
    const writes = pair.map((chunk) => engine.write(0, 0, chunk * 512, ofByte(1, 512)))
    engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', 'OK'])
    expect(engine.entriesOf(snapshot)).toHaveLength(2)
  })
})

describe('L3', () => {
  test('L3: a key is held until the write it was taken for has been done', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    const held: number[] = []
    const note = () => held.push(engine.locks.heldCount())
    engine.origin.during('read', '0+4096', note)
    snapshot.cow.during('write', 'data', note)
    snapshot.cow.during('write', 'area', note)
    engine.origin.during('write', '0+4096', note)
    engine.write(0, 0, 0, ofByte(1))
    engine.settle()
    expect(held).toEqual([1, 1, 1, 1])
    expect(engine.locks.heldCount()).toBe(0)
  })

  test('L3: a failed snapshot write keeps its key until what it claimed is committed', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    // Room for positions 0, 1 and 2; the write needs two after position 0 is claimed by the other worker.
    const snapshot = engine.snapshot({ kind: 'PO', chunks: 5 })
    const large = engine.snapshot({ chunkSectors: 64, chunks: 8 })
    const fork = engine.write(0, 1, 0, ofByte(7, 4 * chunkBytes))
    let meanwhile: unknown = 'nothing'
    snapshot.cow.during('write', 'data 2', () => {
      engine.turn(0)
      meanwhile = [fork.outcome, engine.locks.heldCount()]
    })
    engine.write(1, 0, 40 * chunkBytes, ofByte(1))
    engine.turn(1)
    expect(meanwhile).toEqual([undefined, 2])
    engine.settle()
    expect(fork.outcome).toBe('SNAPSHOT_OVERFLOW')
    expect(engine.entriesOf(snapshot).map(([old]) => old)).toEqual([40, 0, 1])
    expect([engine.locks.heldCount(), engine.entriesOf(large).length]).toEqual([0, 1])
  })
})
