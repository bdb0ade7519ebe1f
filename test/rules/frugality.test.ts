/** What must stay cheap: no call more than the promise needs. */
import { describe, expect, test } from 'vitest'
import { SteppedEngine, sameBytes } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

describe('an origin write', () => {
  test('one read of the origin serves all snapshots', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    for (const chunkSectors of [8, 8, 32, 1]) engine.snapshot({ chunkSectors })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(engine.trace.only('origin read')).toEqual(['origin read 0+16384'])
  })

  test('a rewrite takes no key and costs one write', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.snapshot({ kind: 'N' })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    engine.trace.clear()
    let held = -1
    engine.origin.during('write', '', () => {
      held = engine.locks.heldCount()
    })
    engine.write(0, 0, 0, ofByte(8))
    engine.settle()
    expect(engine.trace.lines).toEqual(['origin write 0+4096'])
    expect(held).toBe(0)
  })

  test('without snapshots it costs one write', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.write(0, 0, 0, ofByte(9, 16 * chunkBytes))
    engine.settle()
    expect(engine.trace.lines).toEqual(['origin write 0+65536'])
  })

  test('chunks that adjoin are read with one call, stored with one call and overwritten with one call', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.write(0, 0, 0, ofByte(9, 16 * chunkBytes))
    engine.settle()
    expect(engine.trace.only('read', 'write')).toEqual([
      'origin read 0+65536',
      's1 write data 2+65536',
      's1 write area 0 at 0+512',
      'origin write 0+65536',
    ])
  })

  test('a joint read that fails is taken apart, and only the bad chunk costs its snapshot', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    engine.origin.fail('read', '0+8192')
    const writes = [0, 1].map((chunk) => engine.write(0, 0, chunk * chunkBytes, ofByte(9)))
    engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', 'OK'])
    expect(engine.entriesOf(snapshot)).toHaveLength(2)
  })
})

describe('a snapshot write', () => {
  test('of a whole chunk does not read the origin', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.write(0, 1, 0, ofByte(9, 2 * chunkBytes))
    engine.settle()
    expect(engine.trace.only('read', 'write')).toEqual(['s1 write data 2+8192', 's1 write area 0 at 0+512'])
  })

  test('of the partial last chunk, all of it, does not read the origin', () => {
    const engine = new SteppedEngine({ originBytes: 4 * chunkBytes + 512 })
    engine.snapshot()
    const write = engine.write(0, 1, 4 * chunkBytes, ofByte(9, 512))
    engine.settle()
    expect([write.outcome, engine.trace.count('origin')]).toEqual(['OK', 0])
  })

  test('of a part of a chunk reads that chunk once and writes it once', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.write(0, 1, 512, ofByte(9, 512))
    engine.settle()
    expect(engine.trace.only('read', 'write data')).toEqual(['origin read 0+4096', 's1 write data 2+4096'])
  })

  test('a rewrite takes no key and costs one write', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.write(0, 1, 0, ofByte(9))
    engine.settle()
    engine.trace.clear()
    engine.write(0, 1, 512, ofByte(8, 512))
    engine.settle()
    expect(engine.trace.lines).toEqual(['s1 write data 2+512'])
  })
})

test('a snapshot read of chunks that adjoin in the store costs one read', () => {
  const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
  engine.snapshot()
  engine.write(0, 0, 0, ofByte(9, 8 * chunkBytes))
  engine.settle()
  engine.trace.clear()
  const read = engine.read(0, 1, 0, 8 * chunkBytes)
  engine.settle()
  expect(sameBytes(read.bytes, engine.original(0, 8 * chunkBytes))).toBe(true)
  expect(engine.trace.lines).toEqual(['s1 read data 2+32768'])
})

test('a snapshot read that is not overtaken costs one read of the origin', () => {
  const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
  engine.snapshot()
  engine.read(0, 1, 0, 8 * chunkBytes)
  engine.settle()
  expect(engine.trace.lines).toEqual(['origin read 0+32768'])
})
