/**
 * A worker's thread as the simulator has it: the production round, one step at a time.
 *
 * Guarantees: a thread ends where it is told to, also in the middle of a stride, and takes no further step; nothing of it
 * is undone.
 */
import type { Station } from '../../../src/coordinator/worker-thread.js'
import type { ControlFrame, WorkerStart } from '../../../src/wire/control-message.js'
import { WorkerContext } from '../../../workers/context.js'
import { WorkerRound } from '../../../workers/round.js'
import type { Sleeper } from './sleepers.js'

/** Thrown out of whatever the thread was doing: it ends there. */
export class ThreadEnded extends Error {}

export class SimulatedThread implements Station, Sleeper {
  asleepUntilMs: number | undefined
  readonly worker: number
  readonly ctx: WorkerContext
  readonly ended: Promise<unknown>
  readonly threads = []
  /** It is in the middle of a step, which others interrupted. */
  isInStep = false
  hasEnded = false
  /** Ends at so many points from now. */
  endsAfter = Number.POSITIVE_INFINITY
  readonly #round: WorkerRound
  readonly #frames: ControlFrame[] = []
  readonly #replace: (start: WorkerStart) => Station
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(start: WorkerStart, replace: (start: WorkerStart) => Station) {
    this.worker = start.worker
    this.ctx = new WorkerContext(start)
    this.#round = new WorkerRound(this.ctx, () => this.#frames.shift())
    this.#replace = replace
    this.ended = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Its next step may be one in which it waits for others, who must be able to go on. */
  get hasMail(): boolean {
    return this.#frames.length > 0
  }

  post(frame: ControlFrame): void {
    this.#frames.push(frame)
  }

  successor(start: WorkerStart): Station {
    return this.#replace(start)
  }

  async close(): Promise<void> {}

  step(): void {
    this.isInStep = true
    try {
      this.#round.step()
      if (this.ctx.stopped) this.#end(this.#resolve)
    } catch (error) {
      if (!(error instanceof ThreadEnded)) throw error
      this.die()
    } finally {
      this.isInStep = false
    }
  }

  /** The thread is gone. */
  die(): void {
    this.#end(() => this.#reject(new Error('the thread ended')))
  }

  #end(settle: () => void): void {
    if (this.hasEnded) return
    this.hasEnded = true
    settle()
  }
}
