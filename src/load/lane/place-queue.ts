/** A device of an engine, in place: requests run on this thread, one after the other. */
import { CowringError } from '../../base/errors.js'
import type { AttachedVolume } from '../../index.js'
import { operation } from '../pattern/requests.js'
import { type BlockingQueue, noErrno } from './queue.js'

export class PlaceQueue implements BlockingQueue {
  readonly buffers: readonly Uint8Array[]
  readonly completed = new Int32Array(1)
  readonly errnos = new Int32Array(1)
  readonly #volume: AttachedVolume
  #hasEnded = false
  #failure = ''

  /** `buffer` is the thread's own part of the arena, so that nothing is copied. */
  constructor(volume: AttachedVolume, buffer: Uint8Array, bufferBytes: number) {
    this.#volume = volume
    this.buffers = [buffer.subarray(0, bufferBytes)]
  }

  submit(_slot: number, what: number, offset: number, byteLength: number): void {
    this.#hasEnded = true
    this.errnos[0] = 0
    try {
      this.#run(what, offset, byteLength)
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
      this.errnos[0] = error.facts.errno || noErrno
      this.#failure = error.message
    }
  }

  wait(): number {
    if (!this.#hasEnded) return 0
    this.#hasEnded = false
    return 1
  }

  explain(): string {
    return this.#failure
  }

  close(): void {}

  #run(what: number, offset: number, byteLength: number): void {
    const whole = this.buffers[0] as Uint8Array
    const buffer = whole.byteLength === byteLength ? whole : whole.subarray(0, byteLength)
    if (what === operation.read) this.#volume.readSync(offset, buffer)
    else if (what === operation.write) this.#volume.writeSync(offset, buffer)
    else if (what === operation.trim) this.#volume.discardSync(offset, byteLength)
    else this.#volume.flushSync()
  }
}
