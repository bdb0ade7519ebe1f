/** A file or block device, with the system calls and nothing around them: one request in flight, as fio's psync. */

import { errnoName } from '../../base/errno-name.js'
import type { BlockFile, BlockFileDescriptor } from '../../io/block-file.js'
import { blockFileFrom } from '../../io/make-block-file.js'
import { operation } from '../pattern/requests.js'
import { laneMemory } from './buffers.js'
import type { BlockingQueue } from './queue.js'

export class FileQueue implements BlockingQueue {
  readonly buffers: readonly Uint8Array[]
  readonly completed = new Int32Array(1)
  readonly errnos = new Int32Array(1)
  readonly #file: BlockFile
  #hasEnded = false

  constructor(descriptor: BlockFileDescriptor, bufferBytes: number) {
    const { buffers, memory } = laneMemory(1, bufferBytes)
    this.buffers = buffers
    this.#file = blockFileFrom(descriptor, memory)
  }

  /** The request is done when this returns. */
  submit(_slot: number, what: number, offset: number, byteLength: number): void {
    this.#hasEnded = true
    this.errnos[0] = this.#run(what, offset, byteLength)
  }

  wait(): number {
    if (!this.#hasEnded) return 0
    this.#hasEnded = false
    return 1
  }

  explain(errno: number): string {
    return `the system answered ${errnoName(errno)}`
  }

  close(): void {}

  #run(what: number, offset: number, byteLength: number): number {
    if (what === operation.read) return this.#file.read(0, byteLength, offset)
    if (what === operation.write) return this.#file.write(0, byteLength, offset)
    return what === operation.trim ? this.#file.discard(byteLength, offset) : this.#file.barrier()
  }
}
