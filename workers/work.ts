/**
 * A worker's work in hand, in fixed tables: extents taken from a ring and the pieces they are cut into.
 *
 * An extent is one ring entry; where it moves bytes, at most 1 MiB of them. A write that must copy is cut into pieces, one
 * per key; a piece takes its key, copies, commits, writes and frees the key. Tables are columns of numbers, so that a turn allocates nothing.
 */
import { assert } from '../src/base/assert.js'

/** Limit: as many as a submission ring holds; more would only wait here instead of there. */
export const extentCapacity = 1024
/** Limit: a write of 1 MiB makes at most 2,048 pieces (keys of one sector); several such fit. */
export const pieceCapacity = 16384
export const piecesPerExtentMax = 2048

export class ExtentTable {
  readonly ticket = new Int32Array(extentCapacity)
  readonly operation = new Int32Array(extentCapacity)
  readonly volume = new Int32Array(extentCapacity)
  readonly byteOffset = new Float64Array(extentCapacity)
  readonly byteLength = new Int32Array(extentCapacity)
  readonly arenaOffset = new Float64Array(extentCapacity)
  readonly submittedMs = new Float64Array(extentCapacity)
  readonly piecesLeft = new Int32Array(extentCapacity)
  /** Of a merge's slice: bytes copied so far. */
  readonly copied = new Int32Array(extentCapacity)
  readonly status = new Int32Array(extentCapacity)
  readonly errno = new Int32Array(extentCapacity)
  /** Which operation it counts as in the statistics. */
  readonly counted = new Int32Array(extentCapacity)
  readonly #free = new FreeList(extentCapacity)

  hasRoom(): boolean {
    return this.#free.left > 0
  }

  /** Rows in use. */
  get taken(): number {
    return extentCapacity - this.#free.left
  }

  take(): number {
    return this.#free.take()
  }

  release(extent: number): void {
    this.#free.give(extent)
  }
}

export class PieceTable {
  readonly extent = new Int32Array(pieceCapacity)
  readonly stripe = new Int32Array(pieceCapacity)
  readonly start = new Float64Array(pieceCapacity)
  readonly end = new Float64Array(pieceCapacity)
  /** 1 if some chunk of the piece could not be claimed yet: look at it again before releasing it. */
  readonly incomplete = new Int32Array(pieceCapacity)
  /** 1 if it had to wait for a key that the window of a merge held. */
  readonly deferred = new Int32Array(pieceCapacity)
  /** The table's own status, so that a failed piece says so when it is released. */
  readonly status = new Int32Array(pieceCapacity)
  readonly errno = new Int32Array(pieceCapacity)
  readonly #free = new FreeList(pieceCapacity)

  /** Rows in use. */
  get taken(): number {
    return pieceCapacity - this.#free.left
  }

  hasRoomForExtent(): boolean {
    return this.#free.left >= piecesPerExtentMax
  }

  take(extent: number, stripe: number, start: number, end: number): number {
    const piece = this.#free.take()
    this.extent[piece] = extent
    this.stripe[piece] = stripe
    this.start[piece] = start
    this.end[piece] = end
    this.incomplete[piece] = 0
    this.deferred[piece] = 0
    this.status[piece] = 0
    this.errno[piece] = 0
    return piece
  }

  release(piece: number): void {
    this.#free.give(piece)
  }
}

/** A list of numbers of pieces or extents that is filled, walked in order, and compacted; never longer than the piece table. */
export class PieceList {
  readonly pieces = new Int32Array(pieceCapacity)
  count = 0

  add(piece: number): void {
    this.pieces[this.count++] = piece
  }

  removeFirst(): void {
    this.pieces.copyWithin(0, 1, this.count)
    this.count--
  }
}

/** Unused rows of a table. */
class FreeList {
  readonly #numbers: Int32Array
  left: number

  constructor(capacity: number) {
    this.#numbers = new Int32Array(capacity)
    for (let index = 0; index < capacity; index++) this.#numbers[index] = capacity - 1 - index
    this.left = capacity
  }

  take(): number {
    assert(this.left > 0, 'the table is full')
    return this.#numbers[--this.left] as number
  }

  give(number: number): void {
    this.#numbers[this.left++] = number
  }
}
