/**
 * Words that all lanes of a run and its coordinator share: when to stop, when to hold still, and the count of writes.
 *
 * The Atomics of the harness are here and in verify/ledger.ts; those of the engine are in src/shm.
 */

const at = { stop: 0, hold: 1, running: 2, still: 3, writes: 4, ready: 5, group: 6 } as const
const words = Object.keys(at).length

export class ControlWords {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory = new SharedArrayBuffer(words * 4)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  // ── the coordinator's side ──────────────────────────────────────────────────────────────────────────────────────────

  /** Lanes that have come to `waitForGroup` since this was asked last. */
  takeReady(): number {
    return Atomics.exchange(this.#words, at.ready, 0)
  }

  /** The lanes of this group begin, all at once; groups count from 1. */
  begin(group: number): void {
    Atomics.store(this.#words, at.group, group)
    // Pairs with the wait in `waitForGroup`.
    Atomics.notify(this.#words, at.group)
  }

  /** No more requests are made from now on; those in flight end. */
  stop(): void {
    Atomics.store(this.#words, at.stop, 1)
    // Pairs with the wait in `rest` and in `pause`.
    Atomics.notify(this.#words, at.stop)
    this.release()
  }

  /** No lane makes requests, and when `isStill`, none is in flight. */
  hold(): void {
    Atomics.store(this.#words, at.hold, 1)
  }

  get isStill(): boolean {
    return Atomics.load(this.#words, at.still) >= Atomics.load(this.#words, at.running)
  }

  release(): void {
    Atomics.store(this.#words, at.hold, 0)
    // Pairs with the wait in `rest`.
    Atomics.notify(this.#words, at.hold)
  }

  // ── the lanes' side ─────────────────────────────────────────────────────────────────────────────────────────────────

  get isStopped(): boolean {
    return Atomics.load(this.#words, at.stop) === 1
  }

  get isHeld(): boolean {
    return Atomics.load(this.#words, at.hold) === 1
  }

  /** Blocks until all lanes of the group are ready, or the run is stopped. Pairs with the notify in `begin`. */
  waitForGroup(group: number): void {
    Atomics.add(this.#words, at.ready, 1)
    while (!this.isStopped) {
      const begun = Atomics.load(this.#words, at.group)
      if (begun >= group) return
      Atomics.wait(this.#words, at.group, begun, restMs)
    }
  }

  entered(): void {
    Atomics.add(this.#words, at.running, 1)
  }

  left(): void {
    Atomics.sub(this.#words, at.running, 1)
  }

  beStill(isStill: boolean): void {
    if (isStill) Atomics.add(this.#words, at.still, 1)
    else Atomics.sub(this.#words, at.still, 1)
  }

  /** Blocks until lanes may go on. Pairs with the notify in `release`. */
  rest(): void {
    this.beStill(true)
    while (this.isHeld && !this.isStopped) Atomics.wait(this.#words, at.hold, 1, restMs)
    this.beStill(false)
  }

  /** Blocks for a while, or until the run is stopped. Pairs with the notify in `stop`. */
  pause(milliseconds: number): void {
    Atomics.wait(this.#words, at.stop, 0, milliseconds)
  }

  /** The number of a new write: from 1 on, none twice. */
  nextWrite(): number {
    return (Atomics.add(this.#words, at.writes, 1) >>> 0) + 1
  }

  get lastWrite(): number {
    return Atomics.load(this.#words, at.writes) >>> 0
  }
}

/** How soon a lane that rests looks again whether it was told to stop. */
const restMs = 100
/** Limit: numbers of writes have 32 bits. */
export const writesMax = 2 ** 32 - 2
