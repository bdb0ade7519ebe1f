/**
 * A seat and the coordinator's end of it in one thread, over real shared memory and without a worker: a test calls both sides, and
 * may put one in the middle of the other.
 */
import { Gate } from '../../src/coordinator/gate.js'
import { Seats } from '../../src/coordinator/seats.js'
import { Seat, stagingBytes } from '../../src/seat/seat.js'
import { requestBytes } from '../../src/seat/seat-requests.js'
import type { SeatWait } from '../../src/seat/seat-turns.js'
import { ArenaAllocator, createArenaMemory } from '../../src/shm/arena.js'
import { CommitCursor, commitCursorBytes } from '../../src/shm/commit-cursor.js'
import { createExceptionMapMemory } from '../../src/shm/exception-map.js'
import { LockTable } from '../../src/shm/lock-table.js'
import { Signals } from '../../src/shm/signals.js'
import type { ControlFrame } from '../../src/wire/control-message.js'
import { createEngineMemory } from '../../src/wire/engine-memory.js'
import { VolumeRoute } from '../../src/wire/route.js'
import { scratchBytes } from '../../src/wire/scratch-layout.js'

export const handChunkBytes = 4096
const chunks = 64
const arenaBytes = 2 ** 25

export function seatByHand(wait?: SeatWait) {
  const memory = createEngineMemory(1, createArenaMemory(arenaBytes))
  const allocator = new ArenaAllocator(arenaBytes)
  const signals = new Signals(memory.signals, memory.runnerCount)
  const seats = new Seats(memory, signals, () => () => {})
  const gate = new Gate<never>(() => {})
  const frames: ControlFrame[] = []
  const number = seats.take((frame) => frames.push(frame))
  const ownBytes = requestBytes + stagingBytes
  const seat = new Seat({
    start: {
      worker: number,
      memory,
      scratchOffset: allocator.allocate(scratchBytes),
      clockOriginMs: performance.timeOrigin,
    },
    ownOffset: allocator.allocate(ownBytes),
    ownBytes,
    receive: () => frames.shift(),
    ...(wait === undefined ? {} : { wait }),
  })
  const origin = new SharedArrayBuffer(chunks * handChunkBytes)
  const cow = new SharedArrayBuffer(2 * chunks * handChunkBytes)
  const cursorMemory = new SharedArrayBuffer(commitCursorBytes)
  const cursor = new CommitCursor(cursorMemory)
  cursor.initialize(0, cow.byteLength)
  const fileAt = (buffer: number, bytes: SharedArrayBuffer) =>
    ({ kind: 'memory', buffer, byteOffset: 0, sizeBytes: bytes.byteLength }) as const
  const sizeBytes = origin.byteLength
  const plain = { volume: 0, file: fileAt(0, origin), sizeBytes, nested: 0, refusesDiscards: false }
  seats.post(number, { kind: 'attach-origin', ...plain }, [origin])
  const mapMemory = createExceptionMapMemory(chunks)
  const snapshot = {
    volume: 1,
    origin: 0,
    cow: fileAt(0, cow),
    sizeBytes,
    chunkSectors: handChunkBytes / 512,
    kind: 'persistent',
    overflows: false,
    discards: 'refused',
    barriers: false,
    dataIndexOffset: 0,
    metadataUnitBytes: 512,
    windowBuffer: undefined,
    cursorBuffer: 1,
    mapBuffers: mapMemory.map((_, index) => index + 2),
  } as const
  seats.post(number, { kind: 'attach-snapshot', snapshot }, [cow, cursorMemory, ...mapMemory])
  const device = seats.numberDevice()
  const route = new VolumeRoute(0)
  const facts = { number: device, name: 'disk', sizeBytes, readOnly: false, bufferAlignment: 512 }
  seats.showDevice({ ...facts, route: route.onWire() }, route)
  gate.share(seats, device)
  return { cursor, device, gate, locks: new LockTable(memory.locks), memory, number, seat, seats, signals }
}
