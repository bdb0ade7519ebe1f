/**
 * The worker threads: piscina owns them, each runs one endless task. Sends them control messages, notices when one dies,
 * and starts its successor.
 *
 * Each worker is a pool of one thread, which its task starts. A thread is never terminated while it may be loading modules,
 * since that can abort the whole process: see docs/decisions/0006-dead-threads.md.
 *
 * This is the only import of piscina.
 */
import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { present } from '../base/assert.js'
import type { Signals } from '../shm/signals.js'
import { type ControlMessage, encodeControl, type WorkerStart } from '../wire/control-message.js'

const workerFile = new URL('../../workers/io-worker.js', import.meta.url)

interface Station {
  readonly piscina: Piscina
  readonly port: MessagePort
  readonly ended: Promise<unknown>
}

interface PendingControl {
  readonly worker: number
  readonly count: number
  readonly resolve: () => void
}

export class Pool {
  readonly #signals: Signals
  readonly #startOf: (worker: number) => WorkerStart
  readonly #onDeath: (worker: number, cause: unknown) => void
  readonly #stations: Station[] = []
  #pending: PendingControl[] = []
  #closing = false

  constructor(
    workerCount: number,
    signals: Signals,
    startOf: (worker: number) => WorkerStart,
    onDeath: (worker: number, cause: unknown) => void,
  ) {
    this.#signals = signals
    this.#startOf = startOf
    this.#onDeath = onDeath
    for (let worker = 0; worker < workerCount; worker++) this.#stations.push(this.#station(worker, threadPool()))
  }

  /** Threads in use, for tests that kill one. */
  get threads(): readonly { terminate(): Promise<number> }[] {
    return this.#stations.flatMap(({ piscina }) => piscina.threads)
  }

  /** Starts a successor for a worker that died. Its control messages must be sent again. */
  restart(worker: number): void {
    // Whatever went to the old port after the death was noticed: the successor must not wait for it.
    this.forgetControl(worker)
    const { piscina, port } = present(this.#stations[worker], 'station')
    port.close()
    this.#stations[worker] = this.#station(worker, piscina.threads.length > 0 ? piscina : threadPool())
  }

  /** Sends a message to one worker; resolves when it has been carried out. */
  send(worker: number, message: ControlMessage, buffers: readonly SharedArrayBuffer[] = []): Promise<void> {
    present(this.#stations[worker], 'station').port.postMessage(encodeControl(message, buffers))
    const count = this.#signals.postControl(worker)
    return new Promise((resolve) => this.#pending.push({ worker, count, resolve }))
  }

  /** Settles what has been carried out; called whenever there is news. */
  settleControl(): void {
    if (this.#pending.length === 0) return
    const done = this.#pending.filter(({ count, worker }) => this.#signals.controlDone(worker) - count >= 0)
    if (done.length === 0) return
    this.#pending = this.#pending.filter((pending) => !done.includes(pending))
    for (const { resolve } of done) resolve()
  }

  /** Counts everything sent to a worker that has ended as carried out: its successor is told anew. */
  forgetControl(worker: number): void {
    this.#signals.setControlDone(worker, this.#signals.controlPosted(worker))
    this.settleControl()
  }

  /** Stops every worker at its next turn boundary and ends the threads. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    for (const worker of this.#stations.keys()) void this.send(worker, { kind: 'stop' })
    await Promise.all(this.#stations.map(({ ended }) => ended))
    // A worker that died instead carried nothing more out; nobody may wait for that.
    for (const worker of this.#stations.keys()) this.forgetControl(worker)
    for (const { port } of this.#stations) port.close()
    await Promise.all(this.#stations.map(({ piscina }) => piscina.destroy()))
  }

  #station(worker: number, piscina: Piscina): Station {
    const { port1, port2 } = new MessageChannel()
    port1.unref()
    const task = { start: this.#startOf(worker), port: port2 }
    const ran = piscina.run(task, { name: 'run', transferList: [port2] })
    const over = new AbortController()
    const ended = Promise.race([ran, exitOf(piscina, over.signal)])
      .catch((cause: unknown) => {
        if (!this.#closing) this.#onDeath(worker, cause)
      })
      .finally(() => over.abort())
    return { piscina, port: port1, ended }
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
