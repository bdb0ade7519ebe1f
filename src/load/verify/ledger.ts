/**
 * What every sector of a volume may hold now: for each the last write that was answered and the last that was made.
 *
 * Write numbers of a run only grow, and a sector has one write in flight at most (`begin` refuses a second), so what a read may
 * find is the write that was answered last before the read was sent, or any later one. A snapshot has a ledger of its own,
 * with the bounds of its instant.
 *
 * Shared memory, 19 bytes for each sector of the region: any thread begins, ends and checks. Each word has one writer at a time, the
 * holder of the sector's `busy` byte, and is written before what publishes it (the answer of a request is heard through
 * the device, `busy` through Atomics).
 */
import { CowringError } from '../../base/errors.js'

/** Plain data: goes to other threads. */
export interface LedgerMemory {
  /** What the volume's sectors call it. */
  readonly volume: number
  readonly firstSector: number
  readonly sectors: number
  /** The last write that was answered; 0 for what was there before. */
  readonly floor: Uint32Array
  /** The last write that was made. */
  readonly ceiling: Uint32Array
  /** The job of that one, and when it was made, in milliseconds since the run began. */
  readonly job: Uint16Array
  readonly atMs: Uint32Array
  readonly busy: Uint8Array
  /** Fingerprints of what was there before. */
  readonly before: Uint32Array
  /** Writes up to this one may be of another volume: the origin's, when the snapshot was taken, or the snapshot's that was merged. */
  readonly inherited: Uint32Array
}

/** Limit: 2 GiB of memory; more would be an accident. */
const sectorsMax = 2 ** 31 / 19

export const bytesPerSector = 19

export function createLedger(volume: number, firstSector: number, sectors: number): LedgerMemory {
  if (sectors > sectorsMax) {
    const text = `checking ${sectors} sectors takes ${bytesPerSector} bytes of memory for each; check at most ${Math.floor(sectorsMax)}: give the jobs a size`
    throw new CowringError('LIMIT_EXCEEDED', text, { byteLength: sectors * 512 })
  }
  const words = (): Uint32Array => new Uint32Array(new SharedArrayBuffer(sectors * 4))
  return {
    volume,
    firstSector,
    sectors,
    floor: words(),
    ceiling: words(),
    job: new Uint16Array(new SharedArrayBuffer(sectors * 2)),
    atMs: words(),
    busy: new Uint8Array(new SharedArrayBuffer(sectors)),
    before: words(),
    inherited: new Uint32Array(new SharedArrayBuffer(4)),
  }
}

/** First step of taking a snapshot: no later than this instant, everything that has been answered is in it. */
export function forkLedger(origin: LedgerMemory, volume: number): LedgerMemory {
  const fork = createLedger(volume, origin.firstSector, origin.sectors)
  fork.floor.set(origin.floor)
  fork.before.set(origin.before)
  return fork
}

/** Second step: nothing that is made from now on is in it. `lastWrite` is the last of the run. */
export function closeFork(fork: LedgerMemory, origin: LedgerMemory, lastWrite: number): void {
  fork.ceiling.set(origin.ceiling)
  fork.atMs.set(origin.atMs)
  fork.job.set(origin.job)
  fork.inherited[0] = lastWrite
}

/** The origin is what the snapshot was. Nothing may be in flight. */
export function rollBack(origin: LedgerMemory, snapshot: LedgerMemory, lastWrite: number): void {
  for (const part of ['floor', 'ceiling', 'atMs'] as const) origin[part].set(snapshot[part])
  origin.job.set(snapshot.job)
  origin.inherited[0] = lastWrite
}

export class Ledger {
  readonly memory: LedgerMemory

  constructor(memory: LedgerMemory) {
    this.memory = memory
  }

  /** Whether all these sectors are watched. */
  covers(sector: number, count: number): boolean {
    const { firstSector, sectors } = this.memory
    return sector >= firstSector && sector + count <= firstSector + sectors
  }

  /** Takes the sectors for a write; false if any has one in flight, and then none is taken. */
  claim(sector: number, count: number): boolean {
    const { busy, firstSector } = this.memory
    const start = sector - firstSector
    for (let index = start; index < start + count; index++) {
      if (Atomics.compareExchange(busy, index, 0, 1) === 0) continue
      // Pairs with the compareExchange of whoever comes next.
      for (let taken = start; taken < index; taken++) Atomics.store(busy, taken, 0)
      return false
    }
    return true
  }

  /** The write is about to be sent. */
  made(sector: number, count: number, write: number, job: number, atMs: number): void {
    const { atMs: times, ceiling, firstSector, job: jobs } = this.memory
    const start = sector - firstSector
    for (let index = start; index < start + count; index++) {
      times[index] = atMs
      jobs[index] = job
      ceiling[index] = write
    }
  }

  /** It was answered. Of one that failed nobody knows whether it was done: either is right from now on. */
  answered(sector: number, count: number, write: number, failed: boolean): void {
    const { busy, firstSector, floor } = this.memory
    const start = sector - firstSector
    for (let index = start; index < start + count; index++) {
      if (!failed) floor[index] = write
      Atomics.store(busy, index, 0)
    }
  }

  /** What a read that is about to be sent must find at least. */
  copyFloors(sector: number, count: number, into: Uint32Array): void {
    const { firstSector, floor } = this.memory
    const start = sector - firstSector
    for (let index = 0; index < count; index++) into[index] = floor[start + index] as number
  }
}
