/**
 * When the next request is due.
 *
 * With a rate, each direction has a stream of its own, at even distances or as a Poisson process, and the earlier one is next: a mix
 * is what the rates make it. Without one, everything is due at once. `thinktime` is a pause that begins when nothing is in flight.
 */
import type { JobSpec } from '../job/job-spec.js'
import { RandomWords } from './random-words.js'
import { operation, type Pace } from './requests.js'

interface Stream {
  readonly operation: number
  readonly perSecond: number
  /** The rate is of bytes: a longer request makes a longer pause. */
  readonly countsBytes: boolean
  dueMs: number
}

export class Arrivals implements Pace {
  readonly #streams: readonly Stream[]
  readonly #isPoisson: boolean
  readonly #words: RandomWords
  readonly #thinkMs: number
  readonly #requestsPerThink: number
  #requests = 0
  #next: Stream | undefined
  #resumesAtMs = 0

  constructor(spec: JobSpec, clone: number) {
    this.#isPoisson = spec.arrivals === 'poisson'
    this.#words = new RandomWords(spec.seed ^ 0x5bd1e995, clone)
    this.#thinkMs = spec.thinkSeconds * 1000
    this.#requestsPerThink = spec.requestsPerThink
    this.#streams = streamsOf(spec)
    this.#next = this.#streams[0]
  }

  get dueMs(): number {
    return Math.max(this.#next?.dueMs ?? 0, this.#resumesAtMs)
  }

  get wanted(): number | undefined {
    return this.#next?.operation
  }

  begin(nowMs: number): void {
    for (const stream of this.#streams) stream.dueMs = nowMs
    this.#resumesAtMs = nowMs
  }

  took(byteLength: number): void {
    const stream = this.#next
    if (stream !== undefined) {
      const evenMs = (1000 * (stream.countsBytes ? byteLength : 1)) / stream.perSecond
      stream.dueMs += this.#isPoisson ? -Math.log(1 - this.#words.share()) * evenMs : evenMs
      for (const other of this.#streams) if (other.dueMs < (this.#next as Stream).dueMs) this.#next = other
    }
    this.#requests++
    if (this.#thinkMs > 0 && this.#requests % this.#requestsPerThink === 0) this.#resumesAtMs = Number.POSITIVE_INFINITY
  }

  quiet(nowMs: number): void {
    if (this.#resumesAtMs === Number.POSITIVE_INFINITY) this.#resumesAtMs = nowMs + this.#thinkMs
  }
}

function streamsOf({ bytesPerSecond, readShare, requestsPerSecond, trims }: JobSpec): Stream[] {
  const rates = requestsPerSecond ?? bytesPerSecond
  if (rates === undefined) return []
  const stream = (of: number, perSecond: number): Stream => {
    return { operation: of, perSecond, countsBytes: bytesPerSecond !== undefined, dueMs: 0 }
  }
  return [
    ...(readShare > 0 ? [stream(operation.read, rates.read)] : []),
    ...(readShare < 1 ? [stream(trims ? operation.trim : operation.write, trims ? rates.trim : rates.write)] : []),
  ].filter(({ perSecond }) => perSecond > 0)
}
