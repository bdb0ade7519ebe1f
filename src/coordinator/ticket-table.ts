/** Extents in flight, by ticket: what a completion must know of the transfer it belongs to. Columns of numbers; nothing grows. */
import { assert } from '../base/assert.js'
import type { Transfer } from './transfer.js'

export class TicketTable {
  readonly transfer: (Transfer | undefined)[]
  readonly lane: Int32Array
  /** How far into its transfer the extent begins. */
  readonly ahead: Float64Array
  readonly byteLength: Int32Array
  /** Arena block to give back, or -1. */
  readonly block: Float64Array
  readonly #free: Int32Array
  #freeCount: number

  constructor(capacity: number) {
    this.transfer = new Array(capacity).fill(undefined)
    this.lane = new Int32Array(capacity)
    this.ahead = new Float64Array(capacity)
    this.byteLength = new Int32Array(capacity)
    this.block = new Float64Array(capacity)
    this.#free = Int32Array.from({ length: capacity }, (_, index) => capacity - 1 - index)
    this.#freeCount = capacity
  }

  get taken(): number {
    return this.#free.length - this.#freeCount
  }

  hasRoom(): boolean {
    return this.#freeCount > 0
  }

  take(transfer: Transfer, lane: number, ahead: number, byteLength: number, block: number): number {
    assert(this.#freeCount > 0, 'a ticket is free')
    const ticket = this.#free[--this.#freeCount] as number
    this.transfer[ticket] = transfer
    this.lane[ticket] = lane
    this.ahead[ticket] = ahead
    this.byteLength[ticket] = byteLength
    this.block[ticket] = block
    return ticket
  }

  give(ticket: number): void {
    this.transfer[ticket] = undefined
    this.#free[this.#freeCount++] = ticket
  }
}
