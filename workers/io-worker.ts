/**
 * A worker thread: takes turns until it is told to stop, and sleeps only when there is nothing to do.
 */
import type { MessagePort } from 'node:worker_threads'
import { present } from '../src/base/assert.js'
import { IdleSpin } from '../src/io/idle-spin.js'
import type { WorkerStart } from '../src/wire/control-message.js'
import { WorkerContext } from './context.js'
import { carryOutControl } from './control.js'
import { canTake, runTurn } from './turn.js'

/** Limit on a sleep while a piece waits for something that nobody rings for: a claim word whose holder was preempted. */
const uneasySleepMs = 1
const soundSleepMs = 60_000
/** Looking at an empty ring before sleeping; about what sleeping and waking up cost. */
const lookMsBeforeSleep = 0.05
/** The same when a step of a merge was taken since the last sleep: the next one comes as soon as others have ended theirs. */
const lookMsBetweenSteps = 0.5

export interface WorkerTask {
  readonly start: WorkerStart
  readonly port: MessagePort
}

/** The endless task of a pool thread. Returns after a `stop` message. */
export function run(task: WorkerTask): void {
  const ctx = new WorkerContext(task.start)
  const bell = present(ctx.signals.workers[ctx.worker], 'own doorbell')
  const idle = new IdleSpin()
  const hasWork = () => canTake(ctx) || bell.read() !== seen
  let seen = 0
  while (!ctx.stopped) {
    seen = bell.read()
    carryOutControl(ctx, task.port)
    if (ctx.stopped || runTurn(ctx)) continue
    if (idle.lookFor(hasWork, ctx.tookMergeStep ? lookMsBetweenSteps : lookMsBeforeSleep)) continue
    ctx.tookMergeStep = false
    bell.announceSleep() // R3
    if (!canTake(ctx)) bell.wait(seen, hasIncomplete(ctx) ? uneasySleepMs : soundSleepMs)
    bell.announceAwake()
  }
  task.port.close()
}

function hasIncomplete(ctx: WorkerContext): boolean {
  for (let index = 0; index < ctx.commitWaiters.count; index++) {
    if (ctx.pieces.incomplete[ctx.commitWaiters.pieces[index] as number] === 1) return true
  }
  return false
}
