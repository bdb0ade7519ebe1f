/**
 * The lock table: one word per stripe of keys. A key is one largest chunk of an origin; two keys of one stripe exclude each
 * other, which costs time and never correctness.
 *
 *     0                             free
 *     owner * 4 + claimed + wanted  held by worker `owner` (numbered from 1), or by a merge (from `mergeOwner(0)` on)
 *     claimed + wanted              let go of, and kept for the merge that comes for it
 *
 *     wanted    somebody has parked a piece or a window that wants it
 *     claimed   a window does: the next to have it is a merge
 *
 * L1: a chunk is held by at most one piece, or by the window of a merge. L2: a piece holds one key, so it waits for none
 * while it holds another; a window takes its stripes ascending. L3: a hold outlives every effect begun under it. The word
 * names its owner so that the holds of a thread that died can be found and freed. Waiting is parking: the one who releases a
 * wanted word rings every worker that has something parked. A window could wait for ever for a chunk that is written all the
 * time, and with it the writers of all its chunks: so pieces that come after it wait until it has had the stripe.
 */

const free = 0
const wantedBit = 1
const claimedBit = 2
const ownerShift = 2
/** Above every worker's and every seat's. Limit: volumes are numbered below 2^28. */
const mergeOwnerBase = 128

/** The owner of the keys of a merge's window, by its origin's volume: no worker's, so that any worker can go on with it. */
export const mergeOwner = (volume: number): number => mergeOwnerBase + volume

/** 2^16 stripes, 256 KiB: more than the keys of one extent, and few enough collisions among requests in flight. */
export const lockStripes = 65536

export const lockTableBytes = lockStripes * 4

export class LockTable {
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
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
    for (;;) {
      const word = Atomics.compareExchange(this.#words, stripe, free, owner << ownerShift)
      if (word === free) return true
      if ((word & wantedBit) !== 0) return false
      if (Atomics.compareExchange(this.#words, stripe, word, word | wantedBit) === word) return false
    }
  }

  /** As `tryHold`, for a merge, which comes before everybody else; true also if it has the stripe already. */
  tryHoldForMerge(stripe: number, owner: number): boolean {
    for (;;) {
      const word = Atomics.load(this.#words, stripe)
      const holder = word >>> ownerShift
      if (holder === owner) return true
      // Pieces that wait meanwhile are still to be rung.
      const next = holder === 0 ? (owner << ownerShift) | (word & wantedBit) : word | claimedBit | wantedBit
      if (Atomics.compareExchange(this.#words, stripe, word, next) === word) return holder === 0
    }
  }

  /** Frees a stripe if `owner` holds it; true if somebody wants it, and must be told. */
  releaseOnce(stripe: number, owner: number): boolean {
    return this.#ownerOf(stripe) === owner && this.release(stripe)
  }

  /** True if the merge of this origin has the stripe; another's may have it as well, for a key of its own. */
  isHeldByMerge(stripe: number, volume: number): boolean {
    return this.#ownerOf(stripe) === mergeOwner(volume)
  }

  /** Frees a held stripe; true if somebody wants it, and must be told. Publishes everything done under the hold. */
  release(stripe: number): boolean {
    for (;;) {
      const word = Atomics.load(this.#words, stripe)
      if (Atomics.compareExchange(this.#words, stripe, word, word & claimedBit) === word)
        return (word & wantedBit) !== 0
    }
  }

  /** Frees whatever a dead owner held; true if somebody wants any of it. */
  releaseAllOf(owner: number): boolean {
    let wanted = false
    for (let stripe = 0; stripe < lockStripes; stripe++) {
      if (this.releaseOnce(stripe, owner)) wanted = true
    }
    return wanted
  }

  /** How many stripes are held: zero when the engine is quiet. */
  heldCount(): number {
    let count = 0
    for (let stripe = 0; stripe < lockStripes; stripe++) if (Atomics.load(this.#words, stripe) !== free) count++
    return count
  }

  #ownerOf(stripe: number): number {
    return Atomics.load(this.#words, stripe) >>> ownerShift
  }
}
