/**
 * A lane: one clone of a job, on one thread. Makes requests when they are due and slots are free, and counts what came of them.
 *
 * Knows nothing of how its queue answers: whoever runs it calls `issue`, tells it what has ended, and calls `issue` again. Nothing is
 * allocated for a request, apart from what a report takes once an interval.
 */
import type { JobSpec } from '../job/job-spec.js'
import { operation, type Pace, type Request, type RequestSource } from '../pattern/requests.js'
import type { TraceColumns } from '../trace/trace-columns.js'
import type { LaneChecks } from '../verify/lane-checks.js'
import type { RunClock } from './run-clock.js'
import { type LaneReport, Tally } from './tally.js'

export interface LaneParts {
  readonly number: number
  readonly spec: JobSpec
  readonly depth: number
  /** A report this often. */
  readonly intervalMs: number
  readonly clock: RunClock
  readonly source: RequestSource
  readonly pace: Pace
  readonly submit: (slot: number, operation: number, offset: number, byteLength: number) => void
  /** `undefined` where nothing is verified. */
  readonly checks: LaneChecks | undefined
  readonly trace: TraceColumns | undefined
  readonly report: (report: LaneReport) => void
  /** What the errno of a request means. */
  readonly explain: (errno: number) => string
}

export class Lane {
  readonly #parts: LaneParts
  readonly #tally: Tally
  readonly #free: Int32Array
  #freeCount: number
  readonly #operations: Uint8Array
  readonly #offsets: Float64Array
  readonly #lengths: Uint32Array
  readonly #dueMs: Float64Array
  readonly #sentMs: Float64Array
  /** The next request, if it has been drawn and not been sent yet. */
  readonly #next: Request = { operation: 0, offset: 0, byteLength: 0 }
  #hasNext = false
  /** The next is a flush that `fsync` asks for: it is due at once, and belongs to no pace. */
  #isOwnFlush = false
  #isDry = false
  #writesSinceFlush = 0
  readonly #rampEndMs: number
  readonly #endMs: number
  #nextReportMs: number
  #failure: string | undefined

  constructor(parts: LaneParts) {
    const { clock, depth, number, pace, spec } = parts
    this.#parts = parts
    const nowMs = clock.now()
    pace.begin(nowMs)
    this.#tally = new Tally(number, spec.isOpenLoop, nowMs)
    this.#free = Int32Array.from({ length: depth }, (_, slot) => depth - 1 - slot)
    this.#freeCount = depth
    this.#operations = new Uint8Array(depth)
    this.#offsets = new Float64Array(depth)
    this.#lengths = new Uint32Array(depth)
    this.#dueMs = new Float64Array(depth)
    this.#sentMs = new Float64Array(depth)
    this.#rampEndMs = spec.rampSeconds === 0 ? nowMs : nowMs + spec.rampSeconds * 1000
    this.#endMs = this.#rampEndMs + (spec.runtimeSeconds ?? Number.POSITIVE_INFINITY) * 1000
    this.#nextReportMs = this.#reportAfter(nowMs)
  }

  get inFlight(): number {
    return this.#free.length - this.#freeCount
  }

  /** No more will be sent, and nothing is in flight. */
  get isDone(): boolean {
    return this.#isDry && this.inFlight === 0
  }

  /** Why it ended before its time. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Sends nothing more. */
  stop(failure?: string): void {
    this.#isDry = true
    this.#failure ??= failure
  }

  /**
   * Sends what is due, as far as slots are free. Returns how long nothing more can be sent, in milliseconds, if nothing ends meanwhile;
   * infinity if something must end first.
   */
  issue(nowMs: number): number {
    if (nowMs >= this.#nextReportMs) this.#report(nowMs)
    while (this.#freeCount > 0 && !this.#isDry) {
      if (nowMs >= this.#endMs) {
        this.#isDry = true
        break
      }
      const waitMs = this.#draw(nowMs)
      if (waitMs > 0) return Math.min(waitMs, this.#nextReportMs - nowMs, this.#endMs - nowMs)
      if (this.#isDry) break
      if (!this.#send(nowMs)) return heldMs
    }
    return Number.POSITIVE_INFINITY
  }

  /** A request has ended. */
  ended(slot: number, errno: number, nowMs: number): void {
    const { checks, pace, trace } = this.#parts
    const what = this.#operations[slot] as number
    const offset = this.#offsets[slot] as number
    const byteLength = this.#lengths[slot] as number
    const sentMs = this.#sentMs[slot] as number
    const dueMs = this.#dueMs[slot] as number
    if (errno === 0) this.#tally.count(what, byteLength, nowMs - dueMs, nowMs - sentMs)
    else this.#fail(slot, errno)
    if (checks !== undefined && !checks.ended(slot, what, offset, byteLength, errno !== 0, nowMs)) this.stop()
    trace?.add(what, offset, byteLength, dueMs, nowMs - sentMs, errno)
    this.#free[this.#freeCount++] = slot
    if (this.inFlight === 0) pace.quiet(nowMs)
  }

  /** The last report. */
  finish(): void {
    const { clock, report, trace } = this.#parts
    trace?.flush()
    const nowMs = clock.now()
    report(this.#tally.take(nowMs, nowMs < this.#rampEndMs))
  }

  /** Draws the next request unless there is one, and answers how long until it is due. */
  #draw(nowMs: number): number {
    const { pace, source, spec } = this.#parts
    if (!this.#hasNext) {
      const next = this.#next
      this.#isOwnFlush = spec.writesPerFlush > 0 && this.#writesSinceFlush >= spec.writesPerFlush
      if (this.#isOwnFlush) {
        this.#writesSinceFlush = 0
        next.operation = operation.sync
        next.offset = 0
        next.byteLength = 0
      } else if (!source.next(next, pace.wanted)) {
        this.#isDry = true
        return 0
      }
      this.#hasNext = true
    }
    return this.#isOwnFlush ? 0 : pace.dueMs - nowMs
  }

  /** False if it must wait for a write in flight to the same sectors. */
  #send(nowMs: number): boolean {
    const { checks, clock, pace, spec, submit } = this.#parts
    const { byteLength, offset, operation: what } = this.#next
    const slot = this.#free[this.#freeCount - 1] as number
    if (checks !== undefined && !checks.sends(slot, what, offset, byteLength, nowMs)) return false
    this.#freeCount--
    this.#hasNext = false
    this.#operations[slot] = what
    this.#offsets[slot] = offset
    this.#lengths[slot] = byteLength
    const sentMs = clock.now()
    this.#sentMs[slot] = sentMs
    this.#dueMs[slot] = spec.isOpenLoop && !this.#isOwnFlush ? pace.dueMs : sentMs
    if (!this.#isOwnFlush) pace.took(byteLength)
    if (what === operation.write) this.#writesSinceFlush++
    submit(slot, what, offset, byteLength)
    return true
  }

  #fail(slot: number, errno: number): void {
    const what = this.#operations[slot] as number
    this.#tally.failed(what)
    const verb = verbs[what] as string
    const where = what === operation.sync ? '' : ` of ${this.#lengths[slot]} bytes at ${this.#offsets[slot]}`
    this.stop(`a ${verb}${where} failed: ${this.#parts.explain(errno)}`)
  }

  #report(nowMs: number): void {
    const { report } = this.#parts
    const atMs = this.#nextReportMs
    report(this.#tally.take(nowMs, atMs <= this.#rampEndMs))
    this.#nextReportMs = this.#reportAfter(nowMs)
  }

  /** The next end of an interval; that of the ramp is one, too. */
  #reportAfter(nowMs: number): number {
    const { intervalMs } = this.#parts
    const next = (Math.floor(nowMs / intervalMs) + 1) * intervalMs
    return nowMs < this.#rampEndMs ? Math.min(next, this.#rampEndMs) : next
  }
}

const verbs = ['read', 'write', 'trim', 'flush'] as const
/** How long to wait for somebody else's write to the same sectors. */
const heldMs = 0.05
