/** Merging: W4, what becomes of requests in every step, and the order of runs, as the trace of a stepped engine shows them. */
import { describe, expect, test } from 'vitest'
import { storeState } from '../../src/shm/commit-cursor.js'
import { windowEnd } from '../../src/shm/merge-window.js'
import {
  SteppedEngine,
  type SteppedSnapshot,
  type SteppedSnapshotOptions,
  sameBytes,
} from '../support/stepped-engine.js'
import type { SteppedRequest } from '../support/stepped-lane.js'
import { type MergeStep, mergeSteps, SteppedMerge } from '../support/stepped-merge.js'

const chunkBytes = 4096
const originChunks = 64
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)

interface Setup extends SteppedSnapshotOptions {
  readonly siblings?: readonly SteppedSnapshotOptions[]
  readonly workers?: number
  /** Chunks written to the snapshot, in this order; chunk `c` gets bytes of `100 + c`. */
  readonly written?: readonly number[]
}

const byteOf = (chunk: number): number => 100 + chunk

/** A snapshot with exceptions of its own, siblings, and the device content that a merge must lead to. */
function merging({ siblings = [], workers = 1, written = [10, 11, 12, 40, 41], ...options }: Setup = {}) {
  const engine = new SteppedEngine({ originBytes: originChunks * chunkBytes, workers })
  const snapshot = engine.snapshot(options)
  const size = snapshot.chunkBytes
  const expected = engine.original(0, engine.origin.bytes.length)
  for (const chunk of written) {
    engine.write(0, snapshot.volume, chunk * size, ofByte(byteOf(chunk), size))
    engine.settle()
    expected.fill(byteOf(chunk), chunk * size, (chunk + 1) * size)
  }
  const others = siblings.map((sibling) => engine.snapshot(sibling))
  const merge = new SteppedMerge(engine, snapshot)
  engine.trace.clear()
  return { engine, snapshot, siblings: others, merge, expected }
}

function settled(engine: SteppedEngine, request: SteppedRequest): SteppedRequest {
  engine.settle()
  return request
}

/** The merging device shows `expected`. */
function expectDevice(engine: SteppedEngine, expected: Uint8Array) {
  const read = settled(engine, engine.read(0, 0, 0, expected.length))
  expect(read.outcome).toBe('OK')
  expect(sameBytes(read.bytes, expected)).toBe(true)
}

/** A sibling that has been written nothing shows the origin as it was. */
function expectUntouched(engine: SteppedEngine, siblings: readonly SteppedSnapshot[]) {
  for (const { name, volume } of siblings) {
    const read = settled(engine, engine.read(0, volume, 0, engine.origin.bytes.length))
    expect(read.outcome, name).toBe('OK')
    expect(sameBytes(read.bytes, engine.original(0, engine.origin.bytes.length)), name).toBe(true)
  }
}

function expectMerged({ engine, expected, snapshot }: ReturnType<typeof merging>) {
  expect(sameBytes(engine.origin.bytes, expected)).toBe(true)
  expect(engine.entriesOf(snapshot)).toEqual([])
  expect([snapshot.cursor.committed(), snapshot.cursor.claimed()]).toEqual([0, 0])
  expect(engine.locks.heldCount()).toBe(0)
  expectDevice(engine, expected)
}

describe('W4', () => {
  test('W4: merged bytes are durable in the origin before their entries are cleared', () => {
    const all = merging()
    expect(all.merge.toTheEnd()).toBeUndefined()
    expect(all.engine.trace.lines).toEqual([
      's1 read area 0 at 0+512',
      's1 read data 2+12288',
      'origin write 40960+12288',
      's1 read data 5+8192',
      'origin write 163840+8192',
      'origin barrier',
      's1 write area 0 at 0+512',
      's1 barrier',
      's1 retract 41',
      's1 retract 40',
      's1 retract 12',
      's1 retract 11',
      's1 retract 10',
    ])
    expectMerged(all)
  })

  test('W4: with many windows over many areas, no entry is cleared that a barrier does not cover, and no map word before the next', () => {
    const written = Array.from({ length: 100 }, (_, index) => index)
    const all = merging({ chunkSectors: 1, chunks: 200, written })
    expect(all.merge.toTheEnd({ countMax: 7 })).toBeUndefined()
    const durable = { copy: true, entries: true }
    let cleared = 0
    for (const line of all.engine.trace.lines) {
      if (line.startsWith('origin write')) durable.copy = false
      if (line === 'origin barrier') durable.copy = true
      if (line === 's1 barrier') durable.entries = true
      if (line.startsWith('s1 write area')) {
        expect(durable.copy).toBe(true)
        durable.entries = false
        cleared++
      }
      if (line.startsWith('s1 retract')) expect(durable.entries).toBe(true)
    }
    expect(cleared).toBeGreaterThan(100 / 7)
    expectMerged(all)
  })

  test('W4: a deferred write reaches the origin only after the barrier that makes the cleared entries durable', () => {
    const { engine, merge } = merging()
    merge.takeUpTo('hold')
    engine.write(0, 0, 40 * chunkBytes, ofByte(1))
    engine.settle()
    merge.take('copy')
    merge.take('commit')
    const cleared = engine.trace.at('s1 write area')
    const durable = engine.trace.at('s1 barrier', cleared)
    const deferred = engine.trace.at('origin write', cleared)
    expect([cleared >= 0, durable > cleared, deferred > durable]).toEqual([true, true, true])
    expect(engine.trace.lines[deferred]).toBe('origin write 163840+4096')
  })

  test('W4: a process that only must not lose what it wrote keeps the same order, without barriers', () => {
    const written = Array.from({ length: 40 }, (_, index) => index)
    const withBarriers = merging({ chunkSectors: 1, chunks: 100, written })
    const without = merging({ chunkSectors: 1, chunks: 100, written, barriers: false })
    withBarriers.merge.toTheEnd({ countMax: 9 })
    without.merge.toTheEnd({ countMax: 9 })
    expect(without.engine.trace.count('barrier')).toBe(0)
    expect(without.engine.trace.lines).toEqual(
      withBarriers.engine.trace.lines.filter((line) => !line.includes('barrier')),
    )
    expectMerged(without)
  })

  test('entries are cleared from the last area down, so that the list never has a hole', () => {
    const written = Array.from({ length: 70 }, (_, index) => index)
    const all = merging({ chunkSectors: 1, chunks: 200, written })
    all.merge.toTheEnd()
    expect(all.engine.trace.only('s1 write area')).toEqual([
      's1 write area 2 at 0+512',
      's1 write area 1 at 0+512',
      's1 write area 0 at 0+512',
    ])
    expectMerged(all)
  })

  test.each([512, 4096])('the entries before the window that share its block of %d bytes are written again', (unit) => {
    const written = Array.from({ length: 60 }, (_, index) => 2 * (index % 30) + (index >= 30 ? 1 : 0))
    const all = merging({ written, chunks: 100, metadataUnitBytes: unit })
    for (let left = 60; left > 0; left -= Math.min(left, 7)) {
      const before = all.engine.entriesOf(all.snapshot)
      expect(all.merge.oneWindow({ countMax: 7 })).toBeUndefined()
      const after = all.engine.entriesOf(all.snapshot)
      expect(after).toEqual(before.slice(0, after.length))
      expect(after).toHaveLength(all.merge.left)
    }
    expectMerged(all)
  })

  test('after a window the store takes new exceptions behind the entries that are left', () => {
    const { merge, snapshot } = merging({ written: [3, 9, 20] })
    merge.oneWindow({ countMax: 1 })
    const { cursor } = snapshot
    expect([cursor.committed(), cursor.claimed(), cursor.cleared(), cursor.hasReady()]).toEqual([2, 2, 0, false])
    expect([0, 1].map((position) => [cursor.oldChunkAt(position), cursor.newChunkAt(position)])).toEqual([
      [3, 2],
      [9, 3],
    ])
  })
})

describe('the order of runs', () => {
  const order = (engine: SteppedEngine) => engine.trace.only('origin write', 's1 write area')

  test('reference 9.9, scenario 8: the runs are taken from the end of the list', () => {
    const all = merging({ written: [10, 11, 12, 40, 41] })
    expect(all.merge.toTheEnd({ countMax: 3 })).toBeUndefined()
    // The window has room for three: the run that would be cut stays whole, for the next one.
    expect(order(all.engine)).toEqual([
      'origin write 163840+8192',
      's1 write area 0 at 0+512',
      'origin write 40960+12288',
      's1 write area 0 at 0+512',
    ])
    expectMerged(all)
  })

  test('reference 9.9, scenario 9: neighbours that do not descend together in both columns are two runs', () => {
    const all = merging({ written: [10, 9] })
    expect(all.merge.toTheEnd({ countMax: 1 })).toBeUndefined()
    expect(order(all.engine)).toEqual([
      'origin write 36864+4096',
      's1 write area 0 at 0+512',
      'origin write 40960+4096',
      's1 write area 0 at 0+512',
    ])
    expectMerged(all)
  })

  test('a run longer than a window is cut, from its end', () => {
    const all = merging({ written: [1, 20, 21, 22, 23, 24] })
    all.merge.take('gather', 0, 2)
    expect([all.merge.window.from, all.merge.window.end]).toEqual([4, 6])
    expect(all.merge.toTheEnd({ countMax: 2 })).toBeUndefined()
    expectMerged(all)
  })

  test('a run goes on over the border of an area where its chunks do, and ends there where the area lies between them', () => {
    const all = merging({ chunkSectors: 1, chunks: 100, written: Array.from({ length: 34 }, (_, index) => index) })
    all.merge.take('gather', 0, 4)
    expect([all.merge.window.from, all.merge.window.end]).toEqual([32, 34])
    expect(all.merge.toTheEnd()).toBeUndefined()
    expectMerged(all)
  })

  test("siblings get their exceptions in the kernel's order: the last run first, ascending within a run", () => {
    const all = merging({ written: [10, 11, 12, 40, 41, 5], siblings: [{}] })
    expect(all.merge.toTheEnd()).toBeUndefined()
    const [sibling] = all.siblings
    if (sibling === undefined) throw new Error('there is a sibling')
    expect(all.engine.entriesOf(sibling).map(([old]) => old)).toEqual([5, 40, 41, 10, 11, 12])
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })
})

describe('siblings', () => {
  test('reference 9.9, scenario 10: siblings of every chunk size have what was merged, before the origin loses it', () => {
    const all = merging({
      written: [10, 11, 12, 40, 41],
      siblings: [{ chunkSectors: 16 }, { chunkSectors: 4 }, { kind: 'N' }, { chunkSectors: 8 }],
    })
    const [large, small, , equal] = all.siblings
    all.merge.toTheEnd({
      countMax: 3,
      after: () => expectUntouched(all.engine, all.siblings),
    })
    const saved = (snapshot: SteppedSnapshot | undefined) =>
      (snapshot === undefined ? [] : all.engine.entriesOf(snapshot)).map(([old]) => old)
    expect(saved(large)).toEqual([20, 5, 6])
    expect(saved(small)).toEqual([80, 81, 82, 83, 20, 21, 22, 23, 24, 25])
    expect(saved(equal)).toEqual([40, 41, 10, 11, 12])
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })

  test('W3: no byte of the origin is overwritten before the siblings have its entry durable', () => {
    const { engine, merge } = merging({ siblings: [{}, { chunkSectors: 16 }] })
    merge.toTheEnd()
    const firstCopy = engine.trace.at('origin write')
    for (const name of ['s2', 's3']) {
      const entry = engine.trace.at(`${name} write area`)
      const durable = engine.trace.at(`${name} barrier`, entry)
      const published = engine.trace.at(`${name} publish`)
      expect([entry >= 0, durable > entry, published > durable, firstCopy > published]).toEqual([
        true,
        true,
        true,
        true,
      ])
    }
  })

  test('W5: a sibling that is full becomes invalid, durably, before the origin loses anything; the merge goes on', () => {
    const all = merging({ siblings: [{ chunks: 4 }, {}] })
    const [full, other] = all.siblings
    if (full === undefined || other === undefined) throw new Error('there are two siblings')
    expect(all.merge.toTheEnd()).toBeUndefined()
    const header = all.engine.trace.at('s2 write header')
    const durable = all.engine.trace.at('s2 barrier', header)
    expect([header >= 0, durable > header, all.engine.trace.at('origin write') > durable]).toEqual([true, true, true])
    expect([full.cursor.state(), all.engine.headerSaysValid(full)]).toEqual([storeState.invalid, false])
    expectUntouched(all.engine, [other])
    expectMerged(all)
  })

  test('W5: while an invalidation is not durable SAVE waits, and with it the merge', () => {
    const all = merging({ siblings: [{ chunks: 4 }] })
    const [full] = all.siblings
    if (full === undefined) throw new Error('there is a sibling')
    full.cow.fail('write', 'header')
    all.merge.take('gather')
    const saves = all.merge.begin('save')
    all.engine.settle()
    expect([full.cursor.state(), saves.map(({ outcome }) => outcome)]).toEqual([storeState.invalidating, [undefined]])
    full.cursor.finishInvalidation()
    all.engine.settle()
    expect(saves.map(({ outcome }) => outcome)).toEqual(['OK'])
    for (const step of ['hold', 'copy', 'commit'] as const) expect(all.merge.take(step)).toBe(true)
    expectMerged(all)
  })

  test('what a sibling has already is not saved again', () => {
    const all = merging({ siblings: [{}] })
    const [sibling] = all.siblings
    if (sibling === undefined) throw new Error('there is a sibling')
    settled(all.engine, all.engine.write(0, sibling.volume, 11 * chunkBytes, ofByte(9)))
    all.merge.toTheEnd()
    expect(all.engine.entriesOf(sibling).map(([old]) => old)).toEqual([11, 40, 41, 10, 12])
    const read = settled(all.engine, all.engine.read(0, sibling.volume, 11 * chunkBytes, chunkBytes))
    expect(read.bytes).toEqual(ofByte(9))
    expectMerged(all)
  })

  test.each(mergeSteps)('a sibling is written in part and whole after %s, and keeps both', (step) => {
    const all = merging({ siblings: [{}, { chunkSectors: 16 }] })
    const shown = all.siblings.map(() => all.engine.original(0, all.engine.origin.bytes.length))
    const writes: SteppedRequest[] = []
    all.merge.toTheEnd({
      after: (taken) => {
        if (taken !== step) return
        for (const [index, sibling] of all.siblings.entries()) {
          const put = (byteOffset: number, bytes: Uint8Array) => {
            writes.push(all.engine.write(0, sibling.volume, byteOffset, bytes))
            shown[index]?.set(bytes, byteOffset)
          }
          put(11 * chunkBytes + 512, ofByte(7, 512))
          put(41 * chunkBytes, ofByte(8))
          put(42 * chunkBytes, ofByte(9))
          put(50 * chunkBytes + 1024, ofByte(6, 1024))
        }
        all.engine.settle()
      },
    })
    all.engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(new Array(8).fill('OK'))
    for (const [index, { volume }] of all.siblings.entries()) {
      const read = settled(all.engine, all.engine.read(0, volume, 0, all.engine.origin.bytes.length))
      expect(sameBytes(read.bytes, shown[index] as Uint8Array)).toBe(true)
    }
    expectMerged(all)
  })

  test('P2: a sibling read that falls through while the merge saves and copies over the chunk looks again', () => {
    const all = merging({ siblings: [{}], workers: 2 })
    const [sibling] = all.siblings
    if (sibling === undefined) throw new Error('there is a sibling')
    all.merge.take('gather', 1)
    let merged = false
    // The read has found no exception; before it has its bytes the whole window is merged over it.
    all.engine.origin.during('read', '163840+8192', () => {})
    sibling.hooks.afterMiss = () => {
      sibling.hooks.afterMiss = undefined
      for (const step of ['save', 'hold', 'copy', 'commit'] as const) {
        all.merge.begin(step, 1)
        for (let turn = 0; turn < 4; turn++) all.engine.turn(1)
      }
      merged = all.merge.left === 0
    }
    const read = all.engine.read(0, sibling.volume, 40 * chunkBytes, 2 * chunkBytes)
    all.engine.turn(0)
    expect(merged).toBe(true)
    expect(sameBytes(read.bytes, all.engine.original(40 * chunkBytes, 2 * chunkBytes))).toBe(true)
    expectMerged(all)
  })

  test('P1: a sibling shows its exception before COPY of the chunk begins', () => {
    const all = merging({ siblings: [{}] })
    const [sibling] = all.siblings
    all.engine.origin.during('write', '163840', () => {
      expect([40, 41].map((chunk) => sibling?.map.lookUp(chunk))).toEqual([2, 3])
    })
    all.merge.toTheEnd()
    expectMerged(all)
  })

  test('an origin write to a chunk without exception saves it in the siblings first, in every step', () => {
    const all = merging({ siblings: [{}] })
    let chunk = 50
    const writes: SteppedRequest[] = []
    all.merge.toTheEnd({
      after: () => {
        writes.push(all.engine.write(0, 0, chunk * chunkBytes, ofByte(3)))
        all.expected.fill(3, chunk * chunkBytes, (chunk + 1) * chunkBytes)
        chunk++
        all.engine.settle()
      },
    })
    expect(writes.map(({ outcome }) => outcome)).toEqual(new Array(5).fill('OK'))
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })
})

describe('requests of the merging device', () => {
  /** Where each chunk of the test stands: merged already, in the window, not yet in it, never written. */
  const merged = 40
  const inWindow = 20
  const later = 10
  const never = 50

  /** One window is merged, the next has taken `last`. */
  function midway(last: MergeStep, options: Setup = {}) {
    const all = merging({ written: [later, inWindow, merged], ...options })
    all.merge.oneWindow({ countMax: 1 })
    all.merge.takeUpTo(last, 0, 1)
    all.engine.trace.clear()
    return all
  }

  function finish(all: ReturnType<typeof merging>, last: MergeStep) {
    for (const step of mergeSteps.slice(mergeSteps.indexOf(last) + 1)) expect(all.merge.take(step, 0, 1)).toBe(true)
    expect(all.merge.toTheEnd()).toBeUndefined()
  }

  test.each(mergeSteps)(
    '5.4: after %s reads of every chunk state show the snapshot, each from where its bytes are',
    (last) => {
      const all = midway(last)
      const place: Record<number, string> = {
        [merged]: 'origin read',
        [inWindow]: last === 'commit' ? 'origin read' : 's1 read data 3',
        [later]: 's1 read data 2',
        [never]: 'origin read',
      }
      for (const chunk of [merged, inWindow, later, never]) {
        all.engine.trace.clear()
        const read = settled(all.engine, all.engine.read(0, 0, chunk * chunkBytes + 512, 1024))
        expect(sameBytes(read.bytes, all.expected.slice(chunk * chunkBytes + 512, chunk * chunkBytes + 1536))).toBe(
          true,
        )
        expect(all.engine.trace.lines.map((line) => line.startsWith(place[chunk] ?? '?'))).toEqual([true])
      }
      expectDevice(all.engine, all.expected)
      finish(all, last)
      expectMerged(all)
    },
  )

  test.each(mergeSteps)(
    '5.4: after %s a write to each chunk state goes where it must, and is what is merged',
    (last) => {
      const all = midway(last)
      const isHeld = last === 'hold' || last === 'copy'
      const writes = [merged, inWindow, later, never].map((chunk) => {
        all.expected.fill(chunk, chunk * chunkBytes + 512, chunk * chunkBytes + 1536)
        return all.engine.write(0, 0, chunk * chunkBytes + 512, ofByte(chunk, 1024))
      })
      all.engine.settle()
      expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', isHeld ? undefined : 'OK', 'OK', 'OK'])
      // No line of the window's chunk while it is held: neither its store nor the origin has been written.
      const inStore = last === 'gather' || last === 'save' ? ['s1 write data 3+1024'] : []
      const onOrigin = last === 'commit' ? [`origin write ${inWindow * chunkBytes + 512}+1024`] : []
      const expected = [
        `origin write ${merged * chunkBytes + 512}+1024`,
        `origin write ${never * chunkBytes + 512}+1024`,
        ...inStore,
        ...onOrigin,
        's1 write data 2+1024',
      ]
      expect([...all.engine.trace.only('write')].sort()).toEqual(expected.sort())
      if (!isHeld) expectDevice(all.engine, all.expected)
      finish(all, last)
      expect(writes.map(({ outcome }) => outcome)).toEqual(new Array(4).fill('OK'))
      expectMerged(all)
    },
  )

  test('a deferred write is applied once, after the commit, on top of the copy', () => {
    const all = midway('hold')
    const write = all.engine.write(0, 0, inWindow * chunkBytes + 1024, ofByte(1, 512))
    all.engine.settle()
    all.merge.take('copy')
    expect(write.outcome).toBeUndefined()
    all.merge.take('commit')
    expect(write.outcome).toBe('OK')
    expect(all.engine.trace.only('origin write')).toEqual([
      `origin write ${inWindow * chunkBytes}+4096`,
      `origin write ${inWindow * chunkBytes + 1024}+512`,
    ])
    expect(all.engine.trace.count('s1 write data')).toBe(0)
  })

  test('deferred writes of all workers go on when the window is committed, by whichever', () => {
    const all = midway('hold', { workers: 3 })
    const writes = [0, 1, 2].map((worker) =>
      all.engine.write(worker, 0, inWindow * chunkBytes + worker * 512, ofByte(worker + 1, 512)),
    )
    all.engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined])
    all.merge.take('copy', 1)
    const bells = [0, 2].map((worker) => all.engine.worker(worker).signals.workers[worker])
    const before = bells.map((bell) => bell?.read())
    all.merge.begin('commit', 1)
    all.engine.turn(1)
    // R4: whoever waits for a key of the window is rung.
    expect(bells.map((bell, index) => bell?.read() !== before[index])).toEqual([true, true])
    all.engine.settle()
    expect(writes.map(({ outcome }) => outcome)).toEqual(['OK', 'OK', 'OK'])
  })

  test('HOLD waits for a write that is on its way to the store, and the copy has its bytes', () => {
    const all = midway('save', { workers: 2 })
    let held: SteppedRequest[] = []
    all.snapshot.cow.during('write', 'data 3', () => {
      held = all.merge.begin('hold', 1)
      for (let turn = 0; turn < 5; turn++) all.engine.turn(1)
      expect(held.map(({ outcome }) => outcome)).toEqual([undefined])
    })
    const write = all.engine.write(0, 0, inWindow * chunkBytes, ofByte(1))
    const bell = all.engine.worker(1).signals.workers[1]
    let rung = bell?.read()
    all.snapshot.hooks.afterMiss = undefined
    all.engine.turn(0)
    expect(bell?.read()).not.toBe(rung)
    rung = bell?.read()
    all.engine.settle()
    expect([write.outcome, held[0]?.outcome]).toEqual(['OK', 'OK'])
    all.expected.fill(1, inWindow * chunkBytes, (inWindow + 1) * chunkBytes)
    for (const step of ['copy', 'commit'] as const) expect(all.merge.take(step, 1)).toBe(true)
    expect(all.merge.toTheEnd()).toBeUndefined()
    expectMerged(all)
  })

  test('a write is not answered while the window has its key, even if it came before HOLD had all keys', () => {
    const all = merging({ written: [1, 2, 5], workers: 2 })
    all.merge.takeUpTo('save', 1)
    let held: SteppedRequest[] = []
    let early: SteppedRequest | undefined
    // Chunk 5 is being written: HOLD has chunks 1 and 2 already.
    all.snapshot.cow.during('write', 'data 4', () => {
      held = all.merge.begin('hold', 1)
      all.engine.turn(1)
      early = all.engine.write(1, 0, chunkBytes, ofByte(9))
      for (let turn = 0; turn < 4; turn++) all.engine.turn(1)
      expect([held[0]?.outcome, early.outcome]).toEqual([undefined, undefined])
    })
    all.engine.write(0, 0, 5 * chunkBytes, ofByte(8))
    all.engine.settle()
    expect([held[0]?.outcome, early?.outcome]).toEqual(['OK', undefined])
    all.expected.fill(8, 5 * chunkBytes, 6 * chunkBytes)
    all.expected.fill(9, chunkBytes, 2 * chunkBytes)
    for (const step of ['copy', 'commit'] as const) expect(all.merge.take(step, 1)).toBe(true)
    expect(early?.outcome).toBe('OK')
    expectMerged(all)
  })

  test('HOLD gets its keys although one chunk is written all the time', () => {
    for (const holder of [0, 1]) {
      const all = merging({ written: [5], workers: 2 })
      all.merge.takeUpTo('save', 1)
      const writes: SteppedRequest[] = []
      const writeAgain = () => writes.push(all.engine.write(0, 0, 5 * chunkBytes, ofByte(writes.length + 1)))
      writeAgain()
      writeAgain()
      all.engine.turn(0)
      const [hold] = all.merge.begin('hold', holder)
      // Two requests are always in flight, so the worker that has them always has one that waits for the key.
      for (let turn = 0; turn < 20 && hold?.outcome === undefined; turn++) {
        writeAgain()
        all.engine.turn(0)
        all.engine.turn(1)
      }
      expect(hold?.outcome, `worker ${holder} holds`).toBe('OK')
      for (const step of ['copy', 'commit'] as const) expect(all.merge.take(step, 1)).toBe(true)
      all.engine.settle()
      expect(writes.every(({ outcome }) => outcome === 'OK')).toBe(true)
      all.expected.fill(writes.length, 5 * chunkBytes, 6 * chunkBytes)
      expectMerged(all)
    }
  })

  test('a write over a mix of chunk states is one write: each part where it belongs, the held one last', () => {
    // Chunks 8 … 15 of the merging store; a sibling whose chunk is a key of all of them.
    const all = merging({ written: [8, 11, 10, 13], siblings: [{ chunkSectors: 64 }] })
    all.merge.oneWindow({ countMax: 1 })
    all.merge.takeUpTo('hold', 0, 1)
    all.engine.trace.clear()
    const write = all.engine.write(0, 0, 7 * chunkBytes + 512, ofByte(3, 9 * chunkBytes))
    all.expected.fill(3, 7 * chunkBytes + 512, 16 * chunkBytes + 512)
    all.engine.settle()
    expect(write.outcome).toBeUndefined()
    for (const step of ['copy', 'commit'] as const) expect(all.merge.take(step)).toBe(true)
    expect(write.outcome).toBe('OK')
    expectDevice(all.engine, all.expected)
    // 8 and 11 are in the store still and written there.
    expect(all.engine.trace.only('s1 write data')).toEqual(['s1 write data 2+4096', 's1 write data 3+4096'])
    expect(all.merge.toTheEnd()).toBeUndefined()
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })

  test('W3: a write over chunks with and without exception saves for the siblings all that it changes on the origin', () => {
    const all = merging({ written: [10], siblings: [{ chunkSectors: 16 }, { chunkSectors: 4 }] })
    // One key: chunk 10 is the store's, chunk 11 the origin's, and no sibling has either.
    const write = settled(all.engine, all.engine.write(0, 0, 10 * chunkBytes + 512, ofByte(3, 2 * chunkBytes - 1024)))
    all.expected.fill(3, 10 * chunkBytes + 512, 12 * chunkBytes - 512)
    expect(write.outcome).toBe('OK')
    expectUntouched(all.engine, all.siblings)
    expectDevice(all.engine, all.expected)
    expect(all.merge.toTheEnd()).toBeUndefined()
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })

  test('a read over a mix of chunk states has each part from where it is', () => {
    const all = merging({ written: [8, 9, 11, 10, 13] })
    all.merge.oneWindow({ countMax: 1 })
    all.engine.trace.clear()
    const read = settled(all.engine, all.engine.read(0, 0, 7 * chunkBytes + 512, 8 * chunkBytes))
    expect(sameBytes(read.bytes, all.expected.slice(7 * chunkBytes + 512, 15 * chunkBytes + 512))).toBe(true)
    expect(all.engine.trace.lines).toEqual([
      'origin read 29184+3584',
      's1 read data 2+8192',
      's1 read data 5+4096',
      's1 read data 4+4096',
      'origin read 49152+12800',
    ])
  })

  test('a read that looked before the commit and reads after it shows what was acknowledged before', () => {
    const all = midway('copy', { workers: 2 })
    let deferred: SteppedRequest | undefined
    all.snapshot.cow.during('read', 'data 3', () => {
      deferred = all.engine.write(1, 0, inWindow * chunkBytes, ofByte(1))
      all.merge.begin('commit', 1)
      for (let turn = 0; turn < 4; turn++) all.engine.turn(1)
    })
    const read = all.engine.read(0, 0, inWindow * chunkBytes, chunkBytes)
    all.engine.turn(0)
    // The two were in flight together, so either content is right; torn ones are not.
    expect(deferred?.outcome).toBe('OK')
    expect(read.bytes).toEqual(ofByte(byteOf(inWindow)))
  })

  test.each(mergeSteps)('after %s a flush goes to the origin and to the store', (last) => {
    const all = midway(last)
    const flush = settled(all.engine, all.engine.flush(0, 0))
    expect(flush.outcome).toBe('OK')
    expect(all.engine.trace.lines).toEqual(['origin barrier', 's1 barrier'])
    all.snapshot.cow.fail('barrier', '', 5, 1)
    expect(settled(all.engine, all.engine.flush(0, 0)).outcome).toBe('IO_ERROR')
    all.engine.origin.fail('barrier', '', 5, 1)
    expect(settled(all.engine, all.engine.flush(0, 0)).outcome).toBe('IO_ERROR')
  })

  test.each([
    ['refused', 'NOT_SUPPORTED'],
    ['zeroes', 'OK'],
    ['zeroes-and-passdown', 'OK'],
  ] as const)(
    'discards of a store that says %s are answered %s and change nothing, in every step',
    (discards, outcome) => {
      for (const last of mergeSteps) {
        const all = midway(last, { discards })
        const ranges = [merged, inWindow, later, never].map((chunk) =>
          all.engine.discard(0, 0, chunk * chunkBytes, chunkBytes),
        )
        all.engine.settle()
        expect(ranges.map((range) => range.outcome)).toEqual(new Array(4).fill(outcome))
        expect(all.engine.trace.lines).toEqual([])
        finish(all, last)
        expectMerged(all)
      }
    },
  )

  test('zeroing in place is refused where the store has a chunk, and done where it has none', () => {
    const all = midway('copy')
    const zeroed = [merged, inWindow, later, never].map((chunk) =>
      all.engine.zero(0, 0, chunk * chunkBytes, chunkBytes),
    )
    all.engine.settle()
    expect(zeroed.map(({ outcome }) => outcome)).toEqual(['OK', 'NOT_SUPPORTED', 'NOT_SUPPORTED', 'OK'])
    for (const chunk of [merged, never]) all.expected.fill(0, chunk * chunkBytes, (chunk + 1) * chunkBytes)
    finish(all, 'copy')
    expectMerged(all)
  })

  test('no exception is ever added to the merging store', () => {
    const all = merging({ siblings: [{ chunks: 100 }] })
    for (let chunk = 0; chunk < originChunks; chunk++) {
      all.engine.write(0, 0, chunk * chunkBytes + 512, ofByte(chunk + 1, 512))
      all.expected.fill(chunk + 1, chunk * chunkBytes + 512, chunk * chunkBytes + 1024)
    }
    all.engine.settle()
    expect(all.snapshot.cursor.claimed()).toBe(5)
    expect(all.engine.trace.count('s1 publish')).toBe(0)
    expectDevice(all.engine, all.expected)
    expect(all.merge.toTheEnd()).toBeUndefined()
    expectMerged(all)
    expectUntouched(all.engine, all.siblings)
  })

  test('the last chunk, which reaches past the end of the origin, is merged as far as the origin goes', () => {
    const engine = new SteppedEngine({ originBytes: 10 * chunkBytes + 1536 })
    const snapshot = engine.snapshot()
    const sibling = engine.snapshot({ chunkSectors: 16 })
    const expected = engine.original(0, engine.origin.bytes.length)
    engine.write(0, snapshot.volume, 10 * chunkBytes, ofByte(5, 1536))
    engine.write(0, snapshot.volume, 9 * chunkBytes, ofByte(6))
    engine.settle()
    expected.fill(5, 10 * chunkBytes)
    expected.fill(6, 9 * chunkBytes, 10 * chunkBytes)
    const merge = new SteppedMerge(engine, snapshot)
    expect(merge.toTheEnd()).toBeUndefined()
    expectUntouched(engine, [sibling])
    expectMerged({ engine, snapshot, siblings: [sibling], merge, expected })
  })
})

describe('several workers', () => {
  test("every step of a window can be another worker's, and slices of one step several", () => {
    const all = merging({ workers: 3, siblings: [{}], written: Array.from({ length: 30 }, (_, index) => 2 * index) })
    const workers: Record<MergeStep, number> = { gather: 2, save: 0, hold: 1, copy: 2, commit: 0 }
    expect(all.merge.toTheEnd({ countMax: 11, workerOf: (step) => workers[step] })).toBeUndefined()
    expectUntouched(all.engine, all.siblings)
    expectMerged(all)
  })

  test('L2: a window that waits for a key holds only lower ones', () => {
    const all = merging({ written: [9, 3, 30], workers: 2 })
    all.merge.takeUpTo('save', 1)
    const stripes = [3, 9, 30].map((key) => all.engine.locks.stripeOf(0, key))
    const middle = [...stripes].sort((a, b) => a - b)[1] as number
    expect(all.engine.locks.tryHold(middle, 7)).toBe(true)
    const [hold] = all.merge.begin('hold', 1)
    for (let turn = 0; turn < 5; turn++) all.engine.turn(1)
    expect(hold?.outcome).toBeUndefined()
    const isFree = stripes.map((stripe) => all.engine.locks.tryHold(stripe, 8))
    expect(isFree).toEqual(stripes.map((stripe) => stripe > middle))
    for (const stripe of stripes) if (stripe > middle) all.engine.locks.release(stripe)
    if (all.engine.locks.release(middle)) all.engine.worker(1).signals.ringParked()
    all.engine.settle()
    expect(hold?.outcome).toBe('OK')
    expect(all.engine.locks.heldCount()).toBe(3)
    all.merge.letGo(windowEnd.open)
    expect(all.engine.locks.heldCount()).toBe(0)
  })

  test('what is merged counts once, whatever else its steps do', () => {
    const all = merging({ siblings: [{}] })
    expect(all.merge.toTheEnd({ countMax: 3 })).toBeUndefined()
    const { counters, operations } = all.engine.statistics()
    expect([operations.merge.bytes, counters.mergedChunks]).toEqual([5 * chunkBytes, 5])
  })

  test('chunks of one key are held once and freed once', () => {
    const all = merging({ written: [8, 9, 10, 11], siblings: [{ chunkSectors: 64 }] })
    all.merge.takeUpTo('hold')
    expect(all.engine.locks.heldCount()).toBe(1)
    for (const step of ['copy', 'commit'] as const) expect(all.merge.take(step)).toBe(true)
    expectMerged(all)
  })
})
