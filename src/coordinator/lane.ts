/**
 * A lane: one worker's two rings, seen from the client. Pushes become visible to the worker when they are published (R1).
 */
import { present } from '../base/assert.js'
import {
  CompletionEntries,
  completionField,
  RingConsumer,
  RingProducer,
  SubmissionEntries,
  submissionDouble,
  submissionField,
} from '../shm/ring.js'
import type { Signals } from '../shm/signals.js'
import { completionCapacity, type EngineMemory, submissionCapacity } from '../wire/engine-memory.js'

/** Pushes that are published together at most: a worker starts on the first of a long batch while the rest is pushed. */
const publishEvery = 32

export class Lane {
  /** False while the worker is being replaced. */
  up = true
  readonly #worker: number
  readonly #signals: Signals
  readonly #submissions: SubmissionEntries
  readonly #submissionRing: RingProducer
  readonly #completions: CompletionEntries
  readonly #completionRing: RingConsumer
  #unpublished = 0

  constructor(worker: number, memory: EngineMemory, signals: Signals) {
    const submissions = present(memory.submissions[worker], 'submission ring')
    const completions = present(memory.completions[worker], 'completion ring')
    this.#worker = worker
    this.#signals = signals
    this.#submissions = new SubmissionEntries(submissions, submissionCapacity)
    this.#submissionRing = new RingProducer(submissions, submissionCapacity)
    this.#completions = new CompletionEntries(completions, completionCapacity)
    this.#completionRing = new RingConsumer(completions, completionCapacity)
  }

  hasRoom(): boolean {
    return this.up && this.#submissionRing.claim() >= 0
  }

  /** Pushes one extent; the caller has seen `hasRoom()`. */
  push(
    operation: number,
    volume: number,
    ticket: number,
    byteOffset: number,
    byteLength: number,
    arenaOffset: number,
    submittedMs: number,
  ): void {
    const slot = this.#submissionRing.claim()
    const { doubles, words } = this.#submissions
    const word = this.#submissions.wordBase(slot)
    words[word + submissionField.operation] = operation
    words[word + submissionField.volume] = volume
    words[word + submissionField.ticket] = ticket
    words[word + submissionField.byteLength] = byteLength
    words[word + submissionField.arenaOffset] = arenaOffset
    const double = this.#submissions.doubleBase(slot)
    doubles[double + submissionDouble.byteOffset] = byteOffset
    doubles[double + submissionDouble.submittedMs] = submittedMs
    this.#submissionRing.push()
    this.#unpublished++
    if (this.#unpublished >= publishEvery) this.publish()
  }

  /** Lets the worker see every push so far, and wakes it if it sleeps. */
  publish(): void {
    if (this.#unpublished === 0) return
    this.#unpublished = 0
    this.#submissionRing.publish() // R1
    this.#signals.workers[this.#worker]?.ringIfAsleep() // R3
  }

  hasNews(): boolean {
    return this.#completionRing.waiting() > 0
  }

  /** Hands every completion that waits to `finish`; how many there were. */
  drain(finish: (ticket: number, status: number, errno: number) => void): number {
    const count = this.#completionRing.waiting()
    const { words } = this.#completions
    for (let index = 0; index < count; index++) {
      const word = this.#completions.wordBase(this.#completionRing.slot())
      const ticket = words[word + completionField.ticket] as number
      const status = words[word + completionField.status] as number
      const errno = words[word + completionField.errno] as number
      this.#completionRing.take()
      finish(ticket, status, errno)
    }
    if (count > 0) this.#completionRing.giveBack()
    return count
  }
}
