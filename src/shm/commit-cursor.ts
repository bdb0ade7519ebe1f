/**
 * The commit cursor of one store: which exceptions are claimed, copied, and committed, and whether the store is still good.
 *
 * Exceptions have positions, 0, 1, 2, … in the order of the list on disk. Positions move through
 *
 *     cleared ≤ committed ≤ … claimed
 *
 *     [cleared, committed)   entries kept so that the sector they share with the next one can be written whole
 *     [committed, claimed)   claimed; each is ready once its data is in the store
 *
 * A claim writes the old chunk into its record before it counts, so a claim is never anonymous: if its thread dies, the
 * record says which chunk to copy. Entries become visible on disk in position order, because a zero
 * entry ends the list (the architecture's section 4): whoever takes the commit word writes every ready, contiguous record.
 *
 * The state only moves down the list, `valid` → `overflow` → `invalidating` → `invalid`; steps may be skipped.
 */
import { assert } from '../base/assert.js'

export const storeState = { valid: 0, overflow: 1, invalidating: 2, invalid: 3 } as const

/** Why a store became invalid; the texts are in the control layer. */
export const invalidationReason = {
  none: 0,
  full: 1,
  originReadFailed: 2,
  cowWriteFailed: 3,
  metadataWriteFailed: 4,
  storeShrank: 5,
  flushFailed: 6,
} as const
export type InvalidationReason = (typeof invalidationReason)[keyof typeof invalidationReason]

/**
 * Limit on records that are claimed and not cleared. One piece claims at most 2,048 (1 MiB of one-sector chunks); two of
 * those, and the sector's worth that is kept, must fit or a piece could wait for ever.
 */
export const recordCapacity = 8192
const recordMask = recordCapacity - 1
/** Entries kept below the cursor: a 4 KiB block of an area, the largest unit a device makes us write whole. */
export const entriesKept = 256
/** Limit: positions are 31-bit. 8 TiB of data at 4 KiB chunks. */
const positionMax = 2 ** 31 - recordCapacity - 1

const word = {
  state: 0,
  claimed: 1,
  committed: 2,
  cleared: 3,
  commitOwner: 4,
  reason: 5,
  errno: 6,
  headerFailed: 7,
  claimOwner: 8,
  watermark: 9,
  extendable: 10,
} as const
const headerBytes = 128
const cowBytesDouble = 8 // words 16 and 17
const recordWords = 4
const recordField = { oldPlusOne: 0, newChunk: 1, ready: 2 } as const

export const commitCursorBytes = headerBytes + recordCapacity * recordWords * 4

/** A claim word held longer than this many looks belongs to a thread that was preempted; come back later. */
const claimAttempts = 64
/** The low bits of the state word; the rest names who is writing the invalid header. */
const stateBits = 4

export class CommitCursor {
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #records: Uint32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, headerBytes / 4)
    this.#doubles = new Float64Array(memory, 0, headerBytes / 8)
    this.#records = new Uint32Array(memory, headerBytes, recordCapacity * recordWords)
  }

  /** Sets a cursor up for a store with `committed` entries, before any other thread knows it. */
  initialize(committed: number, cowBytes: number): void {
    this.#words[word.claimed] = committed
    this.#words[word.committed] = committed
    this.#words[word.cleared] = committed
    this.#doubles[cowBytesDouble] = cowBytes
  }

  /** Sets a cursor up for a store whose header says it is invalid. */
  startInvalid(): void {
    this.#words[word.state] = storeState.invalid
  }

  /** Gives the cursor an entry that is on disk already and shares its sector with the next one. */
  keepCommitted(position: number, oldChunk: number, newChunk: number): void {
    this.#fill(position, oldChunk + 1, newChunk)
    this.#words[word.cleared] = Math.min(this.cleared(), position)
  }

  // ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  claimed(): number {
    return Atomics.load(this.#words, word.claimed)
  }

  /** Claims are taken one thread at a time; the word is held for a few instructions, and one look at a full COW's size. */
  tryTakeClaims(owner: number): boolean {
    for (let attempt = 0; attempt < claimAttempts; attempt++) {
      if (Atomics.compareExchange(this.#words, word.claimOwner, 0, owner) === 0) return true
    }
    return false
  }

  releaseClaims(): void {
    Atomics.store(this.#words, word.claimOwner, 0)
  }

  /** Records that can be claimed before callers must wait for commits. */
  room(): number {
    return recordCapacity - (this.claimed() - Atomics.load(this.#words, word.cleared))
  }

  /** Claims the next position for `oldChunk`; the holder of the claim word has checked `room()` and the store's end. */
  claim(oldChunk: number): number {
    const position = this.claimed()
    assert(position < positionMax, `position ${position}`)
    const at = (position & recordMask) * recordWords
    this.#records[at + recordField.oldPlusOne] = oldChunk + 1
    Atomics.store(this.#words, word.claimed, position + 1)
    return position
  }

  /** The same for a transient store, which has no list: the position is all there is. */
  claimUnlisted(): number {
    return Atomics.add(this.#words, word.claimed, 1)
  }

  /** True if `oldChunk` is claimed and not committed. Walks the open records: for the rare paths that must ask. */
  isPending(oldChunk: number): boolean {
    const claimed = this.claimed()
    for (let position = this.committed(); position < claimed; position++) {
      if (this.oldChunkAt(position) === oldChunk) return true
    }
    return false
  }

  /** Says that the data of `position` is in the store at `newChunk`; publishes both to the committer. */
  markReady(position: number, newChunk: number): void {
    const at = (position & recordMask) * recordWords
    this.#records[at + recordField.newChunk] = newChunk
    Atomics.store(this.#records, at + recordField.ready, 1)
  }

  isReady(position: number): boolean {
    return Atomics.load(this.#records, (position & recordMask) * recordWords + recordField.ready) === 1
  }

  oldChunkAt(position: number): number {
    return Atomics.load(this.#records, (position & recordMask) * recordWords + recordField.oldPlusOne) - 1
  }

  newChunkAt(position: number): number {
    return this.#records[(position & recordMask) * recordWords + recordField.newChunk] as number
  }

  /** Asks for word when so many positions are claimed; 0 asks for none. The coordinator sets it, again after each time. */
  setWatermark(position: number): void {
    Atomics.store(this.#words, word.watermark, position)
  }

  /** True for the one who claimed past the watermark, and must raise an event. */
  hasPassedWatermark(): boolean {
    const position = this.#words[word.watermark] as number
    if (position === 0 || this.claimed() < position) return false
    return Atomics.compareExchange(this.#words, word.watermark, position, 0) === position
  }

  /** While the coordinator extends the COW when it is full, claims wait for that instead of being refused. */
  setExtendable(extendable: boolean): void {
    Atomics.store(this.#words, word.extendable, extendable ? 1 : 0)
  }

  isExtendable(): boolean {
    return Atomics.load(this.#words, word.extendable) === 1
  }

  // ── commits ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  committed(): number {
    return Atomics.load(this.#words, word.committed)
  }

  cleared(): number {
    return Atomics.load(this.#words, word.cleared)
  }

  /** True if the record at the cursor is ready, so that a commit would get somewhere. */
  hasReady(): boolean {
    const committed = this.committed()
    return committed < this.claimed() && this.isReady(committed)
  }

  tryTakeCommit(owner: number): boolean {
    return Atomics.compareExchange(this.#words, word.commitOwner, 0, owner) === 0
  }

  releaseCommit(): void {
    Atomics.store(this.#words, word.commitOwner, 0)
  }

  /** The first position that is not ready; only the holder of the commit word may rely on it. */
  readyEnd(): number {
    const claimed = this.claimed()
    let end = this.committed()
    while (end < claimed && this.isReady(end)) end++
    return end
  }

  /** Moves the cursor to `end` and frees the records that no later sector write needs. Holder of the commit word only. */
  advance(end: number): void {
    Atomics.store(this.#words, word.committed, end)
    const keepFrom = end - (end % entriesKept)
    let cleared = this.cleared()
    for (; cleared < keepFrom; cleared++) this.#free(cleared)
    Atomics.store(this.#words, word.cleared, cleared)
  }

  /**
   * Moves the cursor of a store that is being merged back to `end`, where its list ends now: nothing is claimed in it.
   * `keepCommitted` gives it the entries that share a block with the next one, afterwards.
   */
  retreat(end: number): void {
    const committed = this.committed()
    for (let position = this.cleared(); position < committed; position++) this.#free(position)
    Atomics.store(this.#words, word.cleared, end)
    Atomics.store(this.#words, word.committed, end)
    Atomics.store(this.#words, word.claimed, end)
  }

  /** Frees the claim and the commit word if `owner`, who is dead, held them: what it did under either can be repeated. */
  releaseWordsOf(owner: number): void {
    Atomics.compareExchange(this.#words, word.claimOwner, owner, 0)
    Atomics.compareExchange(this.#words, word.commitOwner, owner, 0)
  }

  // ── state ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  state(): number {
    return Atomics.load(this.#words, word.state) & (2 ** stateBits - 1)
  }

  /** Marks a store overflowed, unless it is that or worse already. True if this call did. */
  overflow(): boolean {
    const before = Atomics.compareExchange(this.#words, word.state, storeState.valid, storeState.overflow)
    return before === storeState.valid
  }

  /** True for the one caller that must now write the invalid header. */
  beginInvalidation(owner: number, reason: InvalidationReason, errno: number): boolean {
    for (;;) {
      const state = Atomics.load(this.#words, word.state)
      if (state !== storeState.valid && state !== storeState.overflow) return false
      const next = storeState.invalidating | (owner << stateBits)
      if (Atomics.compareExchange(this.#words, word.state, state, next) !== state) continue
      Atomics.store(this.#words, word.reason, reason)
      Atomics.store(this.#words, word.errno, errno)
      return true
    }
  }

  /** Who is writing the invalid header, while somebody is. */
  invalidator(): number {
    return Atomics.load(this.#words, word.state) >>> stateBits
  }

  /** W5: the invalidation is durable; origin writes that wait for it may go. */
  finishInvalidation(): void {
    Atomics.store(this.#words, word.state, storeState.invalid)
  }

  /** The header could not be written: the coordinator must make the invalidation durable some other way. */
  failHeader(): void {
    Atomics.store(this.#words, word.headerFailed, 1)
  }

  headerFailed(): boolean {
    return Atomics.load(this.#words, word.headerFailed) !== 0
  }

  reason(): number {
    return Atomics.load(this.#words, word.reason)
  }

  errno(): number {
    return Atomics.load(this.#words, word.errno)
  }

  /** Size of the COW in bytes as last seen; it may grow while in use. */
  cowBytes(): number {
    return this.#doubles[cowBytesDouble] as number
  }

  setCowBytes(bytes: number): void {
    this.#doubles[cowBytesDouble] = bytes
  }

  #free(position: number): void {
    const at = (position & recordMask) * recordWords
    Atomics.store(this.#records, at + recordField.ready, 0)
    Atomics.store(this.#records, at + recordField.oldPlusOne, 0)
  }

  #fill(position: number, oldPlusOne: number, newChunk: number): void {
    const at = (position & recordMask) * recordWords
    this.#records[at + recordField.oldPlusOne] = oldPlusOne
    this.#records[at + recordField.newChunk] = newChunk
    this.#records[at + recordField.ready] = 1
  }
}
