/**
 * A gate in front of one device: counts its requests in flight, and can be held, so that a control operation finds the
 * device drained. A held request waits here, on the caller's side, and is not lost.
 *
 * Threads that do requests in place do not pass here: they look at the gate's word in shared memory, and it is their rest
 * that is waited for.
 */
import { gateState } from '../shm/gate-words.js'
import type { Seats } from './seats.js'

export class Gate<Waiting> {
  readonly #start: (request: Waiting) => void
  readonly #startLate: (request: Waiting) => void
  #inFlight = 0
  #holds = 0
  #waiting: Waiting[] = []
  #onDrained: (() => void)[] = []
  #entering: (() => void)[] = []
  #seats: Seats | undefined
  #number = -1

  /** `startLate` is for requests that had to wait: what was true of them when they came may not be any more. */
  constructor(start: (request: Waiting) => void, startLate = start) {
    this.#start = start
    this.#startLate = startLate
  }

  /** Starts the request now, or once the gate opens. */
  pass(request: Waiting): void {
    if (this.#holds > 0) {
      this.#waiting.push(request)
      return
    }
    this.#inFlight++
    this.#start(request)
  }

  /** Enters without a request, once the gate is open: for work that must not be interrupted half-way. `leave` must follow. */
  async enter(): Promise<void> {
    while (this.#holds > 0) await new Promise<void>((resolve) => this.#entering.push(resolve))
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
    if (this.#inFlight > 0 || this.#onDrained.length === 0) return
    for (const drained of this.#onDrained.splice(0)) drained()
  }

  /** Lets nothing more through, and resolves when nothing is in flight. `open` must follow. */
  async hold(): Promise<void> {
    this.#holds++
    this.#seats?.setGate(this.#number, gateState.held) // S1
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve))
    if (this.#seats !== undefined) await this.#seats.rested()
  }

  /** Threads that do requests in place may use the device from now on, by this number. */
  share(seats: Seats, number: number): void {
    this.#seats = seats
    this.#number = number
    seats.setGate(number, this.#holds > 0 ? gateState.held : gateState.open)
  }

  /** They may not any more. */
  unshare(): void {
    this.#seats = undefined
  }

  open(): void {
    this.#holds--
    if (this.#holds > 0) return
    this.#seats?.setGate(this.#number, gateState.open)
    for (const resume of this.#entering.splice(0)) resume()
    for (const request of this.#waiting.splice(0)) {
      this.#inFlight++
      this.#startLate(request)
    }
  }
}
