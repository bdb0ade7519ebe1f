/**
 * What a worker does again and again: listen to the coordinator, take a turn stride by stride, and rest when neither got
 * anything done. One step at a time, so that a simulator can let others in between.
 */
import { present } from '../src/base/assert.js'
import { IdleSpin } from '../src/io/idle-spin.js'
import type { Doorbell } from '../src/shm/doorbell.js'
import type { WorkerContext } from './context.js'
import { carryOutControl, type ReceiveFrame } from './control.js'
import { canTake, turnStrides } from './turn.js'

/** Looking at an empty ring before sleeping; about what sleeping and waking up cost. */
const lookMsBeforeSleep = 0.05
/** The same when a step of a merge was taken since the last sleep: the next one comes as soon as others have ended theirs. */
const lookMsBetweenSteps = 0.5
/** Limit on a sleep while a piece waits for something that nobody rings for: a claim word whose holder was preempted. */
const uneasySleepMs = 1
const soundSleepMs = 60_000

export class WorkerRound {
  readonly #ctx: WorkerContext
  readonly #bell: Doorbell
  readonly #receive: ReceiveFrame
  readonly #idle = new IdleSpin()
  readonly #hasWork: () => boolean
  readonly #sleepMsMax: number
  /** The stride that comes next; before the first one the worker listens, after the last one it looks for work, and sleeps. */
  #stride = -1
  /** What the bell read before the worker looked at anything. */
  #seen = 0
  #isIdle = false
  #hasSlept = false

  /** `sleepMsMax`: for a thread that has something else to look after. */
  constructor(ctx: WorkerContext, receive: ReceiveFrame, sleepMsMax = soundSleepMs) {
    this.#ctx = ctx
    this.#sleepMsMax = sleepMsMax
    this.#bell = present(ctx.signals.workers[ctx.worker], 'own doorbell')
    this.#receive = receive
    this.#hasWork = () => canTake(ctx) || this.#bell.read() !== this.#seen
  }

  /** Begins anew with listening: whoever steps it was elsewhere meanwhile. */
  restart(): void {
    this.#stride = -1
    this.#hasSlept = false
    this.#isIdle = false
  }

  /** True when the next step is to listen: nothing is half-done. */
  get isBetweenTurns(): boolean {
    return this.#stride < 0
  }

  step(): void {
    if (this.#stride < 0) this.#listen()
    else if (this.#stride < turnStrides.length) turnStrides[this.#stride]?.(this.#ctx)
    else if (this.#stride === turnStrides.length) this.#look()
    else this.#sleep()
    const goesOn = this.#stride < turnStrides.length || (this.#stride === turnStrides.length && this.#isIdle)
    this.#stride = goesOn ? this.#stride + 1 : -1
  }

  #listen(): void {
    if (this.#hasSlept) this.#bell.announceAwake()
    this.#hasSlept = false
    this.#seen = this.#bell.read()
    carryOutControl(this.#ctx, this.#receive)
  }

  #look(): void {
    const ctx = this.#ctx
    const lookMs = ctx.tookMergeStep ? lookMsBetweenSteps : lookMsBeforeSleep
    this.#isIdle = !ctx.gotOn && !this.#idle.lookFor(this.#hasWork, lookMs)
  }

  /** A step of its own: what comes after the last look in vain is what R3 is about. */
  #sleep(): void {
    const ctx = this.#ctx
    ctx.tookMergeStep = false
    this.#hasSlept = true
    this.#bell.announceSleep() // R3
    if (!canTake(ctx)) this.#bell.wait(this.#seen, hasIncomplete(ctx) ? uneasySleepMs : this.#sleepMsMax)
  }
}

function hasIncomplete(ctx: WorkerContext): boolean {
  for (let index = 0; index < ctx.commitWaiters.count; index++) {
    if (ctx.pieces.incomplete[ctx.commitWaiters.pieces[index] as number] === 1) return true
  }
  return false
}
