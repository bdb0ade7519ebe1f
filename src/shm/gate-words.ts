/**
 * Gates for threads that do requests in place: one word for each device that such a thread knows.
 *
 *     device number     generation * gatesMax + place
 *     word of a place   generation * 4 + state          of the device that has the place now
 *
 * A place is used again when its device is gone; the next device there has another number, so that an old number can never mean
 * another device: its gate reads `gone` for ever. Only the coordinator writes the words. A seat looks at the word after it has
 * begun (S1, see rest-words), and does nothing of a device whose gate is not open.
 */

/** Limit: devices that are known to other threads at one time. */
export const gatesMax = 2 ** 16
export const gatesBytes = gatesMax * 4

/** `gone` until a device is told of, and after it was closed. */
export const gateState = { gone: 0, open: 1, held: 2 } as const
export type GateState = (typeof gateState)[keyof typeof gateState]

const stateBits = 2
const stateMask = 3

/** Where a device is found among those that are known now. */
export const placeOfDevice = (device: number): number => device % gatesMax

const wordOf = (device: number, state: number): number => (Math.floor(device / gatesMax) << stateBits) | state

export class GateWords {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
  }

  read(device: number): number {
    const word = Atomics.load(this.#words, placeOfDevice(device))
    const state = word & stateMask
    return word === wordOf(device, state) ? state : gateState.gone
  }

  /** Also wakes those who wait for another state. S1 */
  set(device: number, state: GateState): void {
    Atomics.store(this.#words, placeOfDevice(device), wordOf(device, state))
    Atomics.notify(this.#words, placeOfDevice(device))
  }

  /** Blocks the thread while the gate is held. */
  wait(device: number): void {
    const held = wordOf(device, gateState.held)
    const place = placeOfDevice(device)
    while (Atomics.load(this.#words, place) === held) Atomics.wait(this.#words, place, held)
  }

  /** The same for a thread that must not block: `undefined` if it is not held. */
  waitAsync(device: number): Promise<unknown> | undefined {
    const outcome = Atomics.waitAsync(this.#words, placeOfDevice(device), wordOf(device, gateState.held))
    return outcome.async ? outcome.value : undefined
  }
}
