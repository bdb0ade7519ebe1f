/** What a lane hands requests to, and hears of their end from, on one thread. */

/**
 * A device with room for `depth` requests in flight, each with a slot and a buffer. `wait` may block the thread, and is the only
 * way to hear what has been answered.
 */
export interface BlockingQueue {
  /** One for each slot, in memory that does not move. */
  readonly buffers: readonly Uint8Array[]
  /** What the last `wait` has heard of: slots, and an errno or 0 for each. */
  readonly completed: Int32Array
  readonly errnos: Int32Array
  /** `operation` is a number of `operation` in pattern/requests.ts. The slot must be free. */
  submit(slot: number, operation: number, offset: number, byteLength: number): void
  /** How many have ended; blocks up to `timeoutMs` for the first, for ever below 0. Throws when the device is gone. */
  wait(timeoutMs: number): number
  /** What the errno of a failed request means on this device, in words that follow "failed: ". */
  explain(errno: number): string
  close(): void
}

/** One whose requests are done when `submit` returns. */
export abstract class InlineQueue implements BlockingQueue {
  abstract readonly buffers: readonly Uint8Array[]
  readonly completed = new Int32Array(1)
  readonly errnos = new Int32Array(1)
  #hasEnded = false

  submit(_slot: number, what: number, offset: number, byteLength: number): void {
    this.#hasEnded = true
    this.errnos[0] = this.run(what, offset, byteLength)
  }

  wait(): number {
    if (!this.#hasEnded) return 0
    this.#hasEnded = false
    return 1
  }

  abstract explain(errno: number): string

  close(): void {}

  /** Answers an errno, or 0. */
  protected abstract run(what: number, offset: number, byteLength: number): number
}

/** The same for a device that answers by itself. */
export interface AsyncQueue {
  readonly buffers: readonly Uint8Array[]
  /** `ended` is called with an errno or 0, never before `submit` has returned. */
  submit(slot: number, operation: number, offset: number, byteLength: number): void
  onEnd: (slot: number, errno: number) => void
  explain(errno: number): string
}

/** For a failure without an errno: EIO. */
export const noErrno = 5
