/** The client's side of one worker's rings, by hand: submissions go in as a test makes them, completions are looked at. */
import { type ErrorCode, errorCodeOf } from '../../src/base/errors.js'
import type { ArenaAllocator } from '../../src/shm/arena.js'
import {
  CompletionEntries,
  completionField,
  RingConsumer,
  RingProducer,
  SubmissionEntries,
  submissionDouble,
  submissionField,
} from '../../src/shm/ring.js'
import { completionCapacity, type EngineMemory, submissionCapacity } from '../../src/wire/engine-memory.js'
import { movesBytes, type Operation, operation } from '../../src/wire/operation.js'

export interface SteppedRequest {
  /** `undefined` while in flight. */
  outcome: 'OK' | ErrorCode | undefined
  errno: number
  /** Of a read, once it is done. */
  bytes: Uint8Array
}

interface InFlight {
  readonly request: SteppedRequest
  readonly block: number
  readonly byteLength: number
}

export class SteppedLane {
  readonly #submissions: SubmissionEntries
  readonly #submissionRing: RingProducer
  readonly #completions: CompletionEntries
  readonly #completionRing: RingConsumer
  readonly #arena: Uint8Array
  readonly #allocator: ArenaAllocator
  readonly #inFlight = new Map<number, InFlight>()
  #nextTicket = 0

  constructor(memory: EngineMemory, worker: number, allocator: ArenaAllocator) {
    const submissions = memory.submissions[worker] as SharedArrayBuffer
    const completions = memory.completions[worker] as SharedArrayBuffer
    this.#submissions = new SubmissionEntries(submissions, submissionCapacity)
    this.#submissionRing = new RingProducer(submissions, submissionCapacity)
    this.#completions = new CompletionEntries(completions, completionCapacity)
    this.#completionRing = new RingConsumer(completions, completionCapacity)
    this.#arena = new Uint8Array(memory.arena)
    this.#allocator = allocator
  }

  write(volume: number, byteOffset: number, bytes: Uint8Array): SteppedRequest {
    return this.#submit(operation.write, volume, byteOffset, bytes.length, bytes)
  }

  read(volume: number, byteOffset: number, byteLength: number): SteppedRequest {
    return this.#submit(operation.read, volume, byteOffset, byteLength)
  }

  flush(volume: number): SteppedRequest {
    return this.#submit(operation.flush, volume, 0, 0)
  }

  /** A discard or a zeroing: no bytes, so no block of the arena. */
  range(asked: Operation, volume: number, byteOffset: number, byteLength: number): SteppedRequest {
    return this.#submit(asked, volume, byteOffset, byteLength)
  }

  /** Settles what the worker has answered. */
  collect(): void {
    const { words } = this.#completions
    while (this.#completionRing.waiting() > 0) {
      const base = this.#completions.wordBase(this.#completionRing.slot())
      const ticket = words[base + completionField.ticket] as number
      const found = this.#inFlight.get(ticket)
      if (found === undefined) throw new Error(`ticket ${ticket} was answered twice or never asked`)
      const { block, byteLength, request } = found
      this.#inFlight.delete(ticket)
      request.outcome = errorCodeOf(words[base + completionField.status] as number) ?? 'OK'
      request.errno = words[base + completionField.errno] as number
      request.bytes = this.#arena.slice(block, block + byteLength)
      this.#allocator.release(block)
      this.#completionRing.take()
    }
    this.#completionRing.giveBack()
  }

  #submit(asked: number, volume: number, byteOffset: number, byteLength: number, bytes?: Uint8Array): SteppedRequest {
    const blockBytes = movesBytes(asked) ? byteLength : 0
    const block = this.#allocator.allocate(Math.max(blockBytes, 1))
    if (bytes !== undefined) this.#arena.set(bytes, block)
    const ticket = this.#nextTicket++
    const request: SteppedRequest = { outcome: undefined, errno: 0, bytes: new Uint8Array(0) }
    this.#inFlight.set(ticket, { request, block, byteLength: blockBytes })
    const slot = this.#submissionRing.claim()
    if (slot < 0) throw new Error('the ring is full; take turns')
    const { doubles, words } = this.#submissions
    const word = this.#submissions.wordBase(slot)
    words[word + submissionField.operation] = asked
    words[word + submissionField.volume] = volume
    words[word + submissionField.ticket] = ticket
    words[word + submissionField.byteLength] = byteLength
    words[word + submissionField.arenaOffset] = block
    const double = this.#submissions.doubleBase(slot)
    doubles[double + submissionDouble.byteOffset] = byteOffset
    doubles[double + submissionDouble.submittedMs] = performance.now()
    this.#submissionRing.push()
    this.#submissionRing.publish()
    return request
  }
}
