/** W1, W2, W3, W5 and the group commit: in what order bytes reach a store, as the trace of a stepped engine shows it. */
import { describe, expect, test } from 'vitest'
import { storeState } from '../../src/shm/commit-cursor.js'
import { SteppedEngine } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

describe('W1', () => {
  test('W1: copied bytes are followed by a barrier before their entry is written', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.trace.lines).toEqual([
      'origin read 0+4096',
      's1 write data 2+4096',
      's1 copied 0',
      's1 barrier',
      's1 write area 0 at 0+512',
      's1 barrier',
      's1 publish 0',
      'origin write 0+4096',
    ])
  })

  test('W1: data that was copied after the barrier of a commit is left to the next commit', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const late = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    snapshot.cow.during('barrier', '', () => engine.turn(1))
    const first = engine.write(0, 0, 0, ofByte(1))
    engine.turn(0)
    expect(engine.entriesOf(snapshot)).toEqual([[0, 2]])
    expect([first.outcome, late.outcome]).toEqual(['OK', undefined])
    engine.settle()
    expect(late.outcome).toBe('OK')
    const entry = engine.trace.at('s1 write area 0', engine.trace.at('s1 publish 0'))
    const barrier = engine.trace.at('s1 barrier', engine.trace.at('s1 copied 1'))
    expect(barrier).toBeLessThan(entry)
  })

  test('W1: if the barrier fails no entry is written, and the snapshot is invalid', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    snapshot.cow.fail('barrier', '', 5, 1)
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.trace.count('write area')).toBe(0)
    expect(snapshot.cursor.state()).toBe(storeState.invalid)
  })
})

describe('W2', () => {
  const fillOneArea = () => {
    const engine = new SteppedEngine({ originBytes: 64 * 512 })
    const snapshot = engine.snapshot({ chunkSectors: 1 })
    // What an earlier life of the COW left where the next area will be.
    snapshot.cow.bytes.fill(0xee, 34 * 512, 35 * 512)
    return { engine, snapshot }
  }

  test('W2: the next area is zeroed, and durable, before the entry that fills the current one is written', () => {
    const { engine, snapshot } = fillOneArea()
    engine.write(0, 0, 0, ofByte(9, 32 * 512))
    engine.settle()
    const { trace } = engine
    const zeroed = trace.at('s1 write area 1')
    const filled = trace.at('s1 write area 0')
    expect(zeroed).toBeGreaterThan(-1)
    expect(zeroed).toBeLessThan(trace.at('s1 barrier'))
    expect(trace.at('s1 barrier')).toBeLessThan(filled)
    expect(engine.entriesOf(snapshot)).toHaveLength(32)
  })

  test('W2: no other commit touches the next area', () => {
    const { engine, snapshot } = fillOneArea()
    engine.write(0, 0, 0, ofByte(9, 31 * 512))
    engine.settle()
    expect(engine.trace.count('area 1')).toBe(0)
    expect(engine.entriesOf(snapshot)).toHaveLength(31)
  })

  test('W2: a group over several areas zeroes each one it does not fill, and ends in zeroes', () => {
    const engine = new SteppedEngine({ originBytes: 128 * 512 })
    const snapshot = engine.snapshot({ chunkSectors: 1, chunks: 200 })
    snapshot.cow.bytes.fill(0xee, 2 * 512)
    engine.write(0, 0, 0, ofByte(9, 96 * 512))
    engine.settle()
    expect(engine.entriesOf(snapshot)).toHaveLength(96)
  })
})

describe('W3', () => {
  test('W3: entries are durable before the origin is overwritten', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    engine.snapshot({ chunkSectors: 16 })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    const { trace } = engine
    const overwritten = trace.at('origin write')
    for (const name of ['s1', 's2']) {
      const entry = trace.at(`${name} write area`)
      expect(trace.at(`${name} barrier`, entry)).toBeGreaterThan(entry)
      expect(trace.at(`${name} barrier`, entry)).toBeLessThan(overwritten)
    }
  })

  test('W3: a write that finds its copy committed by another worker waits for that commit', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const other = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    let seen: unknown = 'nothing'
    // The other worker is in the middle of its commit: this one copies, and may not go on.
    snapshot.cow.during('write', 'area 0', () => {
      const write = engine.write(0, 0, 0, ofByte(1))
      engine.turn(0)
      seen = [write.outcome, engine.trace.count('origin write 0+')]
    })
    engine.turn(1)
    expect(seen).toEqual([undefined, 0])
    expect(other.outcome).toBe('OK')
    engine.settle()
    expect(engine.trace.count('origin write 0+')).toBe(1)
    expect(engine.entriesOf(snapshot)).toHaveLength(2)
  })

  test('W3: a snapshot write is answered only after its entry is durable', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    const write = engine.write(0, 1, 0, ofByte(9))
    let atBarrier: unknown = 'nothing'
    snapshot.cow.during('barrier', '', () => {})
    snapshot.cow.during('barrier', '', () => {
      engine.lanes[0]?.collect()
      atBarrier = [write.outcome, snapshot.map.lookUp(0)]
    })
    engine.settle()
    expect(atBarrier).toEqual([undefined, -1])
    expect(write.outcome).toBe('OK')
  })

  test('W3: without barriers the same writes go in the same order', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot({ barriers: false })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(engine.trace.only('write', 'publish', 'barrier')).toEqual([
      's1 write data 2+4096',
      's1 write area 0 at 0+512',
      's1 publish 0',
      'origin write 0+4096',
    ])
  })
})

describe('W5', () => {
  const withBrokenCow = () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    snapshot.cow.fail('write', 'data')
    return { engine, snapshot }
  }

  test('W5: the invalid header is durable before the origin write that relied on it is released', () => {
    const { engine, snapshot } = withBrokenCow()
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expect(engine.trace.only('header', 'barrier', 'invalid', 'origin write')).toEqual([
      's1 write header',
      's1 barrier',
      's1 invalid',
      'origin write 0+4096',
    ])
    expect(engine.headerSaysValid(snapshot)).toBe(false)
  })

  test('W5: a write on another worker waits while the header is being written', () => {
    const { engine, snapshot } = withBrokenCow()
    let waiting: unknown = 'nothing'
    snapshot.cow.during('write', 'header', () => {
      const other = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
      engine.turn(1)
      waiting = [other.outcome, engine.trace.count('origin write')]
    })
    engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect(waiting).toEqual([undefined, 0])
    expect(engine.trace.count('origin write')).toBe(2)
  })

  test('W5: when the header cannot be written, origin writes wait until the origin remembers the invalidation', () => {
    const { engine, snapshot } = withBrokenCow()
    snapshot.cow.fail('write', 'header')
    const write = engine.write(0, 0, 0, ofByte(9))
    const events = engine.worker(0).signals.eventCount()
    engine.settle()
    expect([write.outcome, engine.trace.count('origin write')]).toEqual([undefined, 0])
    expect(snapshot.cursor.headerFailed()).toBe(true)
    expect(engine.worker(0).signals.eventCount()).toBe(events + 1)
    snapshot.cursor.finishInvalidation() // what the coordinator does once the origin's memory is saved
    engine.settle()
    expect(write.outcome).toBe('OK')
  })

  test('W5: when the header is written and its barrier fails, the same holds', () => {
    const { engine, snapshot } = withBrokenCow()
    snapshot.cow.fail('barrier', '')
    const write = engine.write(0, 0, 0, ofByte(9))
    engine.settle()
    expect([write.outcome, snapshot.cursor.headerFailed()]).toEqual([undefined, true])
  })
})

describe('group commit', () => {
  test('one pair of barriers pays for a batch', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    const writes = Array.from({ length: 32 }, (_, index) => engine.write(0, 0, index * chunkBytes, ofByte(index)))
    engine.turn(0)
    expect(writes.every(({ outcome }) => outcome === 'OK')).toBe(true)
    expect(engine.trace.count('barrier')).toBe(2)
    expect(engine.entriesOf(snapshot)).toHaveLength(32)
  })

  test("one pair of barriers pays for another worker's batch that is ready", () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const late = engine.write(1, 0, 0, ofByte(1))
    let ranInside = false
    // Worker 0 commits something else; meanwhile worker 1 gets its copy ready.
    snapshot.cow.during('write', 'area', () => {
      ranInside = true
      engine.turn(1)
      engine.write(0, 0, 30 * chunkBytes, ofByte(3))
    })
    engine.write(0, 0, 20 * chunkBytes, ofByte(2))
    engine.turn(0)
    expect([ranInside, late.outcome]).toEqual([true, undefined])
    engine.trace.clear()
    engine.turn(0)
    expect(engine.trace.count('barrier')).toBe(2)
    expect(engine.entriesOf(snapshot)).toHaveLength(3)
    engine.turn(1)
    expect(late.outcome).toBe('OK')
    expect(engine.trace.count('barrier')).toBe(2)
  })

  test('a commit writes only the blocks of the area that it touches', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    for (let chunk = 0; chunk < 40; chunk++) {
      engine.write(0, 0, chunk * chunkBytes, ofByte(chunk))
      engine.turn(0)
    }
    const blocks = engine.trace.only('write area').map((line) => line.replace('s1 write area 0 at ', ''))
    expect(blocks).toEqual([...new Array(32).fill('0+512'), ...new Array(8).fill('512+512')])
  })

  test('entries become visible in position order, also when the earlier claimer is slower', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const slow = engine.write(0, 0, 0, ofByte(1))
    const fast = engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    let meanwhile: unknown = 'nothing'
    // Worker 0 has claimed position 0 and is still copying; worker 1 claims position 1 and is done copying.
    snapshot.cow.during('write', 'data 2', () => {
      engine.turn(1)
      meanwhile = [fast.outcome, engine.entriesOf(snapshot), snapshot.map.lookUp(20)]
    })
    engine.turn(0)
    expect(meanwhile).toEqual([undefined, [], -1])
    expect(slow.outcome).toBe('OK')
    expect(engine.entriesOf(snapshot)).toEqual([
      [0, 2],
      [20, 3],
    ])
    engine.turn(1)
    expect(fast.outcome).toBe('OK')
  })

  test('a group ends where a copy is missing, and zeroes end the list there', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 3 })
    const snapshot = engine.snapshot()
    engine.write(0, 0, 0, ofByte(1))
    engine.write(1, 0, 20 * chunkBytes, ofByte(2))
    engine.write(2, 0, 40 * chunkBytes, ofByte(3))
    let meanwhile: unknown = 'nothing'
    snapshot.cow.during('write', 'data 2', () => {
      // Position 1 is being copied when worker 2, with position 2, is done.
      snapshot.cow.during('write', 'data 3', () => engine.turn(2))
      engine.turn(1)
      meanwhile = engine.entriesOf(snapshot)
    })
    engine.turn(0)
    expect(meanwhile).toEqual([])
    expect(engine.entriesOf(snapshot)).toEqual([
      [0, 2],
      [20, 3],
      [40, 4],
    ])
  })
})
