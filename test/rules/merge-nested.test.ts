/**
 * Merging in a stack whose volumes write to each other: one window is one step of the one worker that serves the stack, and
 * the rules hold at each level.
 */
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.js'
import { FlushFailures, flushFailureBytes } from '../../src/shm/flush-failures.js'
import { MergeWindow, mergeFault, mergeWindowBytes, windowEnd } from '../../src/shm/merge-window.js'
import { operation } from '../../src/wire/operation.js'
import { VolumeFile } from '../../workers/nested.js'
import { keyBytesWithoutSnapshots, type OriginView, orderSnapshots, startMerging } from '../../workers/views.js'
import { SteppedEngine, type SteppedSnapshot, sameBytes, WorkerStopped } from '../support/stepped-engine.js'

const chunkBytes = 4096
const ofByte = (byte: number, byteLength = chunkBytes) => new Uint8Array(byteLength).fill(byte)
const upperVolume = 20
const stop = () => {
  throw new WorkerStopped()
}

/**
 * `s1` is a snapshot of the origin and `s2` its sibling; over `s1` lies the snapshot-origin 20 with snapshots `s3`, which is
 * to be merged, and `s4`.
 */
function originOverSnapshot() {
  const engine = new SteppedEngine({ originBytes: 16 * chunkBytes })
  const [lower, lowerSibling, upper, upperSibling] = [0, 1, 2, 3].map(() => engine.snapshot()) as [
    SteppedSnapshot,
    SteppedSnapshot,
    SteppedSnapshot,
    SteppedSnapshot,
  ]
  const windowMemory = new SharedArrayBuffer(mergeWindowBytes)
  /** Also for the successor of a dead worker. */
  const stackUp = (merges: boolean) => {
    const ctx = engine.worker(0)
    const origin = present(lower.views[0], 'view').origin
    orderSnapshots(
      origin,
      origin.snapshots.filter(({ volume }) => volume === lower.volume || volume === lowerSibling.volume),
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
    const views = [upper, upperSibling].map((snapshot) => snapshot.attach(upperOrigin))
    for (const view of views) ctx.volumes[view.volume] = view
    const [view, siblingView] = views
    if (view === undefined || siblingView === undefined) throw new Error('there are two')
    if (merges) {
      orderSnapshots(upperOrigin, [siblingView])
      startMerging(upperOrigin, view, new MergeWindow(windowMemory))
    } else orderSnapshots(upperOrigin, views)
    // The scratch of nested levels, where the test's requests do not reach.
    ctx.nestedScratch = [2 ** 25 - 2 ** 20, 2 ** 25 - 2 ** 21]
  }
  stackUp(false)
  const expected = engine.original(0, engine.origin.bytes.length)
  for (const chunk of [3, 4, 9]) {
    engine.write(0, upper.volume, chunk * chunkBytes, ofByte(100 + chunk))
    engine.settle()
    expected.fill(100 + chunk, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  }
  stackUp(true)
  engine.trace.clear()
  const window = new MergeWindow(windowMemory)
  const stack = { engine, lower, lowerSibling, upper, upperSibling, window, expected }
  const mergeOnce = (end: number, countMax = 100) => engine.step(0, operation.mergeAtOnce, end, countMax, upperVolume)
  return { ...stack, stackUp, mergeOnce }
}

type Stack = ReturnType<typeof originOverSnapshot>

const shownBy = (engine: SteppedEngine, volume: number): Uint8Array => {
  const read = engine.read(0, volume, 0, engine.origin.bytes.length)
  engine.settle()
  expect(read.outcome).toBe('OK')
  return read.bytes
}

/** Everything has gone down into `s1`, nothing into the origin; the siblings of both levels show the origin's content. */
function expectMerged({ engine, expected, lower, lowerSibling, upper, upperSibling }: Stack) {
  expect(engine.entriesOf(upper)).toEqual([])
  expect([upper.cursor.committed(), upper.cursor.claimed()]).toEqual([0, 0])
  for (const volume of [upperVolume, lower.volume]) {
    expect(sameBytes(shownBy(engine, volume), expected), `${volume}`).toBe(true)
  }
  const original = engine.original(0, expected.length)
  expect(sameBytes(engine.origin.bytes, original)).toBe(true)
  for (const { name, volume } of [lowerSibling, upperSibling]) {
    expect(sameBytes(shownBy(engine, volume), original), name).toBe(true)
  }
  expect(engine.locks.heldCount()).toBe(0)
  expect(engine.worker(0).parked).toBe(0)
}

test('W3, W4: a window over an origin that is a snapshot: each level is durable before what relies on it', () => {
  const stack = originOverSnapshot()
  const step = stack.mergeOnce(3)
  stack.engine.settle()
  expect(step.outcome).toBe('OK')
  const { trace } = stack.engine
  expect(trace.only('write', 'barrier', 'publish', 'retract')).toEqual([
    // SAVE: the sibling on top gets what `s1` shows.
    's4 write data 2+12288',
    's4 barrier',
    's4 write area 0 at 0+512',
    's4 barrier',
    's4 publish 9',
    's4 publish 3',
    's4 publish 4',
    // COPY: writes of `s1`, each to its end.
    's1 write data 2+8192',
    's1 barrier',
    's1 write area 0 at 0+512',
    's1 barrier',
    's1 publish 3',
    's1 publish 4',
    's1 write data 4+4096',
    's1 barrier',
    's1 write area 0 at 0+512',
    's1 barrier',
    's1 publish 9',
    // COMMIT: the barrier of the origin above is the one of `s1`.
    's1 barrier',
    's3 write area 0 at 0+512',
    's3 barrier',
    's3 retract 9',
    's3 retract 4',
    's3 retract 3',
  ])
  expectMerged(stack)
  const { counters, operations } = stack.engine.statistics()
  expect([operations.merge.bytes, counters.mergedChunks]).toEqual([3 * chunkBytes, 3])
})

test('requests of every level between the windows of a nested merge', () => {
  const stack = originOverSnapshot()
  const { engine, expected, lower, mergeOnce } = stack
  const put = (volume: number, chunk: number, byte: number) => {
    const write = engine.write(0, volume, chunk * chunkBytes + 512, ofByte(byte, 1024))
    engine.settle()
    expect(write.outcome).toBe('OK')
    expected.fill(byte, chunk * chunkBytes + 512, chunk * chunkBytes + 1536)
  }
  for (let end = 3; end > 0; end--) {
    const step = mergeOnce(end, 1)
    engine.settle()
    expect(step.outcome).toBe('OK')
    put(upperVolume, 9, end)
    put(upperVolume, 3, end + 10)
    put(upperVolume, 12, end + 20)
    expect(sameBytes(shownBy(engine, upperVolume), expected)).toBe(true)
  }
  expect(sameBytes(shownBy(engine, lower.volume), expected)).toBe(true)
  expectMerged(stack)
})

test('a store that lies on a snapshot is merged from there, and cleared there', () => {
  const engine = new SteppedEngine({ originBytes: 16 * chunkBytes })
  // `s1` is a snapshot of the origin whose bytes are the COW of a store for another device; here the store's own file.
  const lower = engine.snapshot()
  const upper = engine.snapshot({ chunks: 16 })
  const sibling = engine.snapshot()
  const ctx = engine.worker(0)
  const origin = present(lower.views[0], 'view').origin
  orderSnapshots(
    origin,
    origin.snapshots.filter(({ volume }) => volume === lower.volume),
  )
  origin.nested = 1
  const bytes = engine.original(0, 16 * chunkBytes)
  const device = upper.cow
  const upperOrigin: OriginView = {
    kind: 'origin',
    volume: upperVolume,
    file: device,
    flushFailures: new FlushFailures([new SharedArrayBuffer(flushFailureBytes)]),

    isDirect: false,
    sizeBytes: bytes.length,
    nested: 2,
    refusesDiscards: true,
    snapshots: [],
    merging: undefined,
    keyBytes: keyBytesWithoutSnapshots,
    committedInTurn: 0,
  }
  device.bytes = bytes.slice()
  ctx.volumes[upperVolume] = upperOrigin
  ctx.nestedScratch = [2 ** 25 - 2 ** 20, 2 ** 25 - 2 ** 21]
  const view = upper.attach(upperOrigin)
  view.cow = new VolumeFile(ctx, lower.volume)
  const siblingView = sibling.attach(upperOrigin)
  ctx.volumes[upper.volume] = view
  ctx.volumes[sibling.volume] = siblingView
  // A store begins with zeroes.
  for (const chunk of [0, 1]) engine.write(0, lower.volume, chunk * chunkBytes, new Uint8Array(chunkBytes))
  engine.settle()
  orderSnapshots(upperOrigin, [view])
  for (const chunk of [3, 4, 9]) {
    engine.write(0, upper.volume, chunk * chunkBytes, ofByte(100 + chunk))
    engine.settle()
    bytes.fill(100 + chunk, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  }
  const before = device.bytes.slice()
  orderSnapshots(upperOrigin, [siblingView])
  const window = new MergeWindow(new SharedArrayBuffer(mergeWindowBytes))
  startMerging(upperOrigin, view, window)
  engine.trace.clear()
  const step = engine.step(0, operation.mergeAtOnce, 3, 100, upperVolume)
  engine.settle()
  expect([step.outcome, window.fault]).toEqual(['OK', mergeFault.none])
  expect(sameBytes(device.bytes, bytes)).toBe(true)
  // W4: the barrier on the origin, the cleared area in `s1`, the barrier of `s1`.
  const commit = engine.trace.lines.slice(engine.trace.at('s2 barrier'))
  expect(commit.filter((line) => !line.includes('retract'))).toEqual([
    's2 barrier',
    's1 write data 3+512',
    's1 barrier',
  ])
  const list = engine.read(0, lower.volume, chunkBytes, 512)
  const shown = engine.read(0, sibling.volume, 0, bytes.length)
  engine.settle()
  expect(list.bytes.every((byte) => byte === 0)).toBe(true)
  expect(sameBytes(shown.bytes, before)).toBe(true)
  expect(engine.locks.heldCount()).toBe(0)
})

describe('a failure', () => {
  test.each([
    ['of the origin below', 's1', 'write', 'data', mergeFault.copyWriteFailed],
    ['of the barrier below', 's1', 'barrier', '', mergeFault.copyWriteFailed],
    ['of the COW', 's3', 'read', 'data', mergeFault.copyReadFailed],
    ['of the entries', 's3', 'read', 'area', mergeFault.storeReadFailed],
  ] as const)('%s leaves the store as it was', (_, name, call, place, fault) => {
    const { engine, lower, mergeOnce, upper, window } = originOverSnapshot()
    const file = name === 's1' ? lower.cow : upper.cow
    file.fail(call, place)
    const step = mergeOnce(3)
    engine.settle()
    expect([step.outcome, window.fault]).toEqual(['IO_ERROR', fault])
    expect(upper.cursor.committed()).toBe(3)
    expect([3, 4, 9].map((chunk) => upper.map.lookUp(chunk))).toEqual([2, 3, 4])
    expect(engine.entriesOf(upper)).toHaveLength(3)
  })

  test.each([
    ['of the clearing write', 'write', 'area'],
    ['of the barrier behind it', 'barrier', ''],
  ] as const)('%s refuses writes to the chunks of the window, from the next request on', (_, call, place) => {
    const stack = originOverSnapshot()
    const { engine, mergeOnce, upper, window } = stack
    upper.cow.fail(call, place, 5, 1)
    const step = mergeOnce(3, 1)
    // Already in the ring when the step fails: the coordinator has not heard of it yet.
    const write = engine.write(0, upperVolume, 9 * chunkBytes, ofByte(1))
    const other = engine.write(0, upperVolume, 3 * chunkBytes, ofByte(2))
    engine.settle()
    expect([step.outcome, window.fault]).toEqual(['IO_ERROR', mergeFault.storeWriteFailed])
    expect([write.outcome, other.outcome]).toEqual(['IO_ERROR', 'OK'])
    engine.step(0, operation.mergeLetGo, windowEnd.uncertain, 1, upperVolume)
    const again = engine.write(0, upperVolume, 9 * chunkBytes, ofByte(1))
    engine.settle()
    expect(again.outcome).toBe('IO_ERROR')
    stack.expected.fill(2, 3 * chunkBytes, 4 * chunkBytes)
    expect(sameBytes(shownBy(engine, upperVolume), stack.expected)).toBe(true)
  })
})

const places: [string, (stack: Stack) => void][] = [
  ['while it reads entries', ({ upper }) => upper.cow.during('read', 'area', stop)],
  ['while it saves', ({ upperSibling }) => upperSibling.cow.during('write', 'data', stop)],
  ['while it copies', ({ lower }) => lower.cow.during('write', 'data 4', stop)],
  ['in the middle of the commit of what it copies', ({ lower }) => lower.cow.during('write', 'area', stop)],
  ['while it clears entries', ({ upper }) => upper.cow.during('write', 'area', stop)],
  ['before the barrier behind the cleared entries', ({ upper }) => upper.cow.during('barrier', '', stop)],
  [
    'when it has taken an exception back',
    ({ upper }) => {
      upper.hooks.afterRetract = () => {
        upper.hooks.afterRetract = undefined
        stop()
      }
    },
  ],
  [
    'before it answers',
    ({ engine }) => {
      engine.worker(0).publishCompletions = stop
    },
  ],
]

test.each(places)(
  'a worker that dies %s: its successor serves writes, takes the window again, and loses nothing',
  (_, plant) => {
    for (const writesBetween of [false, true]) {
      const stack = originOverSnapshot()
      const { engine, expected, mergeOnce, stackUp, upper } = stack
      plant(stack)
      mergeOnce(3)
      engine.dieIn(0)
      engine.replace(0)
      stackUp(true)
      engine.recover(0)
      if (writesBetween) {
        for (const chunk of [3, 9, 12]) {
          const write = engine.write(0, upperVolume, chunk * chunkBytes + 512, ofByte(chunk, 512))
          engine.settle()
          expect(write.outcome).toBe('OK')
          expected.fill(chunk, chunk * chunkBytes + 512, chunk * chunkBytes + 1024)
        }
        expect(sameBytes(shownBy(engine, upperVolume), expected)).toBe(true)
      }
      const again = mergeOnce(3)
      engine.settle()
      expect(again.outcome).toBe('OK')
      expect(upper.cursor.committed()).toBe(0)
      expectMerged(stack)
    }
  },
)

test.each([
  ['the barrier on the origin', 's1', 'barrier', ''],
  ['the clearing write', 's3', 'write', 'area'],
] as const)(
  'a successor that cannot finish the clearing, since %s fails, refuses writes to its chunks',
  (_, name, call, place) => {
    const { engine, lower, mergeOnce, stackUp, upper, window } = originOverSnapshot()
    upper.cow.during('barrier', '', stop)
    mergeOnce(3, 1)
    engine.dieIn(0)
    engine.replace(0)
    stackUp(true)
    const file = name === 's1' ? lower.cow : upper.cow
    file.fail(call, place)
    engine.recover(0)
    file.heal()
    const again = mergeOnce(3, 1)
    const write = engine.write(0, upperVolume, 9 * chunkBytes, ofByte(1))
    const other = engine.write(0, upperVolume, 3 * chunkBytes, ofByte(2))
    engine.settle()
    expect([again.outcome, window.fault]).toEqual(['IO_ERROR', mergeFault.storeWriteFailed])
    expect([write.outcome, other.outcome]).toEqual(['IO_ERROR', 'OK'])
  },
)

test("what another worker is clearing is not a successor's business", () => {
  const { engine, window } = originOverSnapshot()
  window.open(2, 3)
  window.beginClearing(2)
  engine.recover(0)
  expect(engine.trace.lines).toEqual([])
  expect(window.clearedBy).toBe(2)
})
