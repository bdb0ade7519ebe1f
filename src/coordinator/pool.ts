/**
 * The workers, each at its station: sends them control messages, notices when one dies, and starts its successor.
 */
import { present } from '../base/assert.js'
import type { Signals } from '../shm/signals.js'
import { type ControlMessage, encodeControl, type WorkerStart } from '../wire/control-message.js'
import type { StartWorker, Station } from './worker-thread.js'

interface PendingControl {
  readonly worker: number
  readonly count: number
  readonly resolve: () => void
}

export class Pool {
  readonly #signals: Signals
  readonly #startOf: (worker: number) => WorkerStart
  readonly #onDeath: (worker: number) => void
  readonly #stations: Station[] = []
  #pending: PendingControl[] = []
  #closing = false

  constructor(
    workerCount: number,
    signals: Signals,
    startOf: (worker: number) => WorkerStart,
    start: StartWorker,
    onDeath: (worker: number) => void,
  ) {
    this.#signals = signals
    this.#startOf = startOf
    this.#onDeath = onDeath
    for (let worker = 0; worker < workerCount; worker++)
      this.#stations.push(this.#watched(worker, start(startOf(worker))))
  }

  /** Threads in use, for tests that kill one. */
  get threads(): readonly { terminate(): Promise<number> }[] {
    return this.#stations.flatMap(({ threads }) => threads)
  }

  /** Starts a successor for a worker that died. Its control messages must be sent again. */
  restart(worker: number): void {
    // Whatever went to the old port after the death was noticed: the successor must not wait for it.
    this.forgetControl(worker)
    const last = present(this.#stations[worker], 'station')
    this.#stations[worker] = this.#watched(worker, last.successor(this.#startOf(worker)))
  }

  /** Sends a message to one worker; resolves when it has been carried out. */
  send(worker: number, message: ControlMessage, buffers: readonly SharedArrayBuffer[] = []): Promise<void> {
    present(this.#stations[worker], 'station').post(encodeControl(message, buffers))
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
    await Promise.allSettled(this.#stations.map(({ ended }) => ended))
    // A worker that died instead carried nothing more out; nobody may wait for that.
    for (const worker of this.#stations.keys()) this.forgetControl(worker)
    await Promise.all(this.#stations.map((station) => station.close()))
  }

  #watched(worker: number, station: Station): Station {
    station.ended.catch(() => {
      if (!this.#closing) this.#onDeath(worker)
    })
    return station
  }
}
