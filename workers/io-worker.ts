/**
 * A worker thread: goes its round until it is told to stop.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { ControlFrame, WorkerStart } from '../src/wire/control-message.js'
import { WorkerContext } from './context.js'
import { WorkerRound } from './round.js'

export interface WorkerTask {
  readonly start: WorkerStart
  readonly port: MessagePort
}

/** The endless task of a pool thread. Returns after a `stop` message. */
export function run({ port, start }: WorkerTask): void {
  const ctx = new WorkerContext(start)
  const round = new WorkerRound(ctx, () => receiveMessageOnPort(port)?.message as ControlFrame | undefined)
  while (!ctx.stopped) round.step()
  port.close()
}
