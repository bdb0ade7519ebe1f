/** A file or block device, with the system calls and nothing around them: one request in flight, as fio's psync. */
import { errnoName } from '../../base/errno-name.js'
import type { BlockFile, BlockFileDescriptor } from '../../io/block-file.js'
import { blockFileFrom } from '../../io/make-block-file.js'
import { operation } from '../pattern/requests.js'
import { laneMemory } from './buffers.js'
import { InlineQueue } from './queue.js'

/** The end of the file is looked at once in so many requests, as the engine's threads do: looking costs a third of a small write. */
const requestsPerLook = 64

export class FileQueue extends InlineQueue {
  readonly buffers: readonly Uint8Array[]
  readonly #file: BlockFile
  readonly #turns = { count: 0 }
  #requests = 0

  constructor(descriptor: BlockFileDescriptor, bufferBytes: number) {
    super()
    const { buffers, memory } = laneMemory(1, bufferBytes)
    this.buffers = buffers
    this.#file = blockFileFrom(descriptor, memory, undefined, this.#turns)
  }

  explain(errno: number): string {
    return `the system answered ${errnoName(errno)}`
  }

  protected run(what: number, offset: number, byteLength: number): number {
    if (this.#requests++ % requestsPerLook === 0) this.#turns.count++
    if (what === operation.read) return this.#file.read(0, byteLength, offset)
    if (what === operation.write) return this.#file.write(0, byteLength, offset)
    return what === operation.trim ? this.#file.discard(byteLength, offset) : this.#file.barrier()
  }
}
