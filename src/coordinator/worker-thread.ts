/**
 * A thread for one worker: a piscina of one thread, whose only task is the worker's loop.
 *
 * A thread is never terminated while it may be loading modules, since that can abort the whole process: see
 * docs/decisions/0006-dead-threads.md.
 *
 * This is the only import of piscina.
 */
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { present } from '../base/assert.js'
import type { ControlFrame, WorkerStart } from '../wire/control-message.js'

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

export const startThread: StartWorker = (start) => station(threadPool(), start)

function station(piscina: Piscina, start: WorkerStart): Station {
  const { port1, port2 } = new MessageChannel()
  port1.unref()
  const over = new AbortController()
  const ran = piscina.run({ start, port: port2 }, { name: 'run', transferList: [port2] })
  const ended = Promise.race([ran, exitOf(piscina, over.signal)])
  const stopLooking = (): void => over.abort()
  ended.then(stopLooking, stopLooking)
  return {
    get threads() {
      return piscina.threads
    },
    ended,
    post: (frame) => port1.postMessage(frame),
    successor: (next) => {
      port1.close()
      return station(piscina.threads.length > 0 ? piscina : threadPool(), next)
    },
    close: async () => {
      port1.close()
      await piscina.destroy()
    },
  }
}

/** A pool of one thread, which its first task starts. */
function threadPool(): Piscina {
  const piscina = new Piscina({
    filename: workerFile.href,
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
    trackUnmanagedFds: false,
  })
  // A dying thread is reported by its task's promise; piscina repeats it here for tasks that nobody waits for.
  piscina.on('error', () => {})
  return piscina
}

/** Rejects when the pool's thread exits: one that dies while it starts has no task yet whose promise could say so. */
async function exitOf(piscina: Piscina, signal: AbortSignal): Promise<never> {
  const [code] = await once(present(piscina.threads[0], 'thread'), 'exit', { signal })
  throw new Error(`the thread exited with code ${code}`)
}
