/**
 * One thread of the floor: a tight loop through the engine's own system-call layer, with no engine around.
 *
 * Its memory is an arena like the engine's, touched beforehand: a page never written to would be read from the kernel's one
 * page of zeroes, which is always in the cache. It goes round as many buffers as the engine's caller has in use.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { assert, present } from '../../src/base/assert.js'
import { sectorBytes } from '../../src/base/units.js'
import { encodeEntry, entryBytes } from '../../src/format/exception.js'
import { byteOffsetOfPosition, dataChunk, type Geometry, geometryOf } from '../../src/format/geometry.js'
import type { BlockFile } from '../../src/io/block-file.js'
import { blockFileFrom } from '../../src/io/make-block-file.js'
import { createArenaMemory } from '../../src/shm/arena.js'
import { copyBytes } from '../../src/wire/scratch-layout.js'
import { type Addresses, RandomAddresses, SequentialAddresses } from './addresses.js'
import { type FirstWriteJob, type FloorStart, floorWord, type SteadyJob, type ThreadPass } from './floor-job.js'
import { LatencySamples } from './latency-samples.js'

/** Operations between two looks at the clock, where not each of them is timed. */
const operationsPerLook = 32

const start: FloorStart = workerData
const port = present(parentPort ?? undefined, 'the floor runs on worker threads')
const words = new Int32Array(start.shared)
const { job } = start
/** The arena: a place for entries, one for the chunks that are copied, and the callers' buffers. */
const entriesOffset = 0
const entriesBytesMax = 65536
const chunkOffset = entriesBytesMax
const buffersOffset = chunkOffset + (job.kind === 'first-write' ? Math.max(copyBytes, job.chunkBytes) : 0)
/** The floor does not look whether a file has become shorter. */
const oneTurn = { count: 0 }
const arenaBytes = Math.ceil((buffersOffset + job.buffers * job.ioBytes) / 65536) * 65536
const arena = new Uint8Array(createArenaMemory(arenaBytes)).fill(1)
const samples = new LatencySamples()
let buffer = 0
const step = job.kind === 'steady' ? steadyStep(job) : firstWriteStep(job)
const perLook = job.kind === 'first-write' || start.timesEach ? 1 : operationsPerLook

port.on('message', (seconds: number) => port.postMessage(pass(seconds)))

function pass(seconds: number): ThreadPass {
  samples.clear()
  startTogether()
  const startedMs = performance.now()
  const deadline = startedMs + seconds * 1000
  let operations = 0
  let now = startedMs
  while (now < deadline) {
    let done = 0
    for (let count = 0; count < perLook; count++) done += step()
    if (done === 0) break
    operations += done
    const after = performance.now()
    if (start.timesEach) samples.add((after - now) * 1000)
    now = after
  }
  const { timeOrigin } = performance
  return {
    operations,
    startedMs: timeOrigin + startedMs,
    endedMs: timeOrigin + performance.now(),
    medianMicroseconds: samples.median(),
  }
}

/** Waits until every thread of the floor is here. */
function startTogether(): void {
  Atomics.add(words, floorWord.arrived, 1)
  while (Atomics.load(words, floorWord.arrived) < start.threads);
}

/** The next of the callers' buffers. */
function nextBuffer(): number {
  buffer = (buffer + 1) % job.buffers
  return buffersOffset + buffer * job.ioBytes
}

/** A step does some operations and answers how many; 0 when there is nothing left to do. */
type Step = () => number

function steadyStep({ file: descriptor, fileBytes, ioBytes, order, writes }: SteadyJob): Step {
  const file = blockFileFrom(descriptor, arena, undefined, oneTurn)
  const addresses: Addresses =
    order === 'random'
      ? new RandomAddresses(fileBytes, ioBytes, start.thread)
      : new SequentialAddresses(fileBytes, ioBytes, start.thread, start.threads)
  if (writes) {
    return () => {
      must(file.write(nextBuffer(), ioBytes, addresses.next()))
      return 1
    }
  }
  return () => {
    must(file.read(nextBuffer(), ioBytes, addresses.next()))
    return 1
  }
}

function firstWriteStep(job: FirstWriteJob): Step {
  const { batchChunks, chunkBytes, chunks, chunksPerWrite, ioBytes } = job
  const geometry = geometryOf(chunkBytes / sectorBytes)
  const origin = blockFileFrom(job.origin, arena, undefined, oneTurn)
  const stores = job.stores.map((store) => blockFileFrom(store, arena, undefined, oneTurn))
  const view = new DataView(arena.buffer)
  assert(batchChunks * entryBytes <= entriesBytesMax, 'the entries of a batch have room')
  return () => {
    const first = Atomics.add(words, floorWord.nextChunk, batchChunks)
    const end = Math.min(first + batchChunks, chunks.length)
    if (first >= end) return 0
    for (let index = first; index < end; ) index += copyRun(job, geometry, origin, stores, index)
    if (job.writesEntries) {
      const before = byteOffsetOfPosition(geometry, first) % sectorBytes
      for (let index = first; index < end; index++) {
        const at = entriesOffset + before + (index - first) * entryBytes
        encodeEntry(view, at, chunks[index] as number, dataChunk(geometry, index))
      }
      for (const store of stores) writeEntries(store, geometry, first, end - first, job.barriers)
    }
    for (let index = first; job.writesOrigin && index < end; index += chunksPerWrite) {
      must(origin.write(nextBuffer(), ioBytes, (chunks[index] as number) * chunkBytes))
    }
    return (end - first) / chunksPerWrite
  }
}

/** Copies the chunk at `index` of the order, and its neighbours within one operation. Answers how many that were. */
function copyRun(
  { chunkBytes, chunks, chunksPerWrite, readsChunk }: FirstWriteJob,
  geometry: Geometry,
  origin: BlockFile,
  stores: readonly BlockFile[],
  index: number,
): number {
  const newChunk = dataChunk(geometry, index)
  const runMax = Math.min(chunksPerWrite - (index % chunksPerWrite), Math.floor(copyBytes / chunkBytes))
  let count = 1
  while (count < runMax && dataChunk(geometry, index + count) === newChunk + count) count++
  const byteLength = count * chunkBytes
  if (readsChunk) must(origin.read(chunkOffset, byteLength, (chunks[index] as number) * chunkBytes))
  for (const store of stores) must(store.write(chunkOffset, byteLength, newChunk * chunkBytes))
  return count
}

/** In whole sectors. A batch starts a sector or lies within one, and never goes over the end of an area. */
function writeEntries(store: BlockFile, geometry: Geometry, first: number, count: number, barriers: boolean): void {
  if (barriers) must(store.barrier())
  const byteOffset = byteOffsetOfPosition(geometry, first)
  const start = byteOffset - (byteOffset % sectorBytes)
  const byteLength = Math.ceil((byteOffset + count * entryBytes - start) / sectorBytes) * sectorBytes
  must(store.write(entriesOffset, byteLength, start))
  if (barriers) must(store.barrier())
}

function must(errno: number): void {
  assert(errno === 0, `a system call of the floor failed with errno ${errno}`)
}
