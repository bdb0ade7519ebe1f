/** A run, from its plan to its result. */
import { CowringError } from '../../index.js'
import { ControlWords } from '../lane/control-words.js'
import { RunClock } from '../lane/run-clock.js'
import type { LoadPhase, LoadProgress } from '../result/load-progress.js'
import type { LoadResult } from '../result/load-result.js'
import { TraceWriter } from '../trace/trace-file.js'
import { tracedJobs } from '../trace/traced-jobs.js'
import { Verification } from '../verify/verification.js'
import { Collector } from './collector.js'
import { groupsOf, plannedSeconds } from './groups.js'
import { Ledgers } from './ledgers.js'
import type { LoadPlan } from './load-plan.js'
import { machineFacts } from './machine-facts.js'
import { layOut, refuseForeignContent } from './prepare-volumes.js'
import { runGroup } from './run-group.js'
import { StoreWatch } from './store-watch.js'
import { type PlacedJob, Targets } from './targets.js'
import { Timeline } from './timeline.js'

export interface LoadRun {
  readonly plan: LoadPlan
  /** Hears how far it is, twice a second. */
  readonly watch: (progress: LoadProgress) => void
  /** Ends the jobs early, as if their time were up. */
  readonly signal: AbortSignal
}

/**
 * Runs the jobs, and resolves with what came of them, violations and failures of single jobs among it.
 * Fails when it cannot begin: as targets fail to open, with INVALID_ARGUMENT for jobs that do not fit them, DEVICE_BUSY for content
 * that would be overwritten.
 */
export async function runLoad({ plan, signal, watch }: LoadRun): Promise<LoadResult> {
  await using targets = await Targets.open(plan.jobs)
  const show = (phase: LoadPhase, doneShare: number): void => watch(besideTheJobs(phase, doneShare))
  if (plan.events.length > 0 && targets.engine === undefined) throw eventsWithoutEngine()
  if (!plan.mayOverwrite) await refuseForeignContent(targets.jobs, plan.events)
  await layOut(targets.jobs, signal, (share) => show('layout', share))
  await targets.takeSnapshots()
  const control = new ControlWords()
  const verification = new Verification(
    control,
    targets.jobs.map(({ spec }) => spec.name),
  )
  const ledgers = await Ledgers.watch(targets.jobs, verification)
  const jobs = new JobsUnderWay({ plan, targets, control, verification, ledgers, watch })
  await jobs.run(signal)
  if (!ledgers.isEmpty) await verification.conclude(jobs.clock, (share) => show('verify', share))
  return { ...jobs.result(), verification: ledgers.isEmpty ? null : verification.result() }
}

/** How often `watch` hears, and the shortest interval of the series. */
const intervalMsMin = 500
/** Limit: a long run has longer intervals instead of more of them. */
const intervalsMax = 3600

interface JobsParts {
  readonly plan: LoadPlan
  readonly targets: Targets
  readonly control: ControlWords
  readonly verification: Verification
  readonly ledgers: Ledgers
  readonly watch: (progress: LoadProgress) => void
}

/** From the first request to the last, and everything that happens meanwhile. */
class JobsUnderWay {
  readonly clock = new RunClock()
  readonly #parts: JobsParts
  readonly #startedAt = new Date().toISOString()
  readonly #groups: PlacedJob[][]
  readonly #plannedSeconds: number | undefined
  readonly #intervalMs: number
  readonly #collector: Collector
  readonly #timeline: Timeline | undefined
  readonly #stores: StoreWatch | undefined
  readonly #snapshotsAtStart: number | null

  /** The run's clock begins. */
  constructor(parts: JobsParts) {
    const { control, ledgers, targets, verification } = parts
    const { engine, jobs } = targets
    this.#parts = parts
    this.#groups = groupsOf(jobs)
    this.#plannedSeconds = plannedSeconds(this.#groups)
    this.#intervalMs = Math.max(intervalMsMin, ((this.#plannedSeconds ?? 0) * 1000) / intervalsMax)
    this.#collector = new Collector(this.#intervalMs)
    this.#snapshotsAtStart = engine === undefined ? null : engine.origin.snapshots.length
    if (engine === undefined) return
    const origin = ledgers.ofOrigin(engine)
    const verified = origin === undefined ? undefined : { verification, origin }
    this.#timeline = new Timeline({ target: engine, clock: this.clock, control, verified })
    this.#stores = new StoreWatch(engine, this.#timeline)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { control, ledgers, plan, verification } = this.#parts
    const trace = await this.#startTrace()
    // Interrupted before, a file may be laid out in part, and nobody has used it.
    if (!signal.aborted) this.#parts.targets.keep()
    const over = new AbortController()
    const stop = (): void => control.stop()
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    const happening = this.#timeline?.run(plan.events, over.signal)
    const checking = ledgers.isEmpty ? undefined : verification.checkSnapshots(this.clock, over.signal)
    const timer = setInterval(() => this.#tell(), this.#intervalMs)
    try {
      await this.#runGroups(trace)
    } finally {
      over.abort()
      signal.removeEventListener('abort', stop)
      await happening
      await checking
      clearInterval(timer)
      await trace?.end()
    }
    this.#tell()
  }

  result(): Omit<LoadResult, 'verification'> {
    const { plan } = this.#parts
    return {
      format: 'cowring-load-1',
      version: plan.version,
      startedAt: this.#startedAt,
      elapsedSeconds: this.clock.now() / 1000,
      title: plan.title,
      machine: machineFacts(),
      jobs: this.#collector.jobs(),
      series: this.#collector.series(),
      timeline: this.#timeline?.marks ?? [],
      stores: this.#stores?.series() ?? [],
      snapshotsAtStart: this.#snapshotsAtStart,
    }
  }

  async #runGroups(trace: TraceWriter | undefined): Promise<void> {
    const { control, ledgers, verification } = this.#parts
    const parts = { clock: this.clock, collector: this.#collector, intervalMs: this.#intervalMs }
    let lanes = 0
    for (const [index, group] of this.#groups.entries()) {
      if (control.isStopped) return
      lanes += await runGroup(group, index + 1, lanes, { ...parts, control, verification, ledgers, trace })
    }
  }

  #tell(): void {
    const { ledgers, verification, watch } = this.#parts
    const elapsedSeconds = this.clock.now() / 1000
    this.#collector.closeUntil(elapsedSeconds * 1000)
    this.#stores?.look(elapsedSeconds)
    const planned = this.#plannedSeconds
    const point = this.#collector.lastPoint
    watch({
      phase: point?.isRamp === true ? 'ramp' : 'run',
      elapsedSeconds,
      plannedSeconds: planned,
      doneShare: planned === undefined ? undefined : Math.min(1, elapsedSeconds / planned),
      point,
      stores: this.#stores?.progress ?? [],
      marks: this.#timeline?.marks ?? [],
      violations: ledgers.isEmpty ? undefined : verification.violationCount,
    })
  }

  async #startTrace(): Promise<TraceWriter | undefined> {
    const { plan, targets } = this.#parts
    if (plan.record === undefined) return undefined
    const trace = await TraceWriter.create(plan.record)
    trace.begin({ version: plan.version, startedAt: this.#startedAt, jobs: tracedJobs(targets.jobs) })
    return trace
  }
}

const eventsWithoutEngine = (): CowringError =>
  new CowringError('INVALID_ARGUMENT', 'events need jobs on one cowring: target, whose snapshots they are about')

const besideTheJobs = (phase: LoadPhase, doneShare: number): LoadProgress => ({
  phase,
  elapsedSeconds: 0,
  plannedSeconds: undefined,
  doneShare,
  point: undefined,
  stores: [],
  marks: [],
  violations: undefined,
})
