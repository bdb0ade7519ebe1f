/**
 * The arena: payload memory that every thread sees at the same place.
 *
 * It is page-aligned, which O_DIRECT asks of its buffers. Pages are touched only when used, so a large arena costs address
 * space, not memory.
 *
 * A block has one owner at a time: the caller's side until its request is pushed, a worker until that request completes.
 * The allocator below belongs to the coordinator's thread alone; workers only ever see offsets.
 */
import { assert, present } from '../base/assert.js'
import { pageAlignedBytesMax, pageAlignedMemory } from '../base/page-aligned-memory.js'
import { isPowerOfTwo } from '../base/units.js'

export const pageBytes = 4096

/** Limit: what page-aligned shared memory can be. */
export const arenaBytesMax = pageAlignedBytesMax

export const createArenaMemory = (byteLength: number): SharedArrayBuffer => pageAlignedMemory(byteLength)

/**
 * A buddy allocator of page-sized to arena-sized blocks. `allocate` answers -1 when there is no block; callers wait and try
 * again when something was freed. Nothing is allocated on the JavaScript heap per call.
 */
export class ArenaAllocator {
  readonly byteLength: number
  readonly #orderCount: number
  /** Doubly linked free lists over pages, one per order; -1 ends a list. */
  readonly #first: Int32Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** Order of the free block that starts at this page, or -1; and of the allocated block. */
  readonly #freeOrder: Int8Array
  readonly #takenOrder: Int8Array
  /** Whether something was released since free buddies were joined. */
  #unmerged = false

  constructor(byteLength: number) {
    const pages = byteLength / pageBytes
    assert(isPowerOfTwo(pages), `arena of ${byteLength} bytes is not a power of two of pages`)
    this.byteLength = byteLength
    this.#orderCount = Math.log2(pages) + 1
    this.#first = new Int32Array(this.#orderCount).fill(-1)
    this.#next = new Int32Array(pages).fill(-1)
    this.#previous = new Int32Array(pages).fill(-1)
    this.#freeOrder = new Int8Array(pages).fill(-1)
    this.#takenOrder = new Int8Array(pages).fill(-1)
    this.#push(0, this.#orderCount - 1)
  }

  /** Blocks that are allocated now. */
  takenCount(): number {
    return this.#takenOrder.reduce((count, order) => (order >= 0 ? count + 1 : count), 0)
  }

  /** Byte offset of a block of at least `byteLength` bytes, page-aligned; -1 when there is none. */
  allocate(byteLength: number): number {
    const order = byteLength <= pageBytes ? 0 : 32 - Math.clz32(Math.ceil(byteLength / pageBytes) - 1)
    let from = this.#firstFree(order)
    if (from < 0 && this.#unmerged) {
      this.#mergeBuddies()
      from = this.#firstFree(order)
    }
    if (from < 0) return -1
    const page = present(this.#first[from], 'free list head')
    this.#unlink(page, from)
    for (let split = from - 1; split >= order; split--) this.#push(page + 2 ** split, split)
    this.#takenOrder[page] = order
    return page * pageBytes
  }

  /** Blocks come back as they are: the next request is likely to want one of that size. They are merged when none is left. */
  release(byteOffset: number): void {
    const page = byteOffset / pageBytes
    const order = present(this.#takenOrder[page], `block at ${byteOffset}`)
    assert(order >= 0, `block at ${byteOffset} is not allocated`)
    this.#takenOrder[page] = -1
    this.#push(page, order)
    this.#unmerged = true
  }

  #firstFree(order: number): number {
    for (let from = order; from < this.#orderCount; from++) if (this.#first[from] !== -1) return from
    return -1
  }

  /** Joins free buddies, from the smallest up, so that what two of them became can join again. */
  #mergeBuddies(): void {
    this.#unmerged = false
    for (let order = 0; order < this.#orderCount - 1; order++) {
      let page = present(this.#first[order], 'free list head')
      while (page !== -1) {
        const buddy = page ^ (2 ** order)
        let next = present(this.#next[page], 'free list link')
        if (this.#freeOrder[buddy] === order) {
          if (next === buddy) next = present(this.#next[buddy], 'free list link')
          this.#unlink(page, order)
          this.#unlink(buddy, order)
          this.#push(Math.min(page, buddy), order + 1)
        }
        page = next
      }
    }
  }

  #push(page: number, order: number): void {
    const head = present(this.#first[order], 'free list head')
    this.#next[page] = head
    this.#previous[page] = -1
    if (head !== -1) this.#previous[head] = page
    this.#first[order] = page
    this.#freeOrder[page] = order
  }

  #unlink(page: number, order: number): void {
    const next = present(this.#next[page], 'free list link')
    const previous = present(this.#previous[page], 'free list link')
    if (previous === -1) this.#first[order] = next
    else this.#next[previous] = next
    if (next !== -1) this.#previous[next] = previous
    this.#freeOrder[page] = -1
  }
}
