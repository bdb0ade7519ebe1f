/** A device of an engine, in place: requests run on this thread, one after the other. */
import { CowringError } from '../../base/errors.js'
import type { AttachedVolume } from '../../index.js'
import { operation } from '../pattern/requests.js'
import { InlineQueue, noErrno } from './queue.js'

export class PlaceQueue extends InlineQueue {
  readonly buffers: readonly Uint8Array[]
  readonly #volume: AttachedVolume
  #failure = ''

  /** `buffer` is the thread's own part of the arena, so that nothing is copied. */
  constructor(volume: AttachedVolume, buffer: Uint8Array, bufferBytes: number) {
    super()
    this.#volume = volume
    this.buffers = [buffer.subarray(0, bufferBytes)]
  }

  explain(): string {
    return this.#failure
  }

  protected run(what: number, offset: number, byteLength: number): number {
    try {
      this.#ask(what, offset, byteLength)
      return 0
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
      this.#failure = error.message
      return error.facts.errno || noErrno
    }
  }

  #ask(what: number, offset: number, byteLength: number): void {
    const whole = this.buffers[0] as Uint8Array
    const buffer = whole.byteLength === byteLength ? whole : whole.subarray(0, byteLength)
    if (what === operation.read) this.#volume.readSync(offset, buffer)
    else if (what === operation.write) this.#volume.writeSync(offset, buffer)
    else if (what === operation.trim) this.#volume.discardSync(offset, byteLength)
    else this.#volume.flushSync()
  }
}
