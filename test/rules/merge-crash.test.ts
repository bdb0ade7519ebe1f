/**
 * Reference 5.5 and scenario 11 of 9.9: a crash between any two effects on files, of a whole merge with requests going on and
 * siblings beside. The stores are loaded anew by the real loader; the device shows the snapshot and what was answered, the
 * siblings theirs, and merging on leads to the same.
 */
import { expect, test } from 'vitest'
import type { LoadedStore } from '../../src/control/load-store.js'
import { openStore } from '../../src/control/open-store.js'
import { blockBytes, StoreIo } from '../../src/control/store-io.js'
import { storeState } from '../../src/shm/commit-cursor.js'
import { ExceptionMap } from '../../src/shm/exception-map.js'
import { CrashTape, type Images, type Remains } from '../support/crash-tape.js'
import { SectorLedger } from '../support/sector-ledger.js'
import { SteppedEngine, type SteppedSnapshotOptions } from '../support/stepped-engine.js'
import { SteppedFile } from '../support/stepped-file.js'
import { SteppedMerge } from '../support/stepped-merge.js'
import { Trace } from '../support/stepped-trace.js'

const sectorBytes = 512
/** Failures print it; give the same to see them again. */
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

interface Scenario {
  readonly chunkSectors: number
  readonly originSectors: number
  /** Chunks of the snapshot with exceptions, in the order of its list. */
  readonly written: readonly number[]
  readonly siblings: readonly SteppedSnapshotOptions[]
  readonly barriers: boolean
  readonly countMax: number
  /** A foreground request now and then, and turns of the other worker in the middle of file calls. */
  readonly busy: boolean
}

/** A small generator of numbers in [0, 1): mulberry32. */
function randomFrom(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Merges to the end, with everything recorded. */
function recorded(scenario: Scenario, random: () => number) {
  const { barriers, busy, chunkSectors, countMax, originSectors, siblings, written } = scenario
  const originBytes = originSectors * sectorBytes
  const engine = new SteppedEngine({ originBytes, workers: 2, arenaBytes: 2 ** 23 })
  const chunkBytes = chunkSectors * sectorBytes
  const snapshot = engine.snapshot({ chunkSectors, barriers, chunks: 2 * written.length + 8 })
  const image = engine.original(0, originBytes)
  for (const chunk of written) {
    const end = Math.min(originBytes, (chunk + 1) * chunkBytes)
    const bytes = new Uint8Array(end - chunk * chunkBytes).fill(201 + (chunk % 50))
    engine.write(0, snapshot.volume, chunk * chunkBytes, bytes)
    engine.settle()
    image.set(bytes, chunk * chunkBytes)
  }
  const others = siblings.map((options) => engine.snapshot({ ...options, barriers }))
  const merge = new SteppedMerge(engine, snapshot)
  const tape = new CrashTape([engine.origin, snapshot.cow, ...others.map(({ cow }) => cow)])
  const now = () => tape.now
  const device = new SectorLedger(image, now)
  const ledgers = new Map(others.map(({ name }) => [name, new SectorLedger(engine.original(0, originBytes), now)]))
  engine.afterTurn = () => {
    device.look()
    for (const ledger of ledgers.values()) ledger.look()
  }
  let count = 0
  const request = () => {
    const which = Math.floor(random() * (others.length + 2))
    const volume = others[which]?.volume ?? 0
    const ledger = ledgers.get(others[which]?.name ?? '') ?? device
    const worker = random() < 0.5 ? 0 : 1
    if (random() < 0.15) {
      ledger.flush(engine.flush(worker, volume))
      return
    }
    const sectors = 1 + Math.floor(random() * 2 * chunkSectors)
    const sector = Math.floor(random() * (originSectors - sectors))
    const bytes = new Uint8Array(sectors * sectorBytes)
    // Every write has bytes of its own.
    new DataView(bytes.buffer).setUint32(0, ++count)
    for (let at = 0; at < bytes.length; at += sectorBytes) bytes.set([0, count >> 8, count & 255, 251], at)
    ledger.write(engine.write(worker, volume, sector * sectorBytes, bytes), sector * sectorBytes, bytes)
  }
  const meanwhile = () => {
    const idle = engine.isInTurn(0) ? 1 : 0
    if (random() < 0.2 && !engine.isInTurn(idle)) engine.turn(idle)
  }
  if (busy) for (const file of [engine.origin, snapshot.cow, ...others.map(({ cow }) => cow)]) alsoOn(file, meanwhile)
  const failed = merge.toTheEnd({
    countMax,
    after: () => {
      if (!busy) return
      for (let each = 0; each < 3; each++) request()
      for (let turn = 0; turn < 3; turn++) engine.turn(random() < 0.5 ? 0 : 1)
    },
  })
  expect(failed).toBeUndefined()
  engine.settle()
  expect([device, ...ledgers.values()].map(({ inFlight }) => inFlight)).toEqual([0, ...others.map(() => 0)])
  expect(engine.locks.heldCount()).toBe(0)
  return { engine, snapshot, others, tape, device, ledgers }
}

function alsoOn(file: SteppedFile, hook: () => void): void {
  const record = file.onEffect
  file.onEffect = (call, byteOffset, byteLength) => {
    record?.(call, byteOffset, byteLength)
    hook()
  }
}

const loaderArena = new Uint8Array(new SharedArrayBuffer(blockBytes))

/** As a process that starts after the crash does; the image is what the loader leaves. */
async function load(name: string, image: Uint8Array, originBytes: number): Promise<LoadedStore> {
  const file = new SteppedFile(name, image, loaderArena, new Trace(), () => '')
  const io = new StoreIo({ name, sizeBytes: image.length, blockSectors: 1 }, file, loaderArena, 0)
  return openStore(io, 1, { sizeBytes: originBytes, blockSectors: 1 }, 'attach')
}

function shown(origin: Uint8Array, cow: Uint8Array, { geometry, mapMemory }: LoadedStore): Uint8Array {
  const map = new ExceptionMap(mapMemory)
  const content = origin.slice()
  const { chunkBytes } = geometry
  for (let chunk = 0; chunk * chunkBytes < origin.length; chunk++) {
    const newChunk = map.lookUp(chunk)
    const byteLength = Math.min(chunkBytes, origin.length - chunk * chunkBytes)
    if (newChunk >= 0) {
      content.set(cow.subarray(newChunk * chunkBytes, newChunk * chunkBytes + byteLength), chunk * chunkBytes)
    }
  }
  return content
}

interface Check {
  readonly run: ReturnType<typeof recorded>
  readonly moment: number
  readonly mustSurvive: 'answered' | 'flushed'
  readonly mergesOn: boolean
}

async function expectSurvived({ images, what }: Remains, { mergesOn, moment, mustSurvive, run }: Check): Promise<void> {
  const say = `${what}; SEED=${seed}`
  const origin = imageOf(images, 'origin')
  const cow = imageOf(images, run.snapshot.name).slice()
  const store = await load(run.snapshot.name, cow, origin.length)
  const content = shown(origin, cow, store)
  expect(run.device.problem(content, moment, mustSurvive), say).toBeUndefined()
  const siblings: { name: string; cow: Uint8Array; store: LoadedStore; content: Uint8Array }[] = []
  for (const { cursor, name } of run.others) {
    const image = imageOf(images, name).slice()
    const sibling = await load(name, image, origin.length)
    if (sibling.cursor.state() === storeState.invalid) {
      expect(cursor.state(), `${say}, ${name}`).toBe(storeState.invalid)
      continue
    }
    const siblingContent = shown(origin, image, sibling)
    expect(run.ledgers.get(name)?.problem(siblingContent, moment, mustSurvive), `${say}, ${name}`).toBeUndefined()
    siblings.push({ name, cow: image, store: sibling, content: siblingContent })
  }
  if (!mergesOn) return
  const engine = new SteppedEngine({ originBytes: origin.length, content: origin.slice(), arenaBytes: 2 ** 22 })
  const snapshot = engine.snapshot({ loaded: { store, cowBytes: cow } })
  const others = siblings.map((each) => engine.snapshot({ loaded: { store: each.store, cowBytes: each.cow } }))
  expect(new SteppedMerge(engine, snapshot).toTheEnd({ countMax: 9 }), say).toBeUndefined()
  expect(Buffer.compare(engine.origin.bytes, content), say).toBe(0)
  for (const [index, { volume, cursor }] of others.entries()) {
    if (cursor.state() === storeState.invalid) continue
    const read = engine.read(0, volume, 0, origin.length)
    engine.settle()
    expect(Buffer.compare(read.bytes, siblings[index]?.content ?? origin), `${say}, ${siblings[index]?.name}`).toBe(0)
  }
}

function imageOf(images: Images, name: string): Uint8Array {
  const image = images.get(name)
  if (image === undefined) throw new Error(`no image of ${name}`)
  return image
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index)

/** A permutation with runs, single chunks, and neighbours the wrong way round. */
function listOf(chunks: number, random: () => number): number[] {
  const left = upTo(chunks)
  const list: number[] = []
  while (left.length > 0) {
    const at = Math.floor(random() * left.length)
    list.push(...left.splice(at, 1 + Math.floor(random() * 5)))
  }
  return list
}

const scenarios: [string, Omit<Scenario, 'barriers'>][] = [
  [
    'chunks of one sector, windows over three areas',
    {
      chunkSectors: 1,
      originSectors: 80,
      written: [],
      siblings: [{ chunkSectors: 1, chunks: 200 }],
      countMax: 50,
      busy: true,
    },
  ],
  [
    'small windows, siblings with smaller and larger chunks',
    {
      chunkSectors: 2,
      originSectors: 51,
      written: [],
      siblings: [
        { chunkSectors: 1, chunks: 200 },
        { chunkSectors: 8, chunks: 40 },
      ],
      countMax: 6,
      busy: true,
    },
  ],
  [
    'chunks of eight sectors, a sibling that becomes full',
    {
      chunkSectors: 8,
      originSectors: 100,
      written: [],
      siblings: [{ chunks: 8 }, { chunks: 40 }],
      countMax: 4,
      busy: false,
    },
  ],
]

test.each(scenarios)('a process crash between any two effects loses nothing: %s', async (_, scenario) => {
  for (const barriers of [true, false]) {
    const random = randomFrom(seed)
    const chunks = Math.floor((scenario.originSectors / scenario.chunkSectors) * 0.9)
    const run = recorded({ ...scenario, barriers, written: listOf(chunks, random) }, random)
    for (let moment = 0; moment <= run.tape.now; moment++) {
      const check = { run, moment, mustSurvive: 'answered', mergesOn: moment % 3 === 0 } as const
      await expectSurvived(run.tape.written(moment), check)
    }
  }
})

test.each(scenarios)(
  'a loss of power between any two effects loses nothing that was flushed: %s',
  async (_, scenario) => {
    const random = randomFrom(seed + 1)
    const chunks = Math.floor((scenario.originSectors / scenario.chunkSectors) * 0.9)
    const run = recorded({ ...scenario, barriers: true, written: listOf(chunks, random) }, random)
    for (let moment = 0; moment <= run.tape.now; moment++) {
      let isFirst = true
      for (const remains of run.tape.lost(moment, random)) {
        const mergesOn = isFirst && moment % 3 === 0
        await expectSurvived(remains, { run, moment, mustSurvive: 'flushed', mergesOn })
        isFirst = false
      }
    }
  },
)
