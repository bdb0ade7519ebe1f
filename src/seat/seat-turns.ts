/**
 * What a seat has in hand, and the turns that bring it to its end.
 *
 * Guarantees: `finish` returns when nothing is left, or when it was given up: then everything reads as WORKER_DIED, and what is in
 * hand stays there until `goOn` has brought it to its end.
 */
import type { ReceiveFrame } from '../../workers/control.js'
import { WorkerRound } from '../../workers/round.js'
import type { SeatContext } from '../../workers/seat-context.js'
import { beginExtent } from '../../workers/turn.js'
import { statusNumbers } from '../base/errors.js'

/** Of the coordinator's own seat, on which that thread must not wait for itself. */
export interface SeatWait {
  /** How long it waits for other threads while nothing gets on, before it gives up. */
  readonly msMax: number
  /** Called between turns: what is waited for may be this thread's to do. */
  readonly onWaiting: () => void
  /** Called when it has given up: `goOn` has to be called until it is over. */
  readonly onStalled: () => void
}

/** Listening, the strides of a turn, a look for work. */
const stepsOfARound = 7
/** How long such a seat sleeps at most, so that it sees when its time is over. */
const sleepMsMax = 10

export class SeatTurns {
  /** Something that was given up is still in hand. */
  isStalled = false
  readonly #ctx: SeatContext
  readonly #round: WorkerRound
  readonly #wait: SeatWait | undefined
  /** Called when the caller's code, or nobody, goes on while something is in hand. */
  readonly #onInterrupted: () => void

  constructor(ctx: SeatContext, receive: ReceiveFrame, wait: SeatWait | undefined, onInterrupted: () => void) {
    this.#ctx = ctx
    this.#round = new WorkerRound(ctx, receive, wait === undefined ? undefined : sleepMsMax)
    this.#wait = wait
    this.#onInterrupted = onInterrupted
  }

  /** Begins one extent. What it asks for may be answered at once. */
  begin(asked: number, tag: number, volume: number, byteOffset: number, byteLength: number, arenaOffset: number): void {
    const ctx = this.#ctx
    if (!this.#hasRoom() && !this.#runUntil(this.#hasRoom)) return
    const { extents } = ctx
    const extent = extents.take()
    extents.operation[extent] = asked
    extents.volume[extent] = volume
    extents.ticket[extent] = tag
    extents.byteLength[extent] = byteLength
    extents.arenaOffset[extent] = arenaOffset
    extents.byteOffset[extent] = byteOffset
    if (ctx.left === 0) ctx.nowMs = performance.now()
    extents.submittedMs[extent] = ctx.nowMs
    ctx.left++
    beginExtent(ctx, extent)
  }

  /** Runs turns until everything that was begun is answered. */
  finish(): void {
    if (this.#ctx.left > 0 && this.#runUntil(this.#isOver)) this.#ctx.account()
  }

  /** Goes on with what was given up; true when it is over. */
  goOn(): boolean {
    this.#round.restart()
    for (let step = 0; step < stepsOfARound && this.#ctx.left > 0; step++) this.#round.step()
    if (this.#ctx.left > 0 && !this.#ctx.stopped) return false
    this.isStalled = false
    return true
  }

  readonly #isOver = (): boolean => this.#ctx.left === 0

  readonly #hasRoom = (): boolean => {
    if (!this.#ctx.hasRoom) this.#ctx.account()
    return this.#ctx.hasRoom
  }

  /** Runs turns; false if that was given up, and nothing more may be begun. */
  #runUntil(isReached: () => boolean): boolean {
    if (this.isStalled) return false
    this.#round.restart()
    for (let sinceMs = this.#ctx.nowMs; ; ) {
      this.#round.step()
      if (isReached()) return true
      // Only between turns: what is copied and not committed would be copied once more.
      if (this.#ctx.stopped) return this.#giveUp()
      if (this.#wait === undefined || !this.#round.isBetweenTurns) continue
      if (this.#ctx.gotOn) sinceMs = performance.now()
      else if (performance.now() - sinceMs > this.#wait.msMax) {
        this.#wait.onStalled()
        return this.#giveUp()
      }
      this.#onInterrupted()
      this.#wait.onWaiting()
    }
  }

  /**
   * What is in hand stays there, and the device is not at rest before it is over. When the engine has failed that is never: all
   * its workers have ended, and what they held nobody frees.
   */
  #giveUp(): false {
    this.isStalled = true
    this.#onInterrupted()
    this.#ctx.status.fill(statusNumbers.WORKER_DIED)
    this.#ctx.errno.fill(0)
    return false
  }
}
