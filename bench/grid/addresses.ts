/** Where operations go. The floor and the engine draw from the same distributions, each thread with its own generator. */

/** Gives byte offsets; -1 when there are no more. */
export interface Addresses {
  next(): number
}

/** Xorshift: a few instructions a number, so that choosing an address costs the floor next to nothing. */
export class RandomWords {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    let word = this.#state
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    this.#state = word
    return Math.floor(((word >>> 0) / 2 ** 32) * limit)
  }
}

/** Every block of a file equally likely. */
export class RandomAddresses implements Addresses {
  readonly #words: RandomWords
  readonly #blocks: number
  readonly #blockBytes: number

  constructor(fileBytes: number, blockBytes: number, seed: number) {
    this.#words = new RandomWords(seed)
    this.#blocks = Math.floor(fileBytes / blockBytes)
    this.#blockBytes = blockBytes
  }

  next(): number {
    return this.#words.below(this.#blocks) * this.#blockBytes
  }
}

/** Block after block, from the start again at the end; of several threads, each takes every `stride`-th. */
export class SequentialAddresses implements Addresses {
  readonly #blocks: number
  readonly #blockBytes: number
  readonly #stride: number
  #block: number

  constructor(fileBytes: number, blockBytes: number, first = 0, stride = 1) {
    this.#blocks = Math.floor(fileBytes / blockBytes)
    this.#blockBytes = blockBytes
    this.#stride = stride
    this.#block = first
  }

  next(): number {
    const block = this.#block % this.#blocks
    this.#block = block + this.#stride
    return block * this.#blockBytes
  }
}

/** The chunks of a permutation, each once; of requests that cover several, the first of each. */
export class EachChunkOnce implements Addresses {
  readonly #chunks: Uint32Array
  readonly #chunkBytes: number
  readonly #perRequest: number
  #at = 0

  constructor(chunks: Uint32Array, chunkBytes: number, perRequest = 1) {
    this.#chunks = chunks
    this.#chunkBytes = chunkBytes
    this.#perRequest = perRequest
  }

  next(): number {
    const chunk = this.#chunks[this.#at]
    if (chunk === undefined) return -1
    this.#at += this.#perRequest
    return chunk * this.#chunkBytes
  }
}

/** The order in which first writes come: all chunk numbers below `count`, in shared memory. */
export function chunkOrder(count: number, order: 'random' | 'sequential'): Uint32Array<SharedArrayBuffer> {
  if (order === 'random') return shuffledChunks(count, 1)
  const chunks = new Uint32Array(new SharedArrayBuffer(count * 4))
  for (let chunk = 0; chunk < count; chunk++) chunks[chunk] = chunk
  return chunks
}

/** All chunk numbers below `count` in random order, in shared memory. */
export function shuffledChunks(count: number, seed: number): Uint32Array<SharedArrayBuffer> {
  const chunks = new Uint32Array(new SharedArrayBuffer(count * 4))
  const words = new RandomWords(seed)
  for (let index = 0; index < count; index++) {
    const other = words.below(index + 1)
    chunks[index] = chunks[other] as number
    chunks[other] = index
  }
  return chunks
}
