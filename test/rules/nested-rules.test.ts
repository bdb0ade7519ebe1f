/** Copy-on-write volumes that write to each other, step by step: the rules hold at each level, in the order they must. */
import { expect, test } from 'vitest'
import { present } from '../../src/base/assert.js'
import { FlushFailures, flushFailureBytes } from '../../src/shm/flush-failures.js'
import { VolumeFile } from '../../workers/nested.js'
import { keyBytesWithoutSnapshots, type OriginView, orderSnapshots } from '../../workers/views.js'
import { SteppedEngine, type SteppedSnapshot, sameBytes } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const upperVolume = 20

/** `s1` is a snapshot of the origin, `s2` one of `s1`; volume 20 is the snapshot-origin over `s1`. */
function forkOfFork() {
  const engine = new SteppedEngine({ originBytes: 16 * chunkBytes })
  const lower = engine.snapshot()
  const upper = engine.snapshot()
  const ctx = engine.worker(0)
  const origin = present(lower.views[0], 'view').origin
  orderSnapshots(
    origin,
    origin.snapshots.filter(({ volume }) => volume !== upper.volume),
  )
  origin.nested = 1
  const upperOrigin: OriginView = {
    kind: 'origin',
    volume: upperVolume,
    file: new VolumeFile(ctx, lower.volume),
    flushFailures: new FlushFailures([new SharedArrayBuffer(flushFailureBytes)]),

    isDirect: false,
    sizeBytes: origin.sizeBytes,
    nested: 2,
    refusesDiscards: true,
    snapshots: [],
    merging: undefined,
    keyBytes: keyBytesWithoutSnapshots,
    committedInTurn: 0,
  }
  ctx.volumes[upperVolume] = upperOrigin
  const view = upper.attach(upperOrigin)
  ctx.volumes[upper.volume] = view
  orderSnapshots(upperOrigin, [view])
  // The scratch of nested levels, where the test's requests do not reach.
  ctx.nestedScratch = [2 ** 25 - 2 ** 20, 2 ** 25 - 2 ** 21]
  return { engine, lower, upper, view }
}

const steps = (engine: SteppedEngine): readonly string[] => engine.trace.lines

test('W1, W3, P1: a write through two levels is durable and published above before it begins below', () => {
  const { engine } = forkOfFork()
  const write = engine.write(0, upperVolume, 0, ofByte(9))
  engine.settle()
  expect(write.outcome).toBe('OK')
  expect(steps(engine)).toEqual([
    'origin read 0+4096',
    's2 write data 2+4096',
    's2 copied 0',
    's2 barrier',
    's2 write area 0 at 0+512',
    's2 barrier',
    's2 publish 0',
    // The write of the upper origin is a first write of the lower snapshot, whole: nothing has to be read.
    's1 write data 2+4096',
    's1 copied 0',
    's1 barrier',
    's1 write area 0 at 0+512',
    's1 barrier',
    's1 publish 0',
  ])
  expect(sameBytes(engine.original(0, chunkBytes), engine.origin.bytes.subarray(0, chunkBytes))).toBe(true)
})

test('the barrier of a store that lies on a snapshot is the barrier of that snapshot', () => {
  const { engine, lower, view } = forkOfFork()
  view.cow = new VolumeFile(engine.worker(0), lower.volume)
  engine.trace.clear()
  expect(view.cow.barrier()).toBe(0)
  expect(steps(engine)).toEqual(['s1 barrier'])
  lower.cow.fail('barrier', '')
  expect(view.cow.barrier()).toBe(5)
})

test('a lower snapshot that is invalid fails reads, writes and barriers of what lies on it, and nothing else', () => {
  const { engine, lower } = forkOfFork()
  lower.cow.fail('write', 'data')
  const write = engine.write(0, upperVolume, 0, ofByte(9))
  engine.settle()
  expect(write.outcome).toBe('IO_ERROR')
  const read = engine.read(0, upperVolume, 0, 512)
  const below = engine.write(0, 0, 8 * chunkBytes, ofByte(3))
  engine.settle()
  expect([read.outcome, below.outcome]).toEqual(['IO_ERROR', 'OK'])
  expect(new VolumeFile(engine.worker(0), lower.volume).barrier()).toBe(5)
})

test('no key is left behind, and none is asked of other workers', () => {
  const { engine } = forkOfFork()
  for (let chunk = 0; chunk < 8; chunk++) engine.write(0, upperVolume, chunk * chunkBytes, ofByte(chunk + 1))
  engine.settle()
  expect(engine.locks.heldCount()).toBe(0)
  expect(engine.worker(0).commitWaiters.count + engine.worker(0).lockWaiters.count).toBe(0)
})

test('after a death the lower store is recovered before the upper one is written through it', () => {
  const { engine, lower, upper } = forkOfFork()
  const order: string[] = []
  const claims = (snapshot: SteppedSnapshot) => {
    snapshot.cursor.tryTakeClaims(1)
    snapshot.cursor.claim(0)
    snapshot.cursor.releaseClaims()
  }
  claims(upper)
  claims(lower)
  for (const snapshot of [upper, lower]) {
    snapshot.cow.during('write', 'data', () => {
      order.push(snapshot.name)
    })
  }
  engine.recover(0)
  expect(order).toEqual(['s1', 's2'])
})
