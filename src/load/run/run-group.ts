/** Runs the jobs of a group, all at the same time, each clone on a lane of its own. */
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { oneThread, runOn } from '../../coordinator/one-thread.js'
import type { ControlWords } from '../lane/control-words.js'
import type { LaneEnd, LaneMessage, LaneTask } from '../lane/lane-task.js'
import type { ThreadTask } from '../lane/lane-thread.js'
import { makeLane } from '../lane/make-lane.js'
import { runAsync } from '../lane/run-async.js'
import type { RunClock } from '../lane/run-clock.js'
import type { LanePlace } from '../target/open-target.js'
import type { TraceWriter } from '../trace/trace-file.js'
import type { Verification } from '../verify/verification.js'
import type { Collector, Row } from './collector.js'
import type { Ledgers } from './ledgers.js'
import type { PlacedJob } from './targets.js'

export interface GroupParts {
  readonly clock: RunClock
  readonly control: ControlWords
  readonly collector: Collector
  readonly intervalMs: number
  readonly verification: Verification
  readonly ledgers: Ledgers
  /** Where every request goes that is recorded. */
  readonly trace: TraceWriter | undefined
}

interface PlannedLane {
  readonly task: LaneTask
  readonly job: PlacedJob
}

const laneThreadFile = new URL('../lane/lane-thread.js', import.meta.url)
const readyEveryMs = 1

/** Resolves when all have ended. `group` counts from 1, lanes of the run from `firstLane`; answers how many there were. */
export async function runGroup(
  jobs: readonly PlacedJob[],
  group: number,
  firstLane: number,
  parts: GroupParts,
): Promise<number> {
  const lanes = plannedLanes(jobs, group, firstLane, parts)
  addRows(jobs, lanes, group, parts.collector)
  const { begun, expected, ended } = launch(lanes, parts)
  let ready = 0
  while (ready + ended.early < expected && !parts.control.isStopped) {
    await new Promise((resolve) => setTimeout(resolve, readyEveryMs))
    ready += parts.control.takeReady()
  }
  parts.control.begin(group)
  await Promise.all(begun.map((begin) => begin()))
  return lanes.length
}

function plannedLanes(jobs: readonly PlacedJob[], group: number, firstLane: number, parts: GroupParts): PlannedLane[] {
  const { clock, control, intervalMs, ledgers, trace, verification } = parts
  let number = firstLane
  return jobs.flatMap((job) => {
    const { bufferBytes, planned, region, spec, target } = job
    return Array.from({ length: planned.recorded?.length ?? spec.clones }, (_, clone) => {
      const recorded = planned.recorded?.[clone]
      const task: LaneTask = {
        number: number++,
        spec,
        job: job.number,
        clone,
        group,
        depth: target.depthOf(recorded?.depth ?? spec.depth),
        region,
        bufferBytes,
        intervalMs,
        startedAt: clock.startedAt,
        control: control.memory,
        run: verification.run,
        ledger: ledgers.of(job),
        records: trace !== undefined,
        recorded,
      }
      return { task, job }
    })
  })
}

function addRows(jobs: readonly PlacedJob[], lanes: readonly PlannedLane[], group: number, collector: Collector): void {
  const [first] = jobs
  if (first === undefined) return
  const rowOf = ({ spec }: PlacedJob, of: readonly PlannedLane[]): Row => ({
    name: spec.name,
    group: group - 1,
    target: spec.target,
    options: spec.given,
    clones: of.length,
    depth: of[0]?.task.depth ?? 1,
    arrival: spec.isOpenLoop ? 'open-loop' : 'closed-loop',
  })
  if (jobs.some(({ spec }) => spec.isGrouped)) {
    collector.addRow(
      rowOf(first, lanes),
      lanes.map(({ task }) => task.number),
    )
    return
  }
  for (const lane of lanes) collector.addRow(rowOf(lane.job, [lane]), [lane.task.number])
}

interface Launched {
  /** Starts what runs on this thread, and resolves when the lane has ended. */
  readonly begun: readonly (() => Promise<void>)[]
  /** Lanes on threads, and how many of them have ended before they were ready. */
  readonly expected: number
  readonly ended: { early: number }
}

function launch(lanes: readonly PlannedLane[], parts: GroupParts): Launched {
  const ended = { early: 0 }
  let expected = 0
  // All of them before the first thread starts: it would wait for the others for ever.
  const places = lanes.map(({ job, task }) => job.target.lanePlace(job.volumeName, task.depth, task.bufferBytes))
  const begun = lanes.map(({ task }, index) => {
    const place = places[index] as LanePlace
    const hear = (message: LaneMessage): void => take(message, parts)
    if (place.kind === 'here') return () => finishing(task, runHere(task, place, hear, parts), parts)
    expected++
    const running = runOnThread(task, place, hear)
    running.catch(() => ended.early++)
    return () => finishing(task, running, parts)
  })
  return { begun, expected, ended }
}

async function finishing(
  { number }: LaneTask,
  running: Promise<LaneEnd>,
  { collector, control, verification }: GroupParts,
): Promise<void> {
  try {
    const { failure, sectorsChecked } = await running
    verification.laneEnded(sectorsChecked)
    if (failure !== undefined) collector.failed(number, failure)
  } catch (error) {
    // It has not said goodbye, and may have been counted among those that run: nobody is to wait for it.
    collector.failed(number, error instanceof Error ? error.message : String(error))
    control.stop()
  }
}

function take(message: LaneMessage, { collector, trace, verification }: GroupParts): void {
  if (message.kind === 'report') collector.add(message.report)
  else if (message.kind === 'suspicion') verification.suspect(message.suspicion)
  else trace?.add(message.batch)
}

type ThreadLanePlace = Extract<LanePlace, { kind: 'thread' }>
type HereLanePlace = Extract<LanePlace, { kind: 'here' }>

async function runOnThread(
  task: LaneTask,
  { place, transfer }: ThreadLanePlace,
  hear: (message: LaneMessage) => void,
): Promise<LaneEnd> {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', hear)
  // Closed by the lane's end, or by that of its thread: everything it has said has been heard then.
  const heard = once(port1, 'close')
  const thread = oneThread(laneThreadFile)
  try {
    const given: ThreadTask = { task, place, port: port2 }
    return await runOn<LaneEnd>(thread, 'run', given, [port2, ...transfer])
  } finally {
    await heard
    await thread.destroy()
  }
}

async function runHere(
  task: LaneTask,
  { free, queue }: HereLanePlace,
  hear: (message: LaneMessage) => void,
  parts: GroupParts,
): Promise<LaneEnd> {
  try {
    const { checks, lane } = makeLane(task, queue, parts, hear)
    await runAsync(lane, queue, parts.clock, parts.control)
    return { failure: lane.failure, sectorsChecked: checks?.sectorsChecked ?? 0 }
  } finally {
    free()
  }
}
