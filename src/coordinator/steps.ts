/**
 * Requests of the engine's own, which workers carry out among those of callers and answer like those: the steps of a merge, and
 * what a seat cannot do itself. They go through the client's rings, so a worker's death and a full ring are dealt with there. Who asks
 * has seen to it that the device lets them in.
 */
import { CowringError, errorCodeOf } from '../base/errors.js'
import { type Route, VolumeRoute } from '../wire/route.js'
import type { Client } from './client.js'
import { Gate } from './gate.js'
import type { Transfer, TransferTarget } from './transfer.js'

const noBytes = new Uint8Array(0)

export class Steps implements TransferTarget {
  readonly gate: Gate<Transfer>
  readonly route: Route
  readonly #client: Client

  /** For one worker, of one volume. */
  static of(client: Client, volume: number, worker: number): Steps {
    const route = new VolumeRoute(volume)
    route.worker = worker
    return new Steps(client, route)
  }

  constructor(client: Client, route: Route) {
    this.#client = client
    this.gate = new Gate<Transfer>((transfer) => client.begin(transfer))
    this.route = route
  }

  /**
   * `start` and `length` are what the operation takes them for; a length is at least 1. Bytes, of one that moves some, lie in the arena at
   * `arenaOffset`. Fails with the code that the workers answer: IO_ERROR, WORKER_DIED, DEVICE_CLOSED for a step of a merge.
   */
  async take(operation: number, start: number, length: number, arenaOffset = -1): Promise<void> {
    await new Promise<Uint8Array>((resolve, reject) => {
      const transfer = this.#client.transfer()
      transfer.target = this
      transfer.operation = operation
      transfer.start = start
      transfer.next = start
      transfer.end = start + length
      transfer.bytes = noBytes
      transfer.arenaOffset = arenaOffset
      transfer.resolve = resolve
      transfer.reject = reject
      this.gate.pass(transfer)
    })
  }

  failure({ errno, status }: Transfer): Error {
    return new CowringError(
      errorCodeOf(status) ?? 'IO_ERROR',
      'a request of the engine failed',
      errno === 0 ? {} : { errno },
    )
  }
}
