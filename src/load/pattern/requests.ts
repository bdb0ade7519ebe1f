/** What a job asks for next, one request after the other; the same for the same seed. */

import type { JobSpec } from '../job/job-spec.js'
import type { SizeRange } from '../job/values.js'
import { Permutation } from './permutation.js'
import { RandomWords } from './random-words.js'
import { SkewedBlocks } from './skewed.js'

/** The numbers of operations wherever requests are queued, counted and recorded; in the order of `directionNames`. */
export const operation = { read: 0, write: 1, trim: 2, sync: 3 } as const

/** A request to fill in: one object for all of them. */
export interface Request {
  operation: number
  offset: number
  byteLength: number
}

/** Where requests come from: a job, or a recording. */
export interface RequestSource {
  /** The next one, of this operation if it says which; false when there are no more. */
  next(into: Request, wanted?: number): boolean
}

/** When requests are due. */
export interface Pace {
  /** Milliseconds since the run began; the next request is due then. Infinity: not before `quiet`. */
  readonly dueMs: number
  /** The operation it has to have; `undefined` if that is for the source to say. */
  readonly wanted: number | undefined
  /** The lane begins at this moment. */
  begin(nowMs: number): void
  /** A request was made. */
  took(byteLength: number): void
  /** Everything that was made has been answered. */
  quiet(nowMs: number): void
}

/** The part of the target that a job works on, in bytes. */
export interface Region {
  readonly start: number
  readonly end: number
}

/** Whole blocks, as in fio: what is left at the end of a region is left alone. */
export class JobRequests implements RequestSource {
  readonly #spec: JobSpec
  readonly #words: RandomWords
  readonly #blocks: Readonly<Record<'read' | 'write' | 'trim', BlockPicker>>
  /** Still to be moved; time-based jobs never end here. */
  #bytesLeft: number

  constructor(spec: JobSpec, region: Region, clone: number) {
    this.#spec = spec
    this.#words = new RandomWords(spec.seed, 2 * clone)
    this.#bytesLeft = spec.isTimeBased ? Number.POSITIVE_INFINITY : region.end - region.start
    const picker = (range: SizeRange) => new BlockPicker(spec, region, range, clone)
    const read = picker(spec.blockBytes.read)
    const same = ({ max, min }: SizeRange) => max === spec.blockBytes.read.max && min === spec.blockBytes.read.min
    // As in fio: random reads and writes of one size share the blocks, each comes once; in sequence, each has a place of its own.
    const write = spec.isRandom && same(spec.blockBytes.write) ? read : picker(spec.blockBytes.write)
    this.#blocks = { read, write, trim: spec.trims ? picker(spec.blockBytes.trim) : write }
  }

  next(into: Request, wanted?: number): boolean {
    const { readShare, trims } = this.#spec
    const reads = wanted === undefined ? this.#isRead(readShare) : wanted === operation.read
    into.operation = reads ? operation.read : trims ? operation.trim : operation.write
    const picker = reads ? this.#blocks.read : trims ? this.#blocks.trim : this.#blocks.write
    if (!picker.pick(into, this.#bytesLeft)) return false
    this.#bytesLeft -= into.byteLength
    return true
  }

  #isRead(share: number): boolean {
    return share === 1 || (share > 0 && this.#words.share() < share)
  }
}

/** Where the next block is, and how long. */
class BlockPicker {
  readonly #start: number
  readonly #end: number
  readonly #range: SizeRange
  readonly #words: RandomWords
  /** Gives the number of the next block of the smallest size; `undefined` for one after the other. */
  readonly #nextBlock: (() => number) | undefined
  #at: number

  constructor(spec: JobSpec, { end, start }: Region, range: SizeRange, clone: number) {
    this.#start = start
    this.#end = end
    this.#range = range
    this.#words = new RandomWords(spec.seed, 2 * clone + 1)
    this.#at = start
    const blocks = Math.max(1, Math.floor((end - start) / range.min))
    if (spec.isRandom) this.#nextBlock = this.#randomBlocks(spec, blocks, clone)
  }

  /** False if not even the smallest block is left of `bytesLeft`. */
  pick(into: Request, bytesLeft: number): boolean {
    const { max, min } = this.#range
    if (bytesLeft < min) return false
    const length = min === max ? min : min * (1 + this.#words.below(Math.floor(max / min)))
    if (this.#nextBlock !== undefined) {
      into.offset = this.#start + this.#nextBlock() * min
    } else {
      if (this.#at + min > this.#end) this.#at = this.#start
      into.offset = this.#at
      this.#at += length
    }
    into.byteLength = Math.min(length, Math.floor(Math.min(this.#end - into.offset, bytesLeft) / min) * min)
    return true
  }

  #randomBlocks(spec: JobSpec, blocks: number, clone: number): () => number {
    const { distribution, mayRepeat, seed } = spec
    if (distribution.kind !== 'uniform') {
      const skewed = new SkewedBlocks(blocks, distribution, this.#words, seed + clone)
      return () => skewed.next()
    }
    const { max, min } = this.#range
    if (mayRepeat || min !== max) return () => this.#words.below(blocks)
    let [order, next, round] = [new Permutation(blocks, seed + clone), 0, 0]
    return () => {
      if (next === blocks) {
        round++
        order = new Permutation(blocks, seed + clone + Math.imul(round, 0x9e3779b1))
        next = 0
      }
      return order.at(next++)
    }
  }
}
