/**
 * A worker thread: goes round and round until it is told to stop, and sleeps only when there is nothing to do.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { present } from '../src/base/assert.js'
import { IdleSpin } from '../src/io/idle-spin.js'
import type { ControlFrame, WorkerStart } from '../src/wire/control-message.js'
import { WorkerContext } from './context.js'
import { announceSleep, takeRound } from './round.js'
import { canTake } from './turn.js'

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
  const receive = () => receiveMessageOnPort(task.port)?.message as ControlFrame | undefined
  const hasWork = () => canTake(ctx) || bell.read() !== seen
  let seen = 0
  while (!ctx.stopped) {
    seen = bell.read()
    if (takeRound(ctx, receive)) continue
    if (idle.lookFor(hasWork, ctx.tookMergeStep ? lookMsBetweenSteps : lookMsBeforeSleep)) continue
    ctx.tookMergeStep = false
    const sleepMs = announceSleep(ctx, bell)
    if (sleepMs > 0) bell.wait(seen, sleepMs)
    bell.announceAwake()
  }
  task.port.close()
}
