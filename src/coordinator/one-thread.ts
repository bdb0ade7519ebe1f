/**
 * A thread for one thing at a time: a piscina of one thread, which its first task starts.
 *
 * A thread is never terminated while it may be loading modules, since that can abort the whole process: see
 * docs/decisions/0006-dead-threads.md.
 *
 * This is the only import of piscina.
 */
import { once } from 'node:events'
import type { TransferListItem } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { present } from '../base/assert.js'

export type OneThread = Piscina

export function oneThread(file: URL): OneThread {
  const piscina = new Piscina({
    filename: file.href,
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

/** Runs the file's function of this name. Rejects if it throws, or if its thread dies, also while that starts. */
export async function runOn<Result>(
  thread: OneThread,
  name: string,
  task: unknown,
  transferList: readonly TransferListItem[],
): Promise<Result> {
  const over = new AbortController()
  const ran: Promise<Result> = thread.run(task, { name, transferList: [...transferList] })
  try {
    return await Promise.race([ran, exitOf(thread, over.signal)])
  } finally {
    over.abort()
  }
}

/** Rejects when the thread exits: one that dies while it starts has no task yet whose promise could say so. */
async function exitOf(thread: OneThread, signal: AbortSignal): Promise<never> {
  const [code] = await once(present(thread.threads[0], 'thread'), 'exit', { signal })
  throw new Error(`the thread exited with code ${code}`)
}
