/** Does what is to happen while the jobs run, when it is due, and keeps what came of it. */
import type { Merge, Snapshot } from '../../index.js'
import type { ControlWords } from '../lane/control-words.js'
import type { RunClock } from '../lane/run-clock.js'
import type { TimelineMark } from '../result/load-result.js'
import type { EngineTarget } from '../target/engine-target.js'
import type { LedgerMemory } from '../verify/ledger.js'
import type { Verification } from '../verify/verification.js'
import type { TimelineEvent } from './timeline-event.js'

export interface TimelineParts {
  readonly target: EngineTarget
  readonly clock: RunClock
  readonly control: ControlWords
  /** With the ledger of the origin; `undefined` where nothing is verified. */
  readonly verified: { readonly verification: Verification; readonly origin: LedgerMemory } | undefined
}

/** How often to look whether all lanes hold still. */
const stillEveryMs = 1

type MergeEvent = Extract<TimelineEvent, { verb: 'merge' }>

export class Timeline {
  readonly #parts: TimelineParts
  readonly #marks: TimelineMark[] = []
  readonly #merges = new Map<string, Merge>()
  readonly #endings: Promise<void>[] = []

  constructor(parts: TimelineParts) {
    this.#parts = parts
  }

  get marks(): readonly TimelineMark[] {
    return this.#marks
  }

  /** Merges that have begun, by their snapshots' names. */
  get merges(): ReadonlyMap<string, Merge> {
    return this.#merges
  }

  /** Resolves when everything has happened, or was not due before `over` was aborted; what has begun goes on to its end. */
  async run(events: readonly TimelineEvent[], over: AbortSignal): Promise<void> {
    for (const event of [...events].sort((one, other) => one.atSeconds - other.atSeconds)) {
      await sleepUntil(event.atSeconds * 1000, this.#parts.clock, over)
      if (over.aborted) this.#mark(event, this.#parts.clock.now(), 'the jobs had ended before it was due')
      else await this.#happen(event)
    }
    await Promise.all(this.#endings)
  }

  async #happen(event: TimelineEvent): Promise<void> {
    const atMs = this.#parts.clock.now()
    try {
      if (event.verb === 'merge') await this.#merge(event, atMs)
      else {
        await this.#act(event)
        this.#mark(event, atMs)
      }
    } catch (error) {
      this.#mark(event, atMs, messageOf(error))
    }
  }

  async #act(event: Exclude<TimelineEvent, MergeEvent>): Promise<void> {
    const { target, verified } = this.#parts
    if (event.verb === 'kill-worker') return target.killWorker(event.worker)
    if (event.verb === 'remove') {
      const snapshot = this.#snapshot(event.name)
      verified?.verification.forget(event.name)
      return target.removeSnapshot(snapshot)
    }
    const take = () => target.takeSnapshot(event.name, event.wish)
    if (verified === undefined) await take()
    else await verified.verification.take(verified.origin, event.name, take)
  }

  /** The mark is made when the merge is done; requests go on meanwhile. */
  async #merge(event: MergeEvent, atMs: number): Promise<void> {
    const snapshot = this.#snapshot(event.name)
    const merge = await this.#begin(snapshot)
    this.#merges.set(event.name, merge)
    const ended = merge.finished.then(
      () => this.#mark(event, atMs),
      (error: unknown) => this.#mark(event, atMs, messageOf(error)),
    )
    this.#endings.push(ended)
  }

  /**
   * A merge rolls back what was answered before it was asked for, and nothing that is sent later. Where sectors are checked, nothing may
   * be in flight at that instant, or nobody could say which it is.
   */
  async #begin(snapshot: Snapshot): Promise<Merge> {
    const { control, verified } = this.#parts
    if (verified === undefined) return snapshot.merge()
    control.hold()
    try {
      // A thread that has died is never still; the run is stopped then.
      while (!control.isStill && !control.isStopped) await new Promise((resolve) => setTimeout(resolve, stillEveryMs))
      if (control.isStopped) throw new Error('the jobs had ended before it could begin')
      const merge = snapshot.merge()
      verified.verification.rollBack(verified.origin, snapshot.name)
      return merge
    } finally {
      control.release()
    }
  }

  #snapshot(name: string): Snapshot {
    const { origin } = this.#parts.target
    const snapshot = origin.snapshots.find((each) => each.name === name)
    if (snapshot !== undefined) return snapshot
    const known = origin.snapshots.map((each) => each.name).join(', ') || 'none'
    throw new Error(`there is no snapshot '${name}'; there is ${known}`)
  }

  #mark({ text }: TimelineEvent, atMs: number, failure?: string): void {
    const endSeconds = this.#parts.clock.now() / 1000
    this.#marks.push({ atSeconds: atMs / 1000, endSeconds, text, ...(failure === undefined ? {} : { failure }) })
  }
}

/** Not a moment earlier: timers may be. */
async function sleepUntil(atMs: number, clock: RunClock, over: AbortSignal): Promise<void> {
  while (clock.now() < atMs && !over.aborted) {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        over.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.ceil(atMs - clock.now()))
      over.addEventListener('abort', wake)
    })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
