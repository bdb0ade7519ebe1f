/**
 * The coordinator's end of a seat on another thread: opens devices for it, passes on what only workers can do, and takes the
 * seat back when the thread gives it up or ends, however it ends.
 */
import { MessageChannel } from 'node:worker_threads'
import { CowringError, statusNumbers } from '../base/errors.js'
import type { DeviceVolume } from '../control/device-volume.js'
import type { Mapper } from '../control/mapper.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Steps } from '../coordinator/steps.js'
import { CallWords, callBytes } from '../shm/call-words.js'
import { stagingBytes } from './seat.js'
import type { CallAnswer, ForwardedRequest, SeatCall, SeatToken } from './seat-token.js'

/** A seat for one thread. Fails with LIMIT_EXCEEDED, ARENA_FULL. */
export function shareSeat(machinery: Machinery, mapper: Mapper, bufferBytes: number): SeatToken {
  const { port1, port2 } = new MessageChannel()
  const ownBytes = bufferBytes + stagingBytes
  const { ownOffset, start } = machinery.takeSeat(ownBytes, (frame) => port1.postMessage(frame))
  const calls = new SharedArrayBuffer(callBytes)
  const host = new SeatHost(machinery, mapper, new CallWords(calls), (answer) => port1.postMessage(answer))
  port1.on('message', (call: SeatCall) => {
    if (call.kind === 'leave') port1.close()
    else host.take(call)
  })
  // The thread has let go, or has ended, however that came about.
  port1.once('close', () => void host.end().then(() => machinery.freeSeat(start.worker)))
  port1.unref()
  return { port: port2, start, ownOffset, ownBytes, calls }
}

class SeatHost {
  readonly #machinery: Machinery
  readonly #mapper: Mapper
  readonly #words: CallWords
  readonly #answer: (answer: CallAnswer) => void
  readonly #opened = new Map<number, DeviceVolume>()
  #hasEnded = false
  /** What it has passed on: a worker may be at the seat's bytes until then. */
  #forwarding: Promise<void> = Promise.resolve()

  constructor(machinery: Machinery, mapper: Mapper, words: CallWords, answer: (answer: CallAnswer) => void) {
    this.#machinery = machinery
    this.#mapper = mapper
    this.#words = words
    this.#answer = answer
  }

  take(call: Exclude<SeatCall, { readonly kind: 'leave' }>): void {
    if (call.kind === 'forward') this.#forwarding = this.#forward(call)
    else if (call.kind === 'open') void this.#reply(call.id, () => this.#open(call.id, call.name, call.readOnly))
    else void this.#reply(call.id, () => this.#close(call.opened))
  }

  /** The thread has ended, or let go: what it had open is closed. Resolves when nobody is at the seat's bytes any more. */
  end(): Promise<void> {
    this.#hasEnded = true
    // A device that is gone by now, with the engine, needs no closing.
    for (const volume of this.#opened.values()) volume.close().catch(() => {})
    this.#opened.clear()
    return this.#forwarding
  }

  async #open(id: number, name: string, readOnly: boolean): Promise<Partial<CallAnswer>> {
    const volume = await this.#mapper.open(name, { readOnly })
    if (this.#hasEnded) await volume.close()
    else this.#opened.set(id, volume)
    return { opened: { device: volume.deviceNumber(), name, sizeBytes: volume.sizeBytes, readOnly: volume.readOnly } }
  }

  async #close(opened: number): Promise<Partial<CallAnswer>> {
    const volume = this.#opened.get(opened)
    this.#opened.delete(opened)
    await volume?.close()
    return {}
  }

  async #reply(id: number, act: () => Promise<Partial<CallAnswer>>): Promise<void> {
    try {
      this.#answer({ kind: 'answer', id, ...(await act()) })
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
      const { code, facts, message } = error
      this.#answer({ kind: 'answer', id, error: { code, facts, message } })
    }
  }

  async #forward(request: ForwardedRequest): Promise<void> {
    const route = this.#machinery.seats.routeOf(request.device)
    if (route === undefined) return this.#words.answer(statusNumbers.DEVICE_CLOSED, 0)
    const { arenaOffset, byteLength, byteOffset, operation } = request
    try {
      // The seat that waits for it has passed the device's gate.
      await new Steps(this.#machinery.client, route).take(operation, byteOffset, byteLength, arenaOffset)
      this.#words.answer(statusNumbers.OK, 0)
    } catch (error) {
      const isOperating = error instanceof CowringError
      this.#words.answer(
        statusNumbers[isOperating ? error.code : 'IO_ERROR'],
        isOperating ? (error.facts.errno ?? 0) : 0,
      )
    }
  }
}
