/**
 * What a worker does again and again: carry out control messages, take a turn, and sleep when neither got anything done.
 */
import type { Doorbell } from '../src/shm/doorbell.js'
import type { WorkerContext } from './context.js'
import { carryOutControl, type ReceiveFrame } from './control.js'
import { canTake, runTurn } from './turn.js'

/** Limit on a sleep while a piece waits for something that nobody rings for: a claim word whose holder was preempted. */
const uneasySleepMs = 1
const soundSleepMs = 60_000

/** True if there was something to do, so that another round is worth while at once. */
export function takeRound(ctx: WorkerContext, receive: ReceiveFrame): boolean {
  carryOutControl(ctx, receive)
  return ctx.stopped || runTurn(ctx)
}

/** Says that the worker is about to sleep, and looks once more: for how long it may, 0 if work has come. R3 */
export function announceSleep(ctx: WorkerContext, bell: Doorbell): number {
  bell.announceSleep()
  if (canTake(ctx)) return 0
  return hasIncomplete(ctx) ? uneasySleepMs : soundSleepMs
}

function hasIncomplete(ctx: WorkerContext): boolean {
  for (let index = 0; index < ctx.commitWaiters.count; index++) {
    if (ctx.pieces.incomplete[ctx.commitWaiters.pieces[index] as number] === 1) return true
  }
  return false
}
