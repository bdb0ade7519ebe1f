/** What a lane records of its requests: columns of plain numbers, some 25 bytes a request, handed on when they are full. */

/** A batch of requests in the order in which they ended. Plain data; times are milliseconds. */
export interface TraceBatch {
  readonly lane: number
  readonly operations: Uint8Array
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  /** Since the run began. */
  readonly dueMs: Float64Array
  readonly latencyMs: Float32Array
  /** 0 for none. */
  readonly errnos: Uint8Array
}

const batchRequests = 8192

export class TraceColumns {
  readonly #lane: number
  readonly #hand: (batch: TraceBatch) => void
  readonly #columns = columnsFor(batchRequests)
  #count = 0

  constructor(lane: number, hand: (batch: TraceBatch) => void) {
    this.#lane = lane
    this.#hand = hand
  }

  add(operation: number, offset: number, byteLength: number, dueMs: number, latencyMs: number, errno: number): void {
    const at = this.#count++
    const { dueMs: due, errnos, latencyMs: latencies, lengths, offsets, operations } = this.#columns
    operations[at] = operation
    offsets[at] = offset
    lengths[at] = byteLength
    due[at] = dueMs
    latencies[at] = latencyMs
    errnos[at] = errno
    if (this.#count === batchRequests) this.flush()
  }

  flush(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    const { dueMs, errnos, latencyMs, lengths, offsets, operations } = this.#columns
    this.#hand({
      lane: this.#lane,
      operations: operations.slice(0, count),
      offsets: offsets.slice(0, count),
      lengths: lengths.slice(0, count),
      dueMs: dueMs.slice(0, count),
      latencyMs: latencyMs.slice(0, count),
      errnos: errnos.slice(0, count),
    })
  }
}

const columnsFor = (count: number) => ({
  operations: new Uint8Array(count),
  offsets: new Float64Array(count),
  lengths: new Uint32Array(count),
  dueMs: new Float64Array(count),
  latencyMs: new Float32Array(count),
  errnos: new Uint8Array(count),
})
