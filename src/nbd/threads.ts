/**
 * A thread for each connection in transmission, which may block as long as its client likes.
 *
 * Guarantees: a spare thread is ready, so that a connection does not wait for one to start, as long as the limit is not reached. A
 * thread that dies costs its connection only.
 */
import { type OneThread, oneThread, runOn } from '../coordinator/one-thread.js'
import type { ConnectionEnd, ConnectionTask } from './connection-task.js'

const threadFile = new URL('./connection-thread.js', import.meta.url)

/** Threads that have nothing to do are kept for the next client, up to so many: each has about 10 MiB. */
const idleMax = 4

export class ConnectionThreads {
  readonly #idle: OneThread[] = []
  readonly #starting = new Set<Promise<void>>()
  readonly #limit: number
  readonly #serving = new Set<OneThread>()
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
    const place = this.#idle.pop() ?? oneThread(threadFile)
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
    const place = oneThread(threadFile)
    const started = runOn(place, 'warm', undefined, []).then(
      () => void this.#idle.push(place),
      () => place.destroy(),
    )
    this.#starting.add(started)
    started.finally(() => this.#starting.delete(started))
  }
}
