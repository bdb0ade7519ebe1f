/**
 * Seats: places for threads that run turns in place, seen from the coordinator. Takes and frees them, tells them about volumes
 * and devices, and waits until they are at rest.
 *
 * A thread on a seat is told like a worker, by control messages on a port; but it looks at them only when it runs, so what
 * is waited for is that it has carried a message out or is at rest (S1): then it will, before it does anything else.
 */
import { CowringError } from '../base/errors.js'
import { type GateState, GateWords, gateState, gatesMax } from '../shm/gate-words.js'
import { isAtRest, RestWords } from '../shm/rest-words.js'
import type { Signals } from '../shm/signals.js'
import { type ControlFrame, type ControlMessage, encodeControl } from '../wire/control-message.js'
import type { DeviceOnWire } from '../wire/device-on-wire.js'
import { type EngineMemory, seatsMax } from '../wire/engine-memory.js'
import type { Route } from '../wire/route.js'

/** How a seat's thread is reached. */
export type PostFrame = (frame: ControlFrame) => void

interface Awaited {
  readonly seat: number
  readonly restSeen: number
  /** Of a message: the count to be reached; -1 where only rest will do. */
  readonly count: number
  readonly resolve: () => void
}

export class Seats {
  readonly #memory: EngineMemory
  readonly #signals: Signals
  readonly #gates: GateWords
  readonly #rests: RestWords
  /** Keeps the client looking for news until the returned function is called. */
  readonly #watch: () => () => void
  readonly #posts = new Map<number, PostFrame>()
  /** Seats whose threads died in the middle of a run: nobody may have them until that is finished. */
  readonly #retired = new Set<number>()
  readonly #devices = new Map<number, { readonly device: DeviceOnWire; readonly route: Route }>()
  #awaited: Awaited[] = []
  #placesUsed = 0
  /** Numbers of the next devices in places whose devices are gone, the longest gone first. */
  readonly #placesToReuse: number[] = []

  constructor(memory: EngineMemory, signals: Signals, watch: () => () => void) {
    this.#memory = memory
    this.#signals = signals
    this.#gates = new GateWords(memory.gates)
    this.#rests = new RestWords(memory.rests)
    this.#watch = watch
  }

  /** Seats in use, by their numbers among the workers. */
  get taken(): readonly number[] {
    return [...this.#posts.keys()]
  }

  /** Takes a seat; its thread hears of every device at once. Fails with LIMIT_EXCEEDED. */
  take(post: PostFrame): number {
    for (let seat = this.#memory.workerCount; seat < this.#memory.runnerCount; seat++) {
      if (this.#posts.has(seat) || this.#retired.has(seat)) continue
      this.#rests.clear(seat)
      this.#signals.setControlDone(seat, this.#signals.controlPosted(seat))
      this.#posts.set(seat, post)
      for (const { device } of this.#devices.values()) this.post(seat, { kind: 'device', device }, [])
      return seat
    }
    const text = `${seatsMax} threads do requests in place already; close one of them first`
    throw new CowringError('LIMIT_EXCEEDED', text)
  }

  /** The seat's thread has ended in the middle of a run: nobody waits for it any more, and nobody gets the seat. */
  retire(seat: number): void {
    this.#retired.add(seat)
    this.#posts.delete(seat)
    this.#signals.clearParked(seat)
    this.settle()
  }

  /** Nothing is left of its thread. */
  free(seat: number): void {
    this.#retired.delete(seat)
    this.#posts.delete(seat)
    this.settle()
  }

  /** False if the seat's thread is, or was when it ended, in the middle of a run. */
  isAtRest(seat: number): boolean {
    return isAtRest(this.#rests.read(seat))
  }

  /** Sends a message to one seat; the count to be reached when it has been carried out. */
  post(seat: number, message: ControlMessage, buffers: readonly SharedArrayBuffer[]): number {
    this.#posts.get(seat)?.(encodeControl(message, buffers))
    return this.#signals.postControl(seat)
  }

  /** Sends a message to every seat; resolves when each has carried it out, or will before anything else. */
  async tellAll(message: ControlMessage, buffers: readonly SharedArrayBuffer[]): Promise<void> {
    await this.#awaitAll(this.taken.map((seat) => ({ seat, count: this.post(seat, message, buffers) })))
  }

  /** Resolves when every seat has been at rest since the call. S1 */
  async rested(): Promise<void> {
    await this.#awaitAll(this.taken.map((seat) => ({ seat, count: -1 })))
  }

  /** Settles what has come about; called whenever there is news. */
  settle(): void {
    if (this.#awaited.length === 0) return
    const over = this.#awaited.filter((awaited) => this.#isOver(awaited))
    if (over.length === 0) return
    this.#awaited = this.#awaited.filter((awaited) => !over.includes(awaited))
    for (const { resolve } of over) resolve()
  }

  // ── devices ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A number for one more device. Fails with LIMIT_EXCEEDED. */
  numberDevice(): number {
    const again = this.#placesToReuse.shift()
    if (again !== undefined) return again
    if (this.#placesUsed === gatesMax) {
      const text = `other threads know ${gatesMax} devices of this engine, which is all they can; close some of them first`
      throw new CowringError('LIMIT_EXCEEDED', text)
    }
    return this.#placesUsed++
  }

  /** Tells the seats what a device is now. Its gate is held, or nobody there knows it yet. */
  showDevice(device: DeviceOnWire, route: Route): void {
    this.#devices.set(device.number, { device, route })
    for (const seat of this.taken) this.post(seat, { kind: 'device', device }, [])
  }

  /** Where requests on a device go that a seat cannot carry out itself; `undefined` if nobody has it open any more. */
  routeOf(number: number): Route | undefined {
    return this.#devices.get(number)?.route
  }

  /** Nobody has it open any more. */
  hideDevice(number: number): void {
    this.#devices.delete(number)
    this.setGate(number, gateState.gone)
    for (const seat of this.taken) this.post(seat, { kind: 'device-gone', number }, [])
    this.#placesToReuse.push(number + gatesMax)
  }

  setGate(number: number, state: GateState): void {
    this.#gates.set(number, state)
  }

  #isOver({ count, restSeen, seat }: Awaited): boolean {
    const now = this.#rests.read(seat)
    if (!this.#posts.has(seat) || isAtRest(now) || now !== restSeen) return true
    return count >= 0 && ((this.#signals.controlDone(seat) - count) | 0) >= 0
  }

  async #awaitAll(asked: readonly { readonly seat: number; readonly count: number }[]): Promise<void> {
    if (asked.length === 0) return
    this.#rests.await(1) // S2
    const unwatch = this.#watch()
    try {
      const waits = asked.map(
        ({ count, seat }) =>
          new Promise<void>((resolve) => {
            this.#awaited.push({ seat, count, restSeen: this.#rests.read(seat), resolve })
          }),
      )
      this.settle()
      await Promise.all(waits)
    } finally {
      unwatch()
      this.#rests.await(-1)
    }
  }
}
