/** A worker that dies in a step of a merge: another takes the step again, whatever had been done of it. */
import { describe, expect, test } from 'vitest'
import { mergeFault, windowEnd } from '../../src/shm/merge-window.js'
import { SteppedEngine, sameBytes, WorkerStopped } from '../support/stepped-engine.js'
import type { SteppedRequest } from '../support/stepped-lane.js'
import { type MergeStep, mergeSteps, SteppedMerge } from '../support/stepped-merge.js'

const chunkBytes = 512
const originChunks = 100
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const stop = () => {
  throw new WorkerStopped()
}

/** 40 exceptions, over two areas; the window is the last 20. */
const written = Array.from({ length: 40 }, (_, index) => (index < 30 ? 2 * index : 30 + index))
const countMax = 20
const inWindow = written.slice(-countMax)

function merging() {
  const engine = new SteppedEngine({ originBytes: originChunks * chunkBytes, workers: 2 })
  const snapshot = engine.snapshot({ chunkSectors: 1, chunks: 100 })
  const expected = engine.original(0, engine.origin.bytes.length)
  for (const chunk of written) {
    engine.write(0, snapshot.volume, chunk * chunkBytes, ofByte(100 + chunk))
    engine.settle()
    expected.fill(100 + chunk, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  }
  const sibling = engine.snapshot({ chunkSectors: 2, chunks: 200 })
  const merge = new SteppedMerge(engine, snapshot)
  return { engine, snapshot, sibling, merge, expected }
}

type Merging = ReturnType<typeof merging>

function expectMerged({ engine, expected, sibling, snapshot }: Merging) {
  expect(sameBytes(engine.origin.bytes, expected)).toBe(true)
  expect(engine.entriesOf(snapshot)).toEqual([])
  expect([snapshot.cursor.committed(), snapshot.cursor.claimed(), snapshot.cursor.cleared()]).toEqual([0, 0, 0])
  expect(engine.locks.heldCount()).toBe(0)
  expect(engine.workers.map(({ parked }) => parked)).toEqual([0, 0])
  const read = engine.read(1, sibling.volume, 0, engine.origin.bytes.length)
  engine.settle()
  expect(sameBytes(read.bytes, engine.original(0, engine.origin.bytes.length))).toBe(true)
}

const places: [MergeStep, string, (all: Merging) => void][] = [
  ['gather', 'while it reads entries', ({ snapshot }) => snapshot.cow.during('read', 'area 0', stop)],
  [
    'gather',
    'while it reads the entries that it keeps',
    ({ snapshot }) => {
      snapshot.cow.during('read', 'area 0', () => snapshot.cow.during('read', 'area', stop))
    },
  ],
  ['save', 'while it reads the origin', ({ engine }) => engine.origin.during('read', '', stop)],
  ['save', 'while it copies to a sibling', ({ sibling }) => sibling.cow.during('write', 'data', stop)],
  ['save', 'while it writes entries of a sibling', ({ sibling }) => sibling.cow.during('write', 'area', stop)],
  [
    'save',
    'before its answer',
    ({ sibling }) => {
      sibling.cow.during('barrier', '', () => sibling.cow.during('barrier', '', stop))
    },
  ],
  ['copy', 'while it reads the COW', ({ snapshot }) => snapshot.cow.during('read', 'data', stop)],
  ['copy', 'while it writes the origin', ({ engine }) => engine.origin.during('write', '', stop)],
  ['copy', 'half-way', ({ engine }) => engine.origin.during('write', `${50 * chunkBytes}+`, stop)],
  ['commit', 'before the barrier on the origin', ({ engine }) => engine.origin.during('barrier', '', stop)],
  ['commit', 'while it clears the last area', ({ snapshot }) => snapshot.cow.during('write', 'area 1', stop)],
  ['commit', 'between two areas', ({ snapshot }) => snapshot.cow.during('write', 'area 0', stop)],
  ['commit', 'before the barrier on the COW', ({ snapshot }) => snapshot.cow.during('barrier', '', stop)],
  [
    'commit',
    'before it takes the first exception back',
    ({ snapshot }) => {
      snapshot.hooks.afterRetract = () => {
        snapshot.hooks.afterRetract = undefined
        stop()
      }
    },
  ],
  [
    'commit',
    'when it has taken half of them back',
    ({ snapshot }) => {
      let left = countMax / 2
      snapshot.hooks.afterRetract = () => {
        if (--left > 0) return
        snapshot.hooks.afterRetract = undefined
        stop()
      }
    },
  ],
]

describe.each(places)('in %s, %s', (step, _, plant) => {
  test.each([0, 1])('its step is taken again, by worker %d, and the result is the same', (again) => {
    const all = merging()
    const { engine, merge } = all
    const steps = [...mergeSteps]
    const isHeld = step === 'copy' || step === 'commit'
    let deferred: SteppedRequest | undefined
    const change = (chunk: number, byte: number) => {
      all.expected.fill(byte, chunk * chunkBytes, (chunk + 1) * chunkBytes)
      return engine.write(1, 0, chunk * chunkBytes, ofByte(byte))
    }
    for (const before of steps.slice(0, steps.indexOf(step))) {
      expect(merge.take(before, 1, countMax)).toBe(true)
      if (before !== 'hold') continue
      deferred = change(inWindow[3] as number, 7)
      engine.settle()
    }
    plant(all)
    const lost = merge.begin(step, 0, countMax)
    engine.dieIn(0)
    expect(lost.map(({ outcome }) => outcome)).not.toContain('OK')
    // Others go on: a chunk that is not merged yet and one without exception, as far as no dead worker's claim is before it.
    const early = [change(2, 9)]
    for (let turn = 0; turn < 5; turn++) engine.turn(1)
    expect(early.map(({ outcome }) => outcome)).toEqual(['OK'])
    if (isHeld) expect(deferred?.outcome).toBeUndefined()
    engine.replace(0)
    engine.recover(0)
    const requests = merge.begin(step, again, countMax)
    engine.settle()
    expect(requests.map(({ outcome }) => outcome)).toEqual(requests.map(() => 'OK'))
    for (const after of steps.slice(steps.indexOf(step) + 1)) expect(merge.take(after, again, countMax)).toBe(true)
    if (isHeld) expect(deferred?.outcome).toBe('OK')
    expect(merge.left).toBe(written.length - countMax)
    expect(merge.toTheEnd({ countMax })).toBeUndefined()
    expectMerged(all)
  })
})

describe('a worker that holds keys', () => {
  test('in HOLD, with some of them and parked for the next, leaves them to the one that takes the step again', () => {
    const all = merging()
    const { engine, merge } = all
    merge.takeUpTo('save', 0, countMax)
    const stripes = [...inWindow].map((chunk) => engine.locks.stripeOf(0, Math.floor(chunk / 2))).sort((a, b) => a - b)
    const blocked = stripes[5] as number
    expect(engine.locks.tryHold(blocked, 9)).toBe(true)
    merge.begin('hold', 0)
    engine.turn(0)
    engine.replace(0)
    engine.recover(0)
    const [again] = merge.begin('hold', 1)
    for (let turn = 0; turn < 3; turn++) engine.turn(1)
    expect(again?.outcome).toBeUndefined()
    expect(engine.locks.release(blocked)).toBe(true)
    engine.settle()
    expect(again?.outcome).toBe('OK')
    expect(merge.take('copy', 1)).toBe(true)
    expect(merge.take('commit', 1)).toBe(true)
    expect(merge.toTheEnd({ countMax })).toBeUndefined()
    expectMerged(all)
  })

  test('for a write to the store makes HOLD wait until its recovery', () => {
    const all = merging()
    const { engine, merge, snapshot } = all
    merge.takeUpTo('save', 1, countMax)
    const chunk = inWindow[3] as number
    engine.write(0, 0, chunk * chunkBytes, ofByte(1))
    snapshot.cow.during('write', 'data', stop)
    engine.dieIn(0)
    const [hold] = merge.begin('hold', 1)
    for (let turn = 0; turn < 5; turn++) engine.turn(1)
    expect(hold?.outcome).toBeUndefined()
    engine.replace(0)
    const bell = engine.worker(1).signals.workers[1]
    const before = bell?.read()
    engine.recover(0)
    expect(bell?.read()).not.toBe(before)
    engine.settle()
    expect(hold?.outcome).toBe('OK')
    for (const step of ['copy', 'commit'] as const) expect(merge.take(step, 1)).toBe(true)
    expect(merge.toTheEnd({ countMax })).toBeUndefined()
    expectMerged(all)
  })

  test('while it lets go leaves the rest to be let go of again', () => {
    const all = merging()
    const { engine, merge } = all
    merge.takeUpTo('hold', 0, countMax)
    const { signals } = engine.worker(0)
    signals.ringParked = stop
    const waiting = engine.write(1, 0, (inWindow[0] as number) * chunkBytes, ofByte(1))
    engine.settle()
    expect(waiting.outcome).toBeUndefined()
    const { locks } = engine.worker(0)
    const releaseOnce = locks.releaseOnce.bind(locks)
    let freed = 0
    locks.releaseOnce = (stripe, owner) => (++freed > 5 ? stop() : releaseOnce(stripe, owner))
    merge.begin('commit', 0)
    engine.dieIn(0)
    expect(engine.locks.heldCount()).toBeGreaterThan(0)
    engine.replace(0)
    engine.recover(0)
    expect(merge.letGo(windowEnd.open, 1).outcome).toBe('OK')
    expect([waiting.outcome, engine.locks.heldCount()]).toEqual(['OK', 0])
  })
})

test('recovery leaves the store that is being merged alone', () => {
  const all = merging()
  const { engine, merge, snapshot } = all
  merge.takeUpTo('copy', 1, countMax)
  const { locks } = engine
  const held = locks.heldCount()
  engine.write(0, 0, 2 * chunkBytes, ofByte(1))
  snapshot.cow.during('write', 'data', stop)
  engine.dieIn(0)
  expect(locks.heldCount()).toBe(held + 1)
  engine.replace(0)
  engine.trace.clear()
  engine.recover(0)
  expect(engine.trace.lines).toEqual([])
  expect([locks.heldCount(), snapshot.cursor.committed()]).toEqual([held, written.length])
})

test('a barrier on the origin that fails when COMMIT is taken again leaves the entries uncertain', () => {
  const { engine, merge, snapshot } = merging()
  merge.takeUpTo('copy', 1, countMax)
  snapshot.cow.during('barrier', '', stop)
  merge.begin('commit', 0)
  engine.dieIn(0)
  engine.replace(0)
  engine.recover(0)
  engine.origin.fail('barrier', '', 5, 1)
  expect(merge.take('commit', 1)).toBe(false)
  expect(merge.window.fault).toBe(mergeFault.storeWriteFailed)
  merge.giveUp()
  const writes = [inWindow[0] as number, 2].map((chunk) => engine.write(1, 0, chunk * chunkBytes, ofByte(1)))
  engine.settle()
  expect(writes.map(({ outcome }) => outcome)).toEqual(['IO_ERROR', 'OK'])
})

test('a commit that failed and is taken again with success lets its writers go on', () => {
  const all = merging()
  const { engine, merge, snapshot } = all
  merge.takeUpTo('copy', 1, countMax)
  const chunk = inWindow[0] as number
  const deferred = engine.write(1, 0, chunk * chunkBytes, ofByte(1))
  all.expected.fill(1, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  snapshot.cow.fail('write', 'area', 5, 1)
  engine.worker(0).publishCompletions = stop
  merge.begin('commit', 0)
  // It dies with the answer in its hand: nobody has heard that it failed.
  engine.dieIn(0)
  engine.replace(0)
  engine.recover(0)
  expect(merge.take('commit', 1)).toBe(true)
  expect(deferred.outcome).toBe('OK')
  expect(merge.toTheEnd()).toBeUndefined()
  expectMerged(all)
})
