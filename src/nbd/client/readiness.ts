/**
 * Sleeps until a socket has something to read, or takes something again.
 *
 * Guarantees: no object per call; times finer than a millisecond are kept.
 * Requires: a little-endian 64-bit Linux, whose `struct pollfd` and `struct timespec` this writes.
 */
import { libc, socketCalls } from '../../io/libc.js'

const pollIn = 1
const pollOut = 4

/** A pollfd: descriptor (32 bits), wanted, found (16 bits each). A timespec: seconds, nanoseconds (64 bits each). */
const timeOffset = 8
const memoryBytes = 24

export class Readiness {
  readonly #memory = new Int32Array(new SharedArrayBuffer(memoryBytes))
  readonly #address: number
  readonly #ppoll = socketCalls().ppoll

  constructor(fd: number) {
    this.#address = libc().addressOf(new Uint8Array(this.#memory.buffer))
    this.#memory[0] = fd
  }

  /** At most `timeoutMs`; for ever if it is negative. It may come back early. */
  sleep(timeoutMs: number, wantsToSend: boolean): void {
    this.#memory[1] = wantsToSend ? pollIn | pollOut : pollIn
    if (timeoutMs >= 0) {
      const seconds = Math.floor(timeoutMs / 1000)
      this.#memory[2] = seconds
      this.#memory[4] = Math.floor((timeoutMs - seconds * 1000) * 1e6)
    }
    // Whatever it answers, a signal included: the caller looks for itself.
    this.#ppoll(this.#address, 1, timeoutMs < 0 ? 0 : this.#address + timeOffset, 0)
  }
}
