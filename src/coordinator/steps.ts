/**
 * Steps of the control layer that workers carry out among the requests, and answer like those: the steps of a merge. They go
 * through the client's rings, so a worker's death and a full ring are dealt with there.
 */
import { CowringError, errorCodeOf } from '../base/errors.js'
import { VolumeRoute } from '../wire/route.js'
import type { Client } from './client.js'
import { Gate } from './gate.js'
import type { Transfer, TransferTarget } from './transfer.js'

const noBytes = new Uint8Array(0)

export class Steps implements TransferTarget {
  readonly gate: Gate<Transfer>
  readonly route: VolumeRoute
  readonly #client: Client

  /** Steps of one volume, for one worker. */
  constructor(client: Client, volume: number, worker: number) {
    this.#client = client
    this.gate = new Gate<Transfer>((transfer) => client.begin(transfer))
    this.route = new VolumeRoute(volume)
    this.route.worker = worker
  }

  /** `start` and `length` are what the step takes them for; a length is at least 1. Fails with IO_ERROR, WORKER_DIED, DEVICE_CLOSED. */
  async take(operation: number, start: number, length: number): Promise<void> {
    await new Promise<Uint8Array>((resolve, reject) => {
      const transfer = this.#client.transfer()
      transfer.target = this
      transfer.operation = operation
      transfer.start = start
      transfer.next = start
      transfer.end = start + length
      transfer.bytes = noBytes
      transfer.resolve = resolve
      transfer.reject = reject
      this.gate.pass(transfer)
    })
  }

  failure({ errno, status }: Transfer): Error {
    return new CowringError(errorCodeOf(status) ?? 'IO_ERROR', 'a step of a merge failed', errno === 0 ? {} : { errno })
  }
}
