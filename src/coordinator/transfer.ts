/**
 * One request of a caller on its way: what it wants, how far it has been submitted, and the promise that waits for it.
 * Records are reused; a request allocates its promise and nothing else.
 */

import type { Route } from '../wire/route.js'
import type { Gate } from './gate.js'

export interface TransferTarget {
  readonly route: Route
  readonly gate: Gate<Transfer>
  /** Turns the status of a failed transfer into the error its caller sees. */
  failure(transfer: Transfer): Error
}

const none = new Uint8Array(0)

export class Transfer {
  target: TransferTarget | undefined
  operation = 0
  /** The range, and how much of it has been put into rings. */
  start = 0
  end = 0
  next = 0
  /** Of a flush: to how many of the route's volumes it has been sent. */
  flushesSent = 0
  /** Waits in the client's line for room. */
  inLine = false
  /** Arena offset of the first byte when the caller's buffer lies in the arena; -1 when bytes are staged. */
  arenaOffset = -1
  bytes: Uint8Array = none
  inFlight = 0
  status = 0
  errno = 0
  resolve: (value: Uint8Array) => void = ignore
  reject: (error: Error) => void = ignore

  clear(): void {
    this.target = undefined
    this.bytes = none
    this.flushesSent = 0
    this.inLine = false
    this.inFlight = 0
    this.status = 0
    this.errno = 0
    this.arenaOffset = -1
    this.resolve = ignore
    this.reject = ignore
  }
}

function ignore(): void {}
