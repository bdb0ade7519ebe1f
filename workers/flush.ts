/**
 * Making durable what was answered: the barriers that callers, and merges, rely on.
 *
 * A barrier that failed has lost what it should have covered, and the system says so once (src/shm/flush-failures). An origin goes on
 * failing then until it is opened again; a snapshot is invalid, since copies that wait for their entries may be among what was lost.
 */
import type { BlockFile } from '../src/io/block-file.js'
import { invalidationReason } from '../src/shm/commit-cursor.js'
import type { FlushFailures } from '../src/shm/flush-failures.js'
import { counter } from '../src/shm/statistics.js'
import type { WorkerContext } from './context.js'
import { invalidate } from './invalidate.js'
import type { OriginView, SnapshotView } from './views.js'

/** Makes durable what an origin has taken: also in the store that is being merged. */
export function flushOrigin(ctx: WorkerContext, { file, flushFailures, merging }: OriginView): number {
  const failure = flushFile(ctx, file, flushFailures)
  if (failure !== 0 || merging === undefined) return failure
  return flushFile(ctx, merging.snapshot.cow, merging.snapshot.cowFlushFailures)
}

export function flushSnapshot(ctx: WorkerContext, snapshot: SnapshotView): number {
  ctx.statistics.count(counter.barriers, 1)
  const failure = snapshot.cow.barrier()
  if (failure !== 0 && snapshot.barriers) invalidate(ctx, snapshot, invalidationReason.flushFailed, failure)
  return failure
}

/** A barrier of a file whose failures stay. */
export function flushFile(ctx: WorkerContext, file: BlockFile, failures: FlushFailures): number {
  const last = failures.errno()
  if (last !== 0) return last
  ctx.statistics.count(counter.barriers, 1)
  const failure = file.barrier()
  if (failure !== 0) failures.note(failure)
  // Another worker's barrier may have been told of what this one should have covered.
  return failure || failures.errno()
}
