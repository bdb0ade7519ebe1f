/**
 * Whether a barrier has failed on files that are open, in shared memory: any worker notes it, all must know.
 *
 * A system that could not write a page back says so once, and takes the page for clean from then on; the next barrier succeeds
 * and covers nothing of it. So whoever has promised to make something durable must go on failing until the file is opened again.
 */
export const flushFailureBytes = 4

export class FlushFailures {
  readonly #words: readonly Int32Array[]

  /** One memory for each open file. */
  constructor(memories: readonly SharedArrayBuffer[]) {
    this.#words = memories.map((memory) => new Int32Array(memory))
  }

  /** What the first barrier that failed answered; 0 if none has. */
  errno(): number {
    for (const words of this.#words) {
      const errno = Atomics.load(words, 0)
      if (errno !== 0) return errno
    }
    return 0
  }

  /** A barrier over these files has failed, on whichever of them. */
  note(errno: number): void {
    for (const words of this.#words) Atomics.compareExchange(words, 0, 0, errno)
  }
}
