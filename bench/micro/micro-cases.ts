/**
 * The small steps that every request takes, one function each, on one thread. A step leaves things as it found them, or
 * goes round, so that it can be repeated for ever.
 *
 * They say what a step costs when nobody competes for it; what competition costs, the grid says.
 */
import { assert } from '../../src/base/assert.js'
import { decodeNewChunk, decodeOldChunk, encodeEntry, entryBytes } from '../../src/format/exception.js'
import { byteOffsetOfPosition, dataChunk, geometryOf } from '../../src/format/geometry.js'
import { decodeHeader, diskVersion, encodeHeader, headerBytes } from '../../src/format/header.js'
import { blockFileFrom } from '../../src/io/make-block-file.js'
import { ArenaAllocator, createArenaMemory } from '../../src/shm/arena.js'
import { CommitCursor, commitCursorBytes } from '../../src/shm/commit-cursor.js'
import { createExceptionMapMemory, ExceptionMap } from '../../src/shm/exception-map.js'
import { LockTable, lockTableBytes } from '../../src/shm/lock-table.js'
import { RingConsumer, RingProducer, SubmissionEntries, submissionDouble, submissionField } from '../../src/shm/ring.js'

export interface MicroCase {
  readonly name: string
  readonly step: () => void
}

export function microCases(): MicroCase[] {
  return [
    { name: 'ring: push, publish, take one entry', step: ringHop() },
    { name: 'lock table: hold and release a key', step: holdAndRelease() },
    { name: 'exception map: look a chunk up', step: lookUp() },
    { name: 'arena: allocate and release 4 KiB', step: allocateAndRelease() },
    { name: 'store in memory: claim and commit 32 chunks', step: claimAndCommit() },
    { name: 'exceptions: encode 256', step: encodeArea() },
    { name: 'exceptions: decode 256', step: decodeArea() },
    { name: 'header: encode and decode', step: headerRoundTrip() },
  ]
}

/** What results are added to, so that no step is optimised away. */
let sink = 0
export const readSink = (): number => sink

const ringCapacity = 1024
const owner = 1
const areaEntries = 256
const geometry = geometryOf(8)

function ringHop(): () => void {
  const memory = new SharedArrayBuffer(SubmissionEntries.byteLength(ringCapacity))
  const entries = new SubmissionEntries(memory, ringCapacity)
  const producer = new RingProducer(memory, ringCapacity)
  const consumer = new RingConsumer(memory, ringCapacity)
  return () => {
    const slot = producer.claim()
    entries.words[entries.wordBase(slot) + submissionField.byteLength] = 4096
    entries.doubles[entries.doubleBase(slot) + submissionDouble.byteOffset] = sink
    producer.push()
    producer.publish()
    assert(consumer.waiting() === 1, 'the entry has arrived')
    sink += entries.words[entries.wordBase(consumer.slot()) + submissionField.byteLength] as number
    consumer.take()
    consumer.giveBack()
  }
}

function holdAndRelease(): () => void {
  const locks = new LockTable(new SharedArrayBuffer(lockTableBytes))
  let key = 0
  return () => {
    key = (key + 1) % 65521
    const stripe = locks.stripeOf(0, key)
    assert(locks.tryHold(stripe, owner), 'nobody else holds keys')
    if (locks.release(stripe)) sink++
  }
}

function lookUp(): () => void {
  const chunkCount = 65536
  const map = new ExceptionMap(createExceptionMapMemory(chunkCount))
  for (let chunk = 0; chunk < chunkCount; chunk += 2) map.publish(chunk, chunk)
  let chunk = 0
  return () => {
    chunk = (chunk + 40503) % chunkCount
    sink += map.lookUp(chunk)
  }
}

function allocateAndRelease(): () => void {
  const allocator = new ArenaAllocator(2 ** 25)
  return () => {
    const block = allocator.allocate(4096)
    sink += block
    allocator.release(block)
  }
}

/** The store's side of 32 first writes of 4 KiB chunks: claims, data, a block of entries, publication. */
function claimAndCommit(): () => void {
  const batch = 32
  const chunkCount = 4096
  const arena = new Uint8Array(createArenaMemory(2 ** 18))
  const view = new DataView(arena.buffer)
  const sizeBytes = (dataChunk(geometry, chunkCount) + 1) * geometry.chunkBytes
  const bytes = new SharedArrayBuffer(sizeBytes)
  const cow = blockFileFrom({ kind: 'memory', bytes, byteOffset: 0, sizeBytes }, arena)
  const map = new ExceptionMap(createExceptionMapMemory(chunkCount))
  const start = () => {
    const cursor = new CommitCursor(new SharedArrayBuffer(commitCursorBytes))
    cursor.initialize(0, sizeBytes)
    return cursor
  }
  let cursor = start()
  return () => {
    // A full store is followed by an empty one, over the same memory.
    if (cursor.committed() === chunkCount) cursor = start()
    const first = cursor.committed()
    for (let chunk = first; chunk < first + batch; chunk++) {
      assert(cursor.tryTakeClaims(owner), 'nobody else claims')
      const position = cursor.claim(chunk)
      cursor.releaseClaims()
      const newChunk = dataChunk(geometry, position)
      assert(cow.write(0, geometry.chunkBytes, newChunk * geometry.chunkBytes) === 0, 'memory takes the data')
      cursor.markReady(position, newChunk)
    }
    assert(cursor.tryTakeCommit(owner), 'nobody else commits')
    const end = cursor.readyEnd()
    for (let position = first; position < end; position++) {
      const at = geometry.chunkBytes + (position - first) * entryBytes
      encodeEntry(view, at, cursor.oldChunkAt(position), cursor.newChunkAt(position))
    }
    const written = cow.write(geometry.chunkBytes, batch * entryBytes, byteOffsetOfPosition(geometry, first))
    assert(written === 0, 'memory takes the entries')
    for (let position = first; position < end; position++) {
      map.publish(cursor.oldChunkAt(position), cursor.newChunkAt(position))
    }
    cursor.advance(end)
    cursor.releaseCommit()
  }
}

function encodeArea(): () => void {
  const view = new DataView(new ArrayBuffer(areaEntries * entryBytes))
  return () => {
    for (let entry = 0; entry < areaEntries; entry++) {
      encodeEntry(view, entry * entryBytes, entry, dataChunk(geometry, entry))
    }
  }
}

function decodeArea(): () => void {
  const view = new DataView(new ArrayBuffer(areaEntries * entryBytes))
  for (let entry = 0; entry < areaEntries; entry++) {
    encodeEntry(view, entry * entryBytes, entry, dataChunk(geometry, entry))
  }
  return () => {
    for (let at = 0; at < areaEntries * entryBytes; at += entryBytes) {
      sink += decodeOldChunk(view, at) + decodeNewChunk(view, at)
    }
  }
}

function headerRoundTrip(): () => void {
  const bytes = new Uint8Array(headerBytes)
  return () => {
    encodeHeader({ valid: true, version: diskVersion, chunkSectors: geometry.chunkSectors }, bytes, 0)
    const reading = decodeHeader(bytes, 0)
    assert(reading.kind === 'store', 'what was encoded is a store')
    sink += reading.header.chunkSectors
  }
}
