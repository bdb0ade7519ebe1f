/** What a lane has done since its last report: counts and latencies, by direction. */
import { LatencyHistogram } from '../result/latency-histogram.js'
import { type DirectionName, directionNames, type LatencyCounts } from '../result/load-result.js'

export interface DirectionReport {
  readonly requests: number
  readonly bytes: number
  readonly errors: number
  readonly latency: LatencyCounts
  /** Of a closed loop the same as `latency`, and left out. */
  readonly service: LatencyCounts | undefined
}

/** Plain data: goes from a lane to the coordinator once an interval. */
export interface LaneReport {
  readonly lane: number
  /** Of the run's clock. */
  readonly fromMs: number
  readonly toMs: number
  readonly isRamp: boolean
  /** Directions without any request are left out. */
  readonly directions: Partial<Record<DirectionName, DirectionReport>>
}

class DirectionTally {
  requests = 0
  bytes = 0
  errors = 0
  readonly latency = new LatencyHistogram()
  readonly service: LatencyHistogram | undefined

  constructor(isOpenLoop: boolean) {
    this.service = isOpenLoop ? new LatencyHistogram() : undefined
  }

  take(): DirectionReport {
    const { bytes, errors, latency, requests, service } = this
    const report = { requests, bytes, errors, latency: latency.counts(), service: service?.counts() }
    this.requests = 0
    this.bytes = 0
    this.errors = 0
    latency.reset()
    service?.reset()
    return report
  }
}

export class Tally {
  readonly #lane: number
  readonly #directions: readonly DirectionTally[]
  #fromMs: number

  constructor(lane: number, isOpenLoop: boolean, fromMs: number) {
    this.#lane = lane
    this.#directions = directionNames.map(() => new DirectionTally(isOpenLoop))
    this.#fromMs = fromMs
  }

  /** `operation` counts as in `directionNames`; latencies are in milliseconds. */
  count(operation: number, byteLength: number, latencyMs: number, serviceMs: number): void {
    const tally = this.#directions[operation] as DirectionTally
    tally.requests++
    tally.bytes += byteLength
    tally.latency.record(latencyMs * 1e6)
    tally.service?.record(serviceMs * 1e6)
  }

  failed(operation: number): void {
    ;(this.#directions[operation] as DirectionTally).errors++
  }

  take(toMs: number, isRamp: boolean): LaneReport {
    const done = directionNames.flatMap((name, index) => {
      const tally = this.#directions[index] as DirectionTally
      return tally.requests + tally.errors === 0 ? [] : [[name, tally.take()] as const]
    })
    const report = { lane: this.#lane, fromMs: this.#fromMs, toMs, isRamp, directions: Object.fromEntries(done) }
    this.#fromMs = toMs
    return report
  }
}
