/** Requests beside a merge: single blocks all over the origin, some to read and some to write, so many in flight at any time. */
import type { Engine, Origin } from '../../../src/index.js'
import { RandomAddresses, RandomWords } from '../addresses.js'
import { LatencySamples } from '../latency-samples.js'
import type { ForegroundMerge } from './merge-case.js'

/** Limit: more than a pass of some seconds makes; 32 MiB. */
const samplesMax = 2 ** 22
const shareUnits = 1000

export interface Latencies {
  readonly operationsPerSecond: number
  /** Microseconds, from the call to the resolution. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export class ForegroundLoad {
  readonly #origin: Origin
  readonly #buffers: readonly Uint8Array[]
  readonly #addresses: RandomAddresses
  readonly #words = new RandomWords(2)
  readonly #samples = new LatencySamples(samplesMax)
  readonly #readUnits: number
  #operations = 0
  #seconds = 0

  constructor(engine: Engine, origin: Origin, { depth, ioBytes, readShare }: ForegroundMerge) {
    this.#origin = origin
    this.#buffers = Array.from({ length: depth }, () => engine.alloc(ioBytes))
    this.#addresses = new RandomAddresses(origin.sizeBytes, ioBytes, 1)
    this.#readUnits = readShare * shareUnits
  }

  /** Forgets the samples so far. */
  restart(): void {
    this.#samples.clear()
    this.#operations = 0
    this.#seconds = 0
  }

  /** For so long, or until it is not to go on. Answers how long that was. */
  async run(seconds: number, mayGoOn = () => true): Promise<number> {
    const startedMs = performance.now()
    const deadline = startedMs + seconds * 1000
    const loop = async (buffer: Uint8Array): Promise<void> => {
      for (let nowMs = startedMs; nowMs < deadline && mayGoOn(); ) {
        const offset = this.#addresses.next()
        const reads = this.#words.below(shareUnits) < this.#readUnits
        const submittedMs = performance.now()
        if (reads) await this.#origin.read(offset, buffer)
        else await this.#origin.write(offset, buffer)
        nowMs = performance.now()
        this.#samples.add((nowMs - submittedMs) * 1000)
        this.#operations++
      }
    }
    await Promise.all(this.#buffers.map(loop))
    const tookSeconds = (performance.now() - startedMs) / 1000
    this.#seconds += tookSeconds
    return tookSeconds
  }

  /** Since the last `restart`. */
  latencies(): Latencies {
    const [p50 = Number.NaN, p99 = Number.NaN, p999 = Number.NaN] = this.#samples.percentiles([0.5, 0.99, 0.999])
    return { operationsPerSecond: this.#operations / this.#seconds, p50, p99, p999 }
  }
}
