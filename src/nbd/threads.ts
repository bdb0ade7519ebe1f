/**
 * A thread for each connection in transmission: a piscina of one thread, which may block as long as its client likes.
 *
 * Guarantees: a spare thread is ready, so that a connection does not wait for one to start, as long as the limit is not reached. A
 * thread that dies costs its connection only. No thread is ended while it may be loading modules, since that can abort the process:
 * see docs/decisions/0006-dead-threads.md.
 */
import { once } from 'node:events'
import type { TransferListItem } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { present } from '../base/assert.js'
import type { ConnectionEnd, ConnectionTask } from './connection-task.js'

const threadFile = new URL('./connection-thread.js', import.meta.url)

/** Threads that have nothing to do are kept for the next client, up to so many: each has about 10 MiB. */
const idleMax = 4

export class ConnectionThreads {
  readonly #idle: Piscina[] = []
  readonly #starting = new Set<Promise<void>>()
  readonly #limit: number
  readonly #serving = new Set<Piscina>()
  #isClosed = false

  /** Starts the first thread. */
  constructor(limit: number) {
    this.#limit = limit
    this.#keepSpare()
  }

  /** Those that serve a connection now, for tests that kill one. */
  get serving(): readonly { terminate(): Promise<number> }[] {
    return [...this.#serving].flatMap(({ threads }) => threads)
  }

  /** Serves a connection to its end. Rejects if the thread dies of it, or threw. */
  async run(task: ConnectionTask): Promise<ConnectionEnd> {
    const place = this.#idle.pop() ?? newPlace()
    this.#serving.add(place)
    this.#keepSpare()
    try {
      return await runOn(place, 'serve', task, [task.token.port])
    } finally {
      this.#serving.delete(place)
      if (this.#isClosed || this.#idle.length >= idleMax || place.threads.length === 0) await place.destroy()
      else this.#idle.push(place)
    }
  }

  /** Ends the threads. No connection may be served any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#starting)
    await Promise.all(this.#idle.splice(0).map((place) => place.destroy()))
  }

  #keepSpare(): void {
    const planned = this.#idle.length + this.#starting.size
    if (this.#isClosed || planned > 0 || this.#serving.size >= this.#limit) return
    const place = newPlace()
    const started = runOn(place, 'warm', undefined, []).then(
      () => void this.#idle.push(place),
      () => place.destroy(),
    )
    this.#starting.add(started)
    started.finally(() => this.#starting.delete(started))
  }
}

function newPlace(): Piscina {
  const piscina = new Piscina({
    filename: threadFile.href,
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

/** A thread that dies while it starts has no task yet whose promise could say so. */
async function runOn(place: Piscina, name: string, task: unknown, transferList: TransferListItem[]) {
  const over = new AbortController()
  const ran: Promise<ConnectionEnd> = place.run(task, { name, transferList })
  const thread = present(place.threads[0], 'thread')
  const died = once(thread, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(`the thread exited with code ${code}`)
  })
  try {
    return await Promise.race([ran, died as Promise<never>])
  } finally {
    over.abort()
    ran.catch(() => {})
    died.catch(() => {})
  }
}
