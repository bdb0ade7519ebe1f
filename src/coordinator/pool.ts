/**
 * The worker threads: piscina owns them, each runs one endless task. Sends them control messages, notices when one dies,
 * and starts its successor.
 *
 * Each worker is a pool of one thread: a pool of several gives up replacing threads once one has died while it started,
 * and a task of the endless kind would wait there for ever.
 *
 * This is the only import of piscina.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { present } from '../base/assert.js'
import type { Signals } from '../shm/signals.js'
import { type ControlMessage, encodeControl, type WorkerStart } from '../wire/control-message.js'

const workerFile = new URL('../../workers/io-worker.js', import.meta.url)

interface Station {
  readonly piscina: Piscina
  readonly port: MessagePort
  readonly ended: Promise<void>
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
  readonly #retired: Promise<void>[] = []
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
    for (let worker = 0; worker < workerCount; worker++) this.#stations.push(this.#station(worker))
  }

  /** Threads in use, for tests that kill one. */
  get threads(): readonly { terminate(): Promise<number> }[] {
    return this.#stations.flatMap(({ piscina }) => piscina.threads)
  }

  /** Starts a successor for a worker that died. Its control messages must be sent again. */
  restart(worker: number): void {
    // Whatever went to the old port after the death was noticed: the successor must not wait for it.
    this.forgetControl(worker)
    this.#retired.push(present(this.#stations[worker], 'station').piscina.destroy())
    this.#stations[worker] = this.#station(worker)
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

  /** Counts everything sent to a dead worker as carried out: its successor is told anew. */
  forgetControl(worker: number): void {
    this.#signals.setControlDone(worker, this.#signals.controlPosted(worker))
    this.settleControl()
  }

  /** Ends every thread where it stands. Its tasks' promises say that it died. */
  async destroy(): Promise<void> {
    await Promise.all(this.#stations.map(({ piscina }) => piscina.destroy()))
  }

  /** Stops every worker at its next turn boundary and ends the threads. */
  async close(): Promise<void> {
    this.#closing = true
    for (const worker of this.#stations.keys()) void this.send(worker, { kind: 'stop' })
    await Promise.all(this.#stations.map(({ ended }) => ended))
    for (const { piscina, port } of this.#stations) {
      port.close()
      this.#retired.push(piscina.destroy())
    }
    await Promise.all(this.#retired)
  }

  #station(worker: number): Station {
    const { port1, port2 } = new MessageChannel()
    port1.unref()
    const piscina = new Piscina({
      filename: workerFile.href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      trackUnmanagedFds: false,
    })
    // A dying thread is reported by its task's promise; piscina repeats it here for tasks that nobody waits for.
    piscina.on('error', () => {})
    const task = { start: this.#startOf(worker), port: port2 }
    const ended = piscina.run(task, { name: 'run', transferList: [port2] }).then(
      () => {},
      (cause: unknown) => {
        if (!this.#closing) this.#onDeath(worker, cause)
      },
    )
    return { piscina, port: port1, ended }
  }
}
