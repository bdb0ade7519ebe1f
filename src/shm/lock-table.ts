/**
 * The lock table: one word per stripe of keys. A key is one largest chunk of an origin; two keys of one stripe exclude each
 * other, which costs time and never correctness.
 *
 *     0                     free
 *     owner * 2             held by worker `owner` (numbered from 1), or by a merge (from `mergeOwner(0)` on)
 *     owner * 2 + 1         held, and somebody has parked a piece that wants it
 *
 * L1: a chunk is held by at most one piece, or by the window of a merge. L2: a piece holds one key, so it waits for none
 * while it holds another; a window takes its stripes ascending. L3: a hold outlives every effect begun under it. The word
 * names its owner so that the holds of a thread that died can be found and freed. Waiting is parking: the one who releases
 * a wanted word rings every worker that has something parked.
 *
 * A second word per stripe says which merge waits for it or has it. Pieces then leave it alone, so that a chunk that is
 * written all the time cannot hold a merge up for ever; they have left no word, and are rung when the merge lets go.
 */

const free = 0
const wantedBit = 1
const mergeOwnerBase = 32

/** The owner of the keys of a merge's window, by its origin's volume: no worker's, so that any worker can go on with it. */
export const mergeOwner = (volume: number): number => mergeOwnerBase + volume

/** 2^16 stripes, 256 KiB: more than the keys of one extent, and few enough collisions among requests in flight. */
export const lockStripes = 65536

export const lockTableBytes = lockStripes * 8

export class LockTable {
  readonly #words: Int32Array
  readonly #merges: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, lockStripes)
    this.#merges = new Int32Array(memory, lockStripes * 4, lockStripes)
  }

  /**
   * The stripe of a key of an origin. Neighbouring keys have neighbouring stripes, so the pieces of one extent never wait for
   * each other: they claim their places in the order of their chunks, as the kernel's do.
   */
  stripeOf(originId: number, key: number): number {
    return ((key % lockStripes) + Math.imul(originId + 1, 0x9e3779b1)) & (lockStripes - 1)
  }

  /** Takes the stripe for `owner` if it is free; otherwise leaves word that it is wanted and answers false. */
  tryHold(stripe: number, owner: number): boolean {
    return Atomics.load(this.#merges, stripe) === 0 && this.#tryHold(stripe, owner)
  }

  #tryHold(stripe: number, owner: number): boolean {
    for (;;) {
      const word = Atomics.compareExchange(this.#words, stripe, free, owner * 2)
      if (word === free) return true
      if ((word & wantedBit) !== 0) return false
      if (Atomics.compareExchange(this.#words, stripe, word, word | wantedBit) === word) return false
    }
  }

  /** As `tryHold`, for a merge: from here on no piece takes the stripe. True also if it has it already. */
  tryHoldForMerge(stripe: number, owner: number): boolean {
    const merge = Atomics.compareExchange(this.#merges, stripe, 0, owner)
    if (merge !== 0 && merge !== owner) return false
    return this.#ownerOf(stripe) === owner || this.#tryHold(stripe, owner)
  }

  /** Frees a stripe of a merge's, if it has it; true if it had, and those who may want it must be told. */
  letGoOfMerge(stripe: number, owner: number): boolean {
    if (Atomics.load(this.#merges, stripe) !== owner) return false
    if (this.#ownerOf(stripe) === owner) this.release(stripe)
    Atomics.store(this.#merges, stripe, 0)
    return true
  }

  /** True while a merge has a stripe, or waits for it. */
  isMerges(stripe: number): boolean {
    return Atomics.load(this.#merges, stripe) !== 0
  }

  /** Frees a held stripe; true if somebody wants it, and must be told. Publishes everything done under the hold. */
  release(stripe: number): boolean {
    return (Atomics.exchange(this.#words, stripe, free) & wantedBit) !== 0
  }

  /** Frees whatever a dead owner held; true if somebody wants any of it. */
  releaseAllOf(owner: number): boolean {
    let wanted = false
    for (let stripe = 0; stripe < lockStripes; stripe++) {
      if (this.#ownerOf(stripe) === owner && this.release(stripe)) wanted = true
    }
    return wanted
  }

  /** How many stripes are held: zero when the engine is quiet. */
  heldCount(): number {
    let count = 0
    for (let stripe = 0; stripe < lockStripes; stripe++) {
      if (Atomics.load(this.#words, stripe) !== free || this.isMerges(stripe)) count++
    }
    return count
  }

  #ownerOf(stripe: number): number {
    return Atomics.load(this.#words, stripe) >>> 1
  }
}
