/**
 * Everything a worker's code works on: shared structures, its view of volumes, its work in hand. One per worker, handed to
 * every function here, so that a worker is an object that a test can step by hand.
 */
import { assert, present } from '../src/base/assert.js'
import { LockTable, lockTableBytes } from '../src/shm/lock-table.js'
import { CompletionEntries, completionField, RingConsumer, RingProducer, SubmissionEntries } from '../src/shm/ring.js'
import { Signals } from '../src/shm/signals.js'
import { StatisticsWriter } from '../src/shm/statistics.js'
import type { WorkerStart } from '../src/wire/control-message.js'
import { completionCapacity, submissionCapacity } from '../src/wire/engine-memory.js'
import { CopyPlan } from './copy-out.js'
import { Scratch } from './scratch.js'
import type { DeviceView, VolumeView } from './views.js'
import { ExtentTable, extentCapacity, PieceList, PieceTable } from './work.js'

const notParked = -1
/** Answers that are published together at most: the client settles the first of a long batch while the rest is done. */
const publishEvery = 32
/** The same in bytes: while one large request is worked on, the client can prepare the next. */
const publishBytes = 2 ** 20

export class WorkerContext {
  readonly start: WorkerStart
  readonly worker: number
  /** How lock and commit words name this worker: from 1, since 0 is free. */
  readonly owner: number
  readonly arena: Uint8Array
  readonly arenaView: DataView
  readonly locks: LockTable
  readonly signals: Signals
  readonly statistics: StatisticsWriter
  readonly submissions: SubmissionEntries
  readonly submissionRing: RingConsumer
  readonly volumes: (VolumeView | undefined)[]
  /** Of a seat: what requests in place can name, by `placeOfDevice`. */
  readonly devices: (DeviceView | undefined)[] = []
  readonly extents = new ExtentTable()
  readonly pieces = new PieceTable()
  readonly scratch: Scratch
  readonly plan: CopyPlan
  /** Pieces that wait for their key; that hold it and copy this turn; that wait for a commit. */
  readonly lockWaiters = new PieceList()
  readonly active = new PieceList()
  readonly commitWaiters = new PieceList()
  /** Extents that take the keys of a merge's window, and wait for one of them. */
  readonly holding = new PieceList()
  /** Extents that are slices of a merge to be copied, in their order. */
  readonly copying = new PieceList()
  /** Pieces being released, run by run. */
  readonly released = new PieceList()
  /** Arena offsets of the scratch that nested writes use, one for each level: see workers/nested. */
  nestedScratch: readonly number[] = []
  /** The number of this turn; marks an origin as looked at in it. */
  turn = 0
  stopped = false
  /** The errno that belongs to the status of what was done last at once. */
  failure = 0
  /** Ring entries taken in this turn, and what was parked before it. */
  taken = 0
  parkedBefore = 0
  /** Something came of this turn, so that another one is worth while at once. */
  gotOn = false
  /** A step of a merge was taken since the worker slept last. */
  tookMergeStep = false

  /** Shared by nested contexts: no two turns have one number. */
  readonly turns: { count: number }
  /** How often the ends of files are looked at: once a turn. */
  readonly fileTurns: { count: number }
  readonly #completions: CompletionEntries
  readonly #completionRing: RingProducer
  readonly #clockOffsetMs: number
  /** Extents answered since the last publication. */
  readonly #answered = new Int32Array(extentCapacity)
  #answeredCount = 0
  #answeredBytes = 0
  #parkedSinceTurn = notParked

  /** `above`: the context whose volumes a nested one shares. `fileTurns`: where they are not the worker's own turns. */
  constructor(start: WorkerStart, above?: WorkerContext, fileTurns?: { count: number }) {
    const { memory, worker } = start
    this.start = start
    this.volumes = above?.volumes ?? []
    this.turns = above === undefined ? { count: 0 } : above.turns
    this.fileTurns = fileTurns ?? this.turns
    this.worker = worker
    this.owner = worker + 1
    this.arena = new Uint8Array(memory.arena)
    this.arenaView = new DataView(memory.arena)
    this.locks = new LockTable(above === undefined ? memory.locks : new SharedArrayBuffer(lockTableBytes))
    this.signals = new Signals(memory.signals, memory.runnerCount)
    this.statistics = new StatisticsWriter(memory.statistics, worker)
    const { completions, submissions } = ringsOf(start)
    this.submissions = new SubmissionEntries(submissions.memory, submissions.capacity)
    this.submissionRing = new RingConsumer(submissions.memory, submissions.capacity)
    this.#completions = new CompletionEntries(completions.memory, completions.capacity)
    this.#completionRing = new RingProducer(completions.memory, completions.capacity)
    this.#clockOffsetMs = performance.timeOrigin - start.clockOriginMs
    this.scratch = new Scratch(this.arena, start.scratchOffset)
    this.plan = new CopyPlan(this.scratch)
  }

  beginTurn(): void {
    this.turn = ++this.turns.count
    this.parkedBefore = this.parked
  }

  volume(volume: number): VolumeView {
    return present(this.volumes[volume], `volume ${volume} is not attached`)
  }

  /** R4: sets this worker's parked bit. The turn that set it must be followed by another look before the worker may sleep. */
  announceParked(): void {
    if (this.#parkedSinceTurn !== notParked) return
    this.signals.setParked(this.worker)
    this.#parkedSinceTurn = this.turn
  }

  withdrawParked(): void {
    if (this.#parkedSinceTurn === notParked) return
    this.signals.clearParked(this.worker)
    this.#parkedSinceTurn = notParked
  }

  /** Pieces and windows that wait for something. */
  get parked(): number {
    return this.lockWaiters.count + this.commitWaiters.count + this.holding.count
  }

  parkedThisTurn(): boolean {
    return this.#parkedSinceTurn === this.turn
  }

  /** Answers an extent; the client sees it after `publishCompletions`. */
  answer(extent: number, status: number, errno: number): void {
    this.extents.status[extent] = status
    this.extents.errno[extent] = errno
    this.#answered[this.#answeredCount++] = extent
    this.#answeredBytes += this.extents.byteLength[extent] as number
    if (this.#answeredCount >= publishEvery || this.#answeredBytes >= publishBytes) this.publishCompletions()
  }

  /** Lets the client see every answer so far, and forgets those extents. R1 */
  publishCompletions(): void {
    if (this.#answeredCount === 0) return
    const nowMs = performance.now() + this.#clockOffsetMs
    const words = this.#completions.words
    const extents = this.extents
    for (let index = 0; index < this.#answeredCount; index++) {
      const extent = this.#answered[index] as number
      const status = extents.status[extent] as number
      const slot = this.#completionRing.claim()
      assert(slot >= 0, 'a completion ring has room for every ticket')
      const base = this.#completions.wordBase(slot)
      words[base + completionField.ticket] = extents.ticket[extent] as number
      words[base + completionField.status] = status
      words[base + completionField.errno] = extents.errno[extent] as number
      this.#completionRing.push()
      const bytes = status === 0 ? (extents.byteLength[extent] as number) : 0
      const latencyMs = Math.max(0, nowMs - (extents.submittedMs[extent] as number))
      this.statistics.operation(extents.counted[extent] as number, bytes, latencyMs, status !== 0)
      extents.release(extent)
    }
    this.#answeredCount = 0
    this.#answeredBytes = 0
    this.#completionRing.publish()
    this.signals.client.ringIfAsleep()
  }
}

/** A seat has no rings: what it does is asked and answered on its own thread. Nothing ever goes through those it gets here. */
function ringsOf({ memory, worker }: WorkerStart) {
  if (worker >= memory.workerCount) {
    return {
      submissions: { memory: new SharedArrayBuffer(SubmissionEntries.byteLength(1)), capacity: 1 },
      completions: { memory: new SharedArrayBuffer(CompletionEntries.byteLength(1)), capacity: 1 },
    }
  }
  return {
    submissions: { memory: present(memory.submissions[worker], 'submission ring'), capacity: submissionCapacity },
    completions: { memory: present(memory.completions[worker], 'completion ring'), capacity: completionCapacity },
  }
}
