/** A thread for one worker: its only task is the worker's loop. */
import { MessageChannel } from 'node:worker_threads'
import type { ControlFrame, WorkerStart } from '../wire/control-message.js'
import { type OneThread, oneThread, runOn } from './one-thread.js'

/** Where a worker runs. */
export interface Station {
  /** Settles when the worker's loop is over: fulfilled if it was told to stop, rejected if its thread died. */
  readonly ended: Promise<unknown>
  /** The thread, while there is one, for tests that kill it. */
  readonly threads: readonly { terminate(): Promise<number> }[]
  /** Puts a control message on the worker's port; the signals say that it is there. */
  post(frame: ControlFrame): void
  /** The place for a successor. Nothing that was posted here goes there. */
  successor(start: WorkerStart): Station
  /** Lets go of a place whose worker has ended. */
  close(): Promise<void>
}

export type StartWorker = (start: WorkerStart) => Station

const workerFile = new URL('../../workers/io-worker.js', import.meta.url)

export const startThread: StartWorker = (start) => station(oneThread(workerFile), start)

function station(thread: OneThread, start: WorkerStart): Station {
  const { port1, port2 } = new MessageChannel()
  port1.unref()
  const ended = runOn(thread, 'run', { start, port: port2 }, [port2])
  return {
    get threads() {
      return thread.threads
    },
    ended,
    post: (frame) => port1.postMessage(frame),
    successor: (next) => {
      port1.close()
      return station(thread.threads.length > 0 ? thread : oneThread(workerFile), next)
    },
    close: async () => {
      port1.close()
      await thread.destroy()
    },
  }
}
