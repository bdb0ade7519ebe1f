/**
 * The engine's shared memory: which regions there are and how large. One client (the coordinator's thread) and
 * `workerCount` workers. Everything is allocated when the engine starts; nothing here grows.
 */
import { lockTableBytes } from '../shm/lock-table.js'
import { CompletionEntries, SubmissionEntries } from '../shm/ring.js'
import { signalsBytes } from '../shm/signals.js'
import { statisticsBytes } from '../shm/statistics.js'

/** Limit: extents in flight. A completion ring has room for all of them, so it never overflows. */
export const ticketCount = 4096
/** Limit: entries in one submission ring. When it is full the caller waits. */
export const submissionCapacity = 1024
export const completionCapacity = ticketCount

export interface EngineMemory {
  readonly workerCount: number
  readonly arena: SharedArrayBuffer
  readonly locks: SharedArrayBuffer
  readonly signals: SharedArrayBuffer
  readonly statistics: SharedArrayBuffer
  readonly submissions: readonly SharedArrayBuffer[]
  readonly completions: readonly SharedArrayBuffer[]
}

export function createEngineMemory(workerCount: number, arena: SharedArrayBuffer): EngineMemory {
  const perWorker = (bytes: number) => Array.from({ length: workerCount }, () => new SharedArrayBuffer(bytes))
  return {
    workerCount,
    arena,
    locks: new SharedArrayBuffer(lockTableBytes),
    signals: new SharedArrayBuffer(signalsBytes(workerCount)),
    statistics: new SharedArrayBuffer(statisticsBytes(workerCount)),
    submissions: perWorker(SubmissionEntries.byteLength(submissionCapacity)),
    completions: perWorker(CompletionEntries.byteLength(completionCapacity)),
  }
}
