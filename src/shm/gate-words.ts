/**
 * Gates for threads that do requests in place: one word for each device that such a thread knows.
 *
 * Only the coordinator writes them. A seat looks at the word after it has begun (S1, see rest-words), and does nothing of a
 * device whose gate is not open.
 */

/**
 * Limit: numbers are given once and never again, so that an old number can never mean another device. A million devices in
 * the life of one engine.
 */
export const gatesMax = 2 ** 20
export const gatesBytes = gatesMax * 4

/** `gone` until a device is told of, and after it was closed. */
export const gateState = { gone: 0, open: 1, held: 2 } as const
export type GateState = (typeof gateState)[keyof typeof gateState]

export class GateWords {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  read(gate: number): number {
    return Atomics.load(this.#words, gate)
  }

  /** Also wakes those who wait for another state. S1 */
  set(gate: number, state: GateState): void {
    Atomics.store(this.#words, gate, state)
    Atomics.notify(this.#words, gate)
  }

  /** Blocks the thread while the gate is held. */
  wait(gate: number): void {
    while (Atomics.load(this.#words, gate) === gateState.held) Atomics.wait(this.#words, gate, gateState.held)
  }

  /** The same for a thread that must not block: `undefined` if it is not held. */
  waitAsync(gate: number): Promise<unknown> | undefined {
    const outcome = Atomics.waitAsync(this.#words, gate, gateState.held)
    return outcome.async ? outcome.value : undefined
  }
}
