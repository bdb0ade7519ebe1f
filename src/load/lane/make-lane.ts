/** Puts a lane together on whatever thread it is to run. */
import { Arrivals } from '../pattern/arrivals.js'
import { JobRequests } from '../pattern/requests.js'
import { RecordedRequests } from '../trace/recorded-lane.js'
import { TraceColumns } from '../trace/trace-columns.js'
import { LaneChecks } from '../verify/lane-checks.js'
import type { ControlWords } from './control-words.js'
import { Lane } from './lane.js'
import type { LaneMessage, LaneTask } from './lane-task.js'
import type { AsyncQueue, BlockingQueue } from './queue.js'
import type { RunClock } from './run-clock.js'

export interface MadeLane {
  readonly lane: Lane
  readonly checks: LaneChecks | undefined
}

export function makeLane(
  task: LaneTask,
  queue: AsyncQueue | BlockingQueue,
  { clock, control }: { clock: RunClock; control: ControlWords },
  tell: (message: LaneMessage) => void,
): MadeLane {
  const { clone, job, ledger, number, recorded, records, region, run, spec } = task
  const checks =
    ledger === undefined
      ? undefined
      : new LaneChecks({
          memory: ledger,
          run,
          control,
          job,
          buffers: queue.buffers,
          suspect: (suspicion) => tell({ kind: 'suspicion', suspicion }),
        })
  const repeated = recorded === undefined ? undefined : new RecordedRequests(recorded)
  const lane = new Lane({
    number,
    spec,
    depth: task.depth,
    intervalMs: task.intervalMs,
    clock,
    source: repeated ?? new JobRequests(spec, region, clone),
    pace: repeated ?? new Arrivals(spec, clone),
    submit: (slot, operation, offset, byteLength) => queue.submit(slot, operation, offset, byteLength),
    checks,
    trace: records ? new TraceColumns(number, (batch) => tell({ kind: 'trace', batch })) : undefined,
    report: (report) => tell({ kind: 'report', report }),
    explain: (errno) => queue.explain(errno),
  })
  return { lane, checks }
}
