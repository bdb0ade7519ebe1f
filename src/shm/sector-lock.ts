/**
 * One lock for everybody who changes parts of sectors: such a write reads whole sectors, patches them and writes them back, and two
 * of them in one sector would undo each other. The word names its owner, so that a dead one's hold can be freed.
 *
 * Requires: nothing else is held or waited for meanwhile.
 */
const free = 0

export const sectorLockBytes = 4

export class SectorLock {
  readonly #word: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory)
  }

  /** Blocks until the lock is this owner's. */
  hold(owner: number): void {
    for (;;) {
      const holder = Atomics.compareExchange(this.#word, 0, free, owner)
      if (holder === free) return
      Atomics.wait(this.#word, 0, holder)
    }
  }

  /** Frees the lock if `owner` has it. Wakes who waits in any case: one that died may have freed it, and told nobody. */
  release(owner: number): void {
    Atomics.compareExchange(this.#word, 0, owner, free)
    Atomics.notify(this.#word, 0)
  }
}
