/**
 * The places of requests in flight: what each one asks for, where its bytes lie, and which have been answered.
 *
 *   idle ──submit──▶ queued ──the last byte is sent──▶ sent ──answer──▶ idle
 *
 * Guarantees: no object per request.
 * Requires: the buffers lie in memory that does not move, and are kept by whoever keeps this.
 */
import { assert } from '../../base/assert.js'
import { libc } from '../../io/libc.js'

export const slotState = { idle: 0, queued: 1, sent: 2 } as const

/** More than any server takes at a time; 28 bytes of header each are kept. */
const depthMax = 4096

export class Slots {
  readonly depth: number
  readonly #buffers: readonly Uint8Array[]
  readonly addresses: Float64Array
  readonly state: Uint8Array
  /** Tells an answer to this request from one to an earlier request of the same slot. */
  readonly sequence: Int32Array
  /** Bytes that go out after the header, and that come in after the answer. */
  readonly bytesOut: Int32Array
  readonly bytesIn: Int32Array
  /** The slots that the last wait has found answered, and with which error; the first `completedCount` count. */
  readonly completed: Int32Array
  readonly errno: Int32Array
  completedCount = 0
  inFlight = 0

  constructor(buffers: readonly Uint8Array[]) {
    const depth = buffers.length
    assert(depth > 0 && depth <= depthMax, `a queue has 1 to ${depthMax} slots`)
    this.depth = depth
    this.#buffers = buffers
    this.addresses = Float64Array.from(buffers, (buffer) => (buffer.length === 0 ? 0 : libc().addressOf(buffer)))
    this.state = new Uint8Array(depth)
    this.sequence = new Int32Array(depth)
    this.bytesOut = new Int32Array(depth)
    this.bytesIn = new Int32Array(depth)
    this.completed = new Int32Array(depth)
    this.errno = new Int32Array(depth)
  }

  capacityOf(slot: number): number {
    return (this.#buffers[slot] as Uint8Array).length
  }

  begin(slot: number, bytesOut: number, bytesIn: number): void {
    assert(this.state[slot] === slotState.idle, 'a slot has one request at a time')
    this.state[slot] = slotState.queued
    this.sequence[slot] = ((this.sequence[slot] as number) + 1) | 0
    this.bytesOut[slot] = bytesOut
    this.bytesIn[slot] = bytesIn
    this.inFlight++
  }

  complete(slot: number, errno: number): void {
    this.state[slot] = slotState.idle
    this.completed[this.completedCount] = slot
    this.errno[this.completedCount] = errno
    this.completedCount++
    this.inFlight--
  }
}
