/**
 * A volume of an engine on its own thread, by its asynchronous requests: what a program that embeds cowring does. That includes asking
 * again when a worker thread has died, which is no failure of the volume.
 */
import { CowringError } from '../../base/errors.js'
import type { Volume } from '../../index.js'
import { operation } from '../pattern/requests.js'
import { type AsyncQueue, noErrno } from './queue.js'

/** A worker that has not come back after as many tries is not coming back. */
const triesMax = 100
const tryEveryMs = 20

interface Slot {
  operation: number
  offset: number
  byteLength: number
  tries: number
  /** Made once, so that a request does not make them. */
  readonly succeeded: () => void
  readonly failed: (error: unknown) => void
}

export class VolumeQueue implements AsyncQueue {
  readonly buffers: readonly Uint8Array[]
  onEnd: (slot: number, errno: number) => void = () => {}
  readonly #volume: Volume
  readonly #slots: readonly Slot[]
  #failure = ''

  /** `buffers` are from `engine.alloc`, one for each slot. */
  constructor(volume: Volume, buffers: readonly Uint8Array[]) {
    this.#volume = volume
    this.buffers = buffers
    this.#slots = buffers.map((_, slot) => ({
      operation: 0,
      offset: 0,
      byteLength: 0,
      tries: 0,
      succeeded: () => this.onEnd(slot, 0),
      failed: (error) => this.#failed(slot, error),
    }))
  }

  submit(number: number, what: number, offset: number, byteLength: number): void {
    const slot = this.#slots[number] as Slot
    slot.operation = what
    slot.offset = offset
    slot.byteLength = byteLength
    slot.tries = 0
    this.#begin(number, slot)
  }

  explain(): string {
    return this.#failure
  }

  #begin(number: number, slot: Slot): void {
    const { byteLength, offset, operation: what } = slot
    const whole = this.buffers[number] as Uint8Array
    const buffer = whole.byteLength === byteLength ? whole : whole.subarray(0, byteLength)
    slot.tries++
    const asked: Promise<unknown> =
      what === operation.read
        ? this.#volume.read(offset, buffer)
        : what === operation.write
          ? this.#volume.write(offset, buffer)
          : what === operation.trim
            ? this.#volume.discard(offset, byteLength)
            : this.#volume.flush()
    asked.then(slot.succeeded, slot.failed)
  }

  #failed(number: number, error: unknown): void {
    const slot = this.#slots[number] as Slot
    if (isDeadWorker(error) && slot.tries < triesMax)
      return void setTimeout(() => this.#begin(number, slot), tryEveryMs)
    this.#failure = error instanceof Error ? error.message : String(error)
    this.onEnd(number, (error instanceof CowringError && error.facts.errno) || noErrno)
  }
}

/** For requests that are not a lane's: asks again in the same way. */
export async function askAgain<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!isDeadWorker(error) || tries === triesMax) throw error
      await new Promise((resolve) => setTimeout(resolve, tryEveryMs))
    }
  }
}

const isDeadWorker = (error: unknown): boolean => error instanceof CowringError && error.code === 'WORKER_DIED'
