/**
 * The engine's shared memory: which regions there are and how large. One client (the coordinator's thread), `workerCount`
 * workers, and seats for threads that run turns in place, numbered behind the workers: a seat has no rings. Everything is
 * allocated when the engine starts; nothing here grows.
 */
import { gatesBytes } from '../shm/gate-words.js'
import { lockTableBytes } from '../shm/lock-table.js'
import { restBytes } from '../shm/rest-words.js'
import { CompletionEntries, SubmissionEntries } from '../shm/ring.js'
import { sectorLockBytes } from '../shm/sector-lock.js'
import { runnersMax, signalsBytes, workersMax } from '../shm/signals.js'
import { statisticsBytes } from '../shm/statistics.js'

/** Limit: extents in flight. A completion ring has room for all of them, so it never overflows. */
export const ticketCount = 4096
/** Limit: entries in one submission ring. When it is full the caller waits. */
export const submissionCapacity = 1024
export const completionCapacity = ticketCount

/** Limit: threads that run turns in place, the coordinator's own included. */
export const seatsMax = runnersMax - workersMax

export interface EngineMemory {
  readonly workerCount: number
  /** Workers and seats. */
  readonly runnerCount: number
  readonly arena: SharedArrayBuffer
  readonly locks: SharedArrayBuffer
  readonly signals: SharedArrayBuffer
  readonly statistics: SharedArrayBuffer
  readonly rests: SharedArrayBuffer
  readonly gates: SharedArrayBuffer
  readonly sectors: SharedArrayBuffer
  readonly submissions: readonly SharedArrayBuffer[]
  readonly completions: readonly SharedArrayBuffer[]
}

export function createEngineMemory(workerCount: number, arena: SharedArrayBuffer): EngineMemory {
  const perWorker = (bytes: number) => Array.from({ length: workerCount }, () => new SharedArrayBuffer(bytes))
  const runnerCount = workerCount + seatsMax
  return {
    workerCount,
    runnerCount,
    arena,
    locks: new SharedArrayBuffer(lockTableBytes),
    signals: new SharedArrayBuffer(signalsBytes(runnerCount)),
    statistics: new SharedArrayBuffer(statisticsBytes(runnerCount)),
    rests: new SharedArrayBuffer(restBytes(runnerCount)),
    gates: new SharedArrayBuffer(gatesBytes),
    sectors: new SharedArrayBuffer(sectorLockBytes),
    submissions: perWorker(SubmissionEntries.byteLength(submissionCapacity)),
    completions: perWorker(CompletionEntries.byteLength(completionCapacity)),
  }
}
