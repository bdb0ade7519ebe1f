/**
 * Reference 5.6: a step of a merge that fails. Nothing in memory has changed unless the I/O succeeded; writes that the window
 * held get EIO, all others go on; no key is left; and what is on the COW can be loaded and merged on.
 */
import { describe, expect, test } from 'vitest'
import { openStore } from '../../src/control/open-store.js'
import { blockBytes, StoreIo } from '../../src/control/store-io.js'
import { mergeOwner } from '../../src/shm/lock-table.js'
import { mergeFault, windowEnd } from '../../src/shm/merge-window.js'
import { SteppedEngine, sameBytes } from '../support/stepped-engine.js'
import { SteppedFile } from '../support/stepped-file.js'
import type { SteppedRequest } from '../support/stepped-lane.js'
import { type MergeStep, SteppedMerge } from '../support/stepped-merge.js'
import { Trace } from '../support/stepped-trace.js'

const chunkBytes = 4096
const originChunks = 64
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
/** In the order of the list; the last three are the window. */
const written = [10, 20, 30, 31, 40]
const countMax = 3
const windowChunks = [30, 31, 40]

function merging() {
  const engine = new SteppedEngine({ originBytes: originChunks * chunkBytes, workers: 2 })
  const snapshot = engine.snapshot()
  const expected = engine.original(0, engine.origin.bytes.length)
  for (const chunk of written) {
    engine.write(0, snapshot.volume, chunk * chunkBytes, ofByte(100 + chunk))
    engine.settle()
    expected.fill(100 + chunk, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  }
  const sibling = engine.snapshot()
  const merge = new SteppedMerge(engine, snapshot)
  return { engine, snapshot, sibling, merge, expected }
}

type Merging = ReturnType<typeof merging>

/** What memory says of the store: the same as before the window. */
function expectUnchanged({ snapshot }: Merging) {
  expect(snapshot.cursor.committed()).toBe(written.length)
  expect(written.map((chunk) => snapshot.map.lookUp(chunk))).toEqual([2, 3, 4, 5, 6])
}

/** Loads the COW anew and merges it to the end. */
async function mergeOn({ engine, expected, snapshot }: Merging) {
  const origin = engine.origin.bytes.slice()
  const cow = snapshot.cow.bytes.slice()
  const arena = new Uint8Array(new SharedArrayBuffer(blockBytes))
  const file = new SteppedFile('cow', cow, arena, new Trace(), () => '')
  const io = new StoreIo({ name: 'cow', sizeBytes: cow.length, blockSectors: 1 }, file, arena, 0)
  const store = await openStore(io, 8, { sizeBytes: origin.length, blockSectors: 1 }, 'attach')
  const next = new SteppedEngine({ originBytes: origin.length, content: origin })
  expect(new SteppedMerge(next, next.snapshot({ loaded: { store, cowBytes: cow } })).toTheEnd()).toBeUndefined()
  expect(sameBytes(next.origin.bytes, expected)).toBe(true)
}

function expectDevice({ engine, expected, sibling }: Merging) {
  const reads = [engine.read(0, 0, 0, expected.length), engine.read(0, sibling.volume, 0, expected.length)]
  engine.settle()
  expect(reads.map(({ outcome }) => outcome)).toEqual(['OK', 'OK'])
  expect(sameBytes(reads[0]?.bytes, expected)).toBe(true)
  expect(sameBytes(reads[1]?.bytes, engine.original(0, expected.length))).toBe(true)
}

/** Writes 512 bytes to each of `chunks`; what is answered well is expected from then on. */
function writeTo(all: Merging, chunks: readonly number[], byte: number): SteppedRequest[] {
  const writes = chunks.map((chunk) => all.engine.write(1, 0, chunk * chunkBytes + 512, ofByte(byte, 512)))
  all.engine.settle()
  return writes
}

function expectWritten(all: Merging, writes: readonly SteppedRequest[], chunks: readonly number[], byte: number) {
  expect(writes.map(({ outcome }) => outcome)).toEqual(chunks.map(() => 'OK'))
  for (const chunk of chunks) all.expected.fill(byte, chunk * chunkBytes + 512, chunk * chunkBytes + 1024)
}

interface Failure {
  readonly step: MergeStep
  readonly fault: number
  readonly chunk?: number
  readonly errno: number
  readonly break: (all: Merging) => void
  /** Whether entries may be gone from the COW. */
  readonly uncertain?: boolean
}

const failures: [string, Failure][] = [
  [
    'a read error of the entries',
    {
      step: 'gather',
      fault: mergeFault.storeReadFailed,
      errno: 5,
      break: ({ snapshot }) => snapshot.cow.fail('read', 'area 0'),
    },
  ],
  [
    'a read error of a chunk of the COW',
    {
      step: 'copy',
      fault: mergeFault.copyReadFailed,
      chunk: 40,
      errno: 5,
      break: ({ snapshot }) => snapshot.cow.fail('read', 'data 6'),
    },
  ],
  [
    'a write error of the origin',
    {
      step: 'copy',
      fault: mergeFault.copyWriteFailed,
      chunk: 30,
      errno: 28,
      break: ({ engine }) => engine.origin.fail('write', `${30 * chunkBytes}+`, 28),
    },
  ],
  [
    'an error of the barrier on the origin',
    {
      step: 'commit',
      fault: mergeFault.originFlushFailed,
      errno: 5,
      break: ({ engine }) => engine.origin.fail('barrier', ''),
    },
  ],
  [
    'an error of the clearing write before its bytes have landed',
    {
      step: 'commit',
      fault: mergeFault.storeWriteFailed,
      errno: 5,
      break: ({ snapshot }) => snapshot.cow.fail('write', 'area 0'),
      uncertain: true,
    },
  ],
  [
    'an error of the clearing write although its bytes have landed',
    {
      step: 'commit',
      fault: mergeFault.storeWriteFailed,
      errno: 5,
      break: ({ snapshot }) => snapshot.cow.failAfter('area 0'),
      uncertain: true,
    },
  ],
  [
    'an error of the barrier on the COW',
    {
      step: 'commit',
      fault: mergeFault.storeWriteFailed,
      errno: 5,
      break: ({ snapshot }) => snapshot.cow.fail('barrier', ''),
      uncertain: true,
    },
  ],
]

describe.each(failures)('%s', (_, failure) => {
  /** Up to the failure, with a write that the window holds if it holds its keys by then. */
  function failed() {
    const all = merging()
    const steps: MergeStep[] = ['gather', 'save', 'hold', 'copy', 'commit']
    let deferred: SteppedRequest | undefined
    for (const step of steps.slice(0, steps.indexOf(failure.step))) {
      expect(all.merge.take(step, 0, countMax)).toBe(true)
      if (step !== 'hold') continue
      deferred = all.engine.write(1, 0, 31 * chunkBytes + 1024, ofByte(77, 512))
      all.engine.settle()
    }
    failure.break(all)
    const requests = all.merge.begin(failure.step, 0, countMax)
    all.engine.settle()
    expect(requests.map(({ errno, outcome }) => [outcome, errno])).toContainEqual(['IO_ERROR', failure.errno])
    return { all, deferred }
  }

  test('says what failed, and changes nothing in memory', () => {
    const { all, deferred } = failed()
    const { window } = all.merge
    expect([window.fault, window.faultChunk]).toEqual([failure.fault, failure.chunk ?? 0])
    expectUnchanged(all)
    expect(deferred?.outcome).toBeUndefined()
    all.snapshot.cow.heal()
    expectDevice(all)
  })

  test('given up, fails what the window held, and leaves no key and nobody waiting', () => {
    const { all, deferred } = failed()
    all.snapshot.cow.heal()
    all.engine.origin.heal()
    all.engine.trace.clear()
    expect(all.merge.giveUp(1).outcome).toBe('OK')
    if (deferred !== undefined) expect([deferred.outcome, deferred.errno]).toEqual(['IO_ERROR', 5])
    expect(all.engine.trace.count('write')).toBe(0)
    expect(all.engine.locks.heldCount()).toBe(0)
    expect(all.engine.workers.map(({ parked }) => parked)).toEqual([0, 0])
    expectUnchanged(all)
    expectDevice(all)
  })

  test('given up, fails no later write that waited for the merge of another origin, whose key is on the same stripe', () => {
    if (failure.uncertain === true) return
    const { all } = failed()
    all.snapshot.cow.heal()
    all.engine.origin.heal()
    all.merge.giveUp()
    const { locks } = all.engine
    const stripe = locks.stripeOf(0, 30)
    expect(locks.tryHoldForMerge(stripe, mergeOwner(7))).toBe(true)
    const waiting = all.engine.write(1, 0, 30 * chunkBytes, ofByte(63, 512))
    all.engine.settle()
    expect(waiting.outcome).toBeUndefined()
    locks.releaseOnce(stripe, mergeOwner(7))
    all.engine.settle()
    expect(waiting.outcome).toBe('OK')
  })

  test('given up, leaves the device with the snapshot: later writes go on, also to its chunks unless their entries are uncertain', async () => {
    const { all } = failed()
    all.snapshot.cow.heal()
    all.engine.origin.heal()
    all.merge.giveUp()
    const others = [10, 20, 50]
    expectWritten(all, writeTo(all, others, 60), others, 60)
    const again = writeTo(all, windowChunks, 61)
    if (failure.uncertain === true) {
      expect(again.map(({ errno, outcome }) => [outcome, errno])).toEqual(windowChunks.map(() => ['IO_ERROR', 5]))
      // Also where only a part of the write touches such a chunk; the part before it may have landed.
      const across = all.engine.write(0, 0, 39 * chunkBytes, ofByte(62, 2 * chunkBytes))
      all.engine.settle()
      expect(across.outcome).toBe('IO_ERROR')
      all.expected.set(all.engine.origin.bytes.subarray(39 * chunkBytes, 40 * chunkBytes), 39 * chunkBytes)
    } else expectWritten(all, again, windowChunks, 61)
    expectDevice(all)
    expect(all.engine.locks.heldCount()).toBe(0)
    await mergeOn(all)
  })
})

test('a window that is to be tried again lets its writers go on, and merges what they wrote', () => {
  const all = merging()
  all.merge.takeUpTo('hold', 0, countMax)
  const write = all.engine.write(1, 0, 31 * chunkBytes + 512, ofByte(7, 512))
  all.engine.settle()
  all.snapshot.cow.fail('read', 'data 6', 5, 1)
  expect(all.merge.take('copy')).toBe(false)
  all.merge.letGo(windowEnd.open)
  expectWritten(all, [write], [31], 7)
  expect(all.merge.toTheEnd({ countMax: 1 })).toBeUndefined()
  expectDevice(all)
  expect(sameBytes(all.engine.origin.bytes, all.expected)).toBe(true)
})

describe('an entry that is not what the map says', () => {
  const corruptions: [string, number, number, number][] = [
    ['names another old chunk', 35, 6, 35],
    ['names another new chunk', 40, 9, 40],
    ['is zero', 0, 0, 0],
    ['names a chunk past the end of the origin', 1e6, 6, 1e6],
    ['names a chunk that does not fit 32 bits', 2 ** 40, 6, 0],
    ['names a new chunk that does not fit 32 bits', 40, 2 ** 40, 0],
  ]

  test.each(corruptions)('fails the merge before anything is copied: it %s', (_, oldChunk, newChunk, blamed) => {
    const all = merging()
    const view = new DataView(all.snapshot.cow.bytes.buffer)
    view.setBigUint64(chunkBytes + 4 * 16, BigInt(oldChunk), true)
    view.setBigUint64(chunkBytes + 4 * 16 + 8, BigInt(newChunk), true)
    all.engine.trace.clear()
    expect(all.merge.take('gather', 0, countMax)).toBe(false)
    expect([all.merge.window.fault, all.merge.window.faultChunk]).toEqual([mergeFault.corrupt, blamed])
    all.merge.giveUp()
    expect(all.engine.trace.count('write')).toBe(0)
    expectUnchanged(all)
    expectDevice(all)
    // What the map says is still the truth of the device, and it can be written.
    const chunks = [10, 40, 50]
    expectWritten(all, writeTo(all, chunks, 8), chunks, 8)
    expectDevice(all)
    expect(all.engine.locks.heldCount()).toBe(0)
  })

  test.each([
    ['names another old chunk', 12, 3],
    ['names another new chunk', 20, 9],
    ['is zero', 0, 0],
  ])('fails the merge also where it would only be written again: it %s', (_, oldChunk, newChunk) => {
    const all = merging()
    const view = new DataView(all.snapshot.cow.bytes.buffer)
    view.setBigUint64(chunkBytes + 16, BigInt(oldChunk), true)
    view.setBigUint64(chunkBytes + 16 + 8, BigInt(newChunk), true)
    all.engine.trace.clear()
    expect(all.merge.take('gather', 0, countMax)).toBe(false)
    expect([all.merge.window.fault, all.merge.window.faultChunk]).toEqual([mergeFault.corrupt, oldChunk])
    all.merge.giveUp()
    expect(all.engine.trace.count('write')).toBe(0)
    expectUnchanged(all)
    expect(all.engine.locks.heldCount()).toBe(0)
  })
})
