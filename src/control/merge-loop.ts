/**
 * The loop of a merge: window after window from the end of the list, until the store is empty, the merge is ended, or a step
 * fails. Each window goes through its steps in the workers (workers/merge-steps.ts); here is their order, and what becomes of
 * a failure.
 *
 * A window enters the gate of the merging device, like a request: whoever suspends the device, or changes anything about its
 * family, waits for the window in hand and finds the merge at rest behind it.
 */
import { assert, present } from '../base/assert.js'
import { errnoName } from '../base/errno-name.js'
import { CowringError } from '../base/errors.js'
import type { Machinery } from '../coordinator/machinery.js'
import { Steps } from '../coordinator/steps.js'
import { MergeWindow, mergeFault, windowEnd, windowMax } from '../shm/merge-window.js'
import { extentBytesMax, operation } from '../wire/operation.js'
import type { LoadedStore } from './load-store.js'
import type { Merge } from './merge.js'
import { MergePace } from './merge-pace.js'
import type { StoreInstance } from './store-instance.js'

/** A slice is what one worker is given at a time: as much as one entry of a ring can be, but every worker gets some. */
const sliceBytesMax = extentBytesMax
const sliceBytesMin = 2 ** 16
/** Slices that a worker has before it: one to work on and one for when that is done, so that the faster one does more. */
const slicesPerWorker = 2

export interface MergeLoopParts {
  readonly merge: Merge
  readonly store: LoadedStore
  readonly window: SharedArrayBuffer
  readonly onEnd: (failure: CowringError | undefined) => void
}

export class MergeLoop {
  readonly merge: Merge
  readonly #machinery: Machinery
  readonly #instance: StoreInstance
  readonly #store: LoadedStore
  readonly #window: MergeWindow
  readonly #pace: MergePace
  readonly #steps: Steps[]
  readonly #total: number
  /** Called once, when everything is merged or a step has failed. */
  readonly #onEnd: (failure: CowringError | undefined) => void
  #turn = 0
  #isDone = false
  /** At most so many exceptions in a window: few again after a step failed, to find out which chunk is to blame. */
  #countMax = windowMax

  constructor(machinery: Machinery, instance: StoreInstance, { merge, onEnd, store, window }: MergeLoopParts) {
    this.merge = merge
    this.#machinery = machinery
    this.#instance = instance
    this.#store = store
    this.#window = new MergeWindow(window)
    this.#pace = new MergePace(merge.limits, machinery.latencyWatch())
    const { family } = instance.plan
    this.#steps = Array.from({ length: machinery.workerCount }, (_, worker) =>
      Steps.of(machinery.client, family.volume, worker),
    )
    this.#total = this.#left * this.#chunkBytes
    this.#onEnd = onEnd
  }

  /**
   * True while the merge is under way and its list ends with a full area, none of whose entries is cleared. As in the kernel,
   * which has stepped back to that area then, the status counts one area less.
   */
  get hasSteppedBack(): boolean {
    const isUnderWay = !this.merge.hasEnded && !this.#instance.plan.owner.suspended
    return isUnderWay && this.#left > 0 && this.#left % this.#store.geometry.entriesPerArea === 0
  }

  /** Its target goes away; the device is at rest. What is done is the business of whoever waits for it. */
  stop(): void {
    if (this.#isDone) return
    const { name } = this.#instance.plan.owner
    const text = `${name} was closed, or has another table, before its merge was done: open or load it again, and it goes on`
    this.merge.fail(new CowringError('DEVICE_CLOSED', text, { device: name }))
  }

  /** Merges to the end; never rejects. */
  async run(): Promise<void> {
    const { gate } = this.#instance.plan.owner
    this.#report()
    while (await this.merge.mayGoOn()) {
      await gate.enter()
      let waitMs = 0
      try {
        if (this.#instance.isLost || !this.#instance.isAttached) {
          this.stop()
          return
        }
        if (this.merge.state !== 'running') continue
        if (this.#left === 0) break
        this.merge.setBusy(true)
        waitMs = await this.#timedWindow()
      } catch (error) {
        this.#fail(error)
        return
      } finally {
        this.merge.setBusy(false)
        gate.leave()
      }
      this.#report()
      if (waitMs > 0 && this.#left > 0) await this.merge.sleep(waitMs)
    }
    if (this.merge.hasEnded) return
    assert(this.#left === 0, 'a merge is done when nothing is left in its store')
    this.#isDone = true
    this.#onEnd(undefined)
    await this.merge.complete()
  }

  get #left(): number {
    return this.#store.cursor.committed()
  }

  get #chunkBytes(): number {
    return this.#store.geometry.chunkBytes
  }

  #report(): void {
    const done = this.#total - this.#left * this.#chunkBytes
    if (done > 0) this.#instance.hasMerged = true
    this.merge.report(done, this.#total)
  }

  async #timedWindow(): Promise<number> {
    const before = this.#left
    const startMs = performance.now()
    this.#pace.limits = this.merge.limits
    await this.#mergeWindow()
    const nowMs = performance.now()
    return this.#pace.after((before - this.#left) * this.#chunkBytes, nowMs - startMs, nowMs)
  }

  async #mergeWindow(): Promise<void> {
    const end = this.#left
    const wanted = Math.max(1, Math.min(this.#countMax, Math.floor(this.#pace.windowBytes / this.#chunkBytes)))
    const { nested } = this.#instance.plan.family
    try {
      if (nested > 0) await this.#oneStep(operation.mergeAtOnce, end, Math.min(wanted, this.#countAtOnce))
      else await this.#stepByStep(end, wanted)
      this.#countMax = Math.min(windowMax, this.#countMax * 2)
    } catch (error) {
      await this.#giveUp(error)
    }
  }

  get #countAtOnce(): number {
    return Math.max(1, Math.floor(extentBytesMax / this.#chunkBytes))
  }

  async #stepByStep(end: number, countMax: number): Promise<void> {
    if (this.#hasSiblings) {
      await this.#oneStep(operation.mergeGather, end, countMax)
      await this.#allSlices(operation.mergeSave)
      await this.#oneStep(operation.mergeHold, 0, 1)
    } else await this.#oneStep(operation.mergeHold, end, countMax)
    await this.#allSlices(operation.mergeCopy)
    await this.#oneStep(operation.mergeCommit, 0, 1)
  }

  get #hasSiblings(): boolean {
    return this.#instance.plan.family.active.length > 1
  }

  /**
   * A step failed: the keys are freed. A window of several chunks that could not be copied is tried again in smaller ones, so
   * that everything above the chunk that is to blame is merged; any other failure is the merge's.
   */
  async #giveUp(error: unknown): Promise<void> {
    const { fault } = this.#window
    const isCopy = fault === mergeFault.copyReadFailed || fault === mergeFault.copyWriteFailed
    const goesOn = isCopy && this.#window.count > 1
    const uncertain = fault === mergeFault.storeWriteFailed
    const end = goesOn ? windowEnd.open : uncertain ? windowEnd.uncertain : windowEnd.failed
    await this.#oneStep(operation.mergeLetGo, end, 1)
    if (!goesOn) throw error
    this.#countMax = Math.ceil(this.#window.count / 4)
  }

  /** A step of the worker whose turn it is; by another one if that dies. */
  async #oneStep(asked: number, start: number, length: number, turn = this.#turn++): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#stepsOf(turn + attempt).take(asked, start, length)
      } catch (error) {
        if (!isDeath(error) || this.#machinery.client.failed) throw error
      }
    }
  }

  /** A power of two, so that a chunk is a number of slices or a slice a number of chunks. */
  get #sliceBytes(): number {
    const share = (this.#window.count * this.#chunkBytes) / (this.#steps.length * slicesPerWorker)
    return Math.min(sliceBytesMax, Math.max(sliceBytesMin, 2 ** Math.floor(Math.log2(share))))
  }

  /** A step over the whole window, in slices, by all workers. Ends when all have ended. */
  async #allSlices(asked: number): Promise<void> {
    const slices = slicesOf(this.#window, this.#chunkBytes, this.#sliceBytes)
    let next = 0
    const takeSlices = async (turn: number): Promise<void> => {
      for (let slice = slices[next++]; slice !== undefined; slice = slices[next++]) {
        const [from, end] = slice
        await this.#oneStep(asked, from, end - from, turn)
      }
    }
    const takers = Array.from({ length: this.#steps.length * slicesPerWorker }, (_, turn) => takeSlices(turn))
    for (const outcome of await Promise.allSettled(takers)) if (outcome.status === 'rejected') throw outcome.reason
  }

  #stepsOf(turn: number): Steps {
    const { worker } = this.#instance.plan.family.route
    return present(this.#steps[worker >= 0 ? worker : turn % this.#steps.length], 'the steps of a worker')
  }

  #fail(error: unknown): void {
    const { plan } = this.#instance
    const what = `merging ${plan.cow.name} into ${plan.owner.name} failed`
    if (this.#window.fault === mergeFault.none || !(error instanceof CowringError)) {
      this.#instance.mergeFailure = new CowringError('WORKER_DIED', `${what}: its steps cannot be taken`, {}, error)
    } else {
      const cause = faultText(this.#window.fault, this.#window.faultChunk, error.facts.errno)
      const advice = 'what was not merged is still in its store; mend what failed, then load it and merge again'
      const facts = { device: plan.owner.name, chunk: this.#window.faultChunk, ...error.facts, reason: cause }
      const code = this.#window.fault === mergeFault.corrupt ? 'STORE_CORRUPT' : 'IO_ERROR'
      this.#instance.mergeFailure = new CowringError(code, `${what}: ${cause}; ${advice}`, facts, error)
    }
    this.#onEnd(this.#instance.mergeFailure)
    this.merge.fail(this.#instance.mergeFailure)
  }
}

/** Stretches of a window's bytes, its last runs first: short runs together, a long one in parts. */
export function slicesOf(window: MergeWindow, chunkBytes: number, sliceBytes: number): [from: number, end: number][] {
  const slices: [number, number][] = []
  for (let end = window.count; end > 0; ) {
    let from = startOfRun(window, end - 1)
    while (from > 0) {
      const before = startOfRun(window, from - 1)
      if ((end - before) * chunkBytes > sliceBytes) break
      from = before
    }
    for (let at = from * chunkBytes; at < end * chunkBytes; at += sliceBytes) {
      slices.push([at, Math.min(end * chunkBytes, at + sliceBytes)])
    }
    end = from
  }
  return slices
}

function startOfRun(window: MergeWindow, index: number): number {
  let first = index
  while (first > 0 && window.continuesRun(first)) first--
  return first
}

const isDeath = (error: unknown): boolean => error instanceof CowringError && error.code === 'WORKER_DIED'

/** The kernel's words, and ours behind. */
function faultText(fault: number, chunk: number, errno = 0): string {
  const answer = errno === 0 ? '' : ` (${errnoName(errno)})`
  switch (fault) {
    case mergeFault.copyReadFailed:
      return `Read error: shutting down merge: chunk ${chunk} cannot be read from its store${answer}`
    case mergeFault.copyWriteFailed:
      return `Write error: shutting down merge: chunk ${chunk} of the origin cannot be written${answer}`
    case mergeFault.originFlushFailed:
      return `Flush after merge failed: shutting down merge${answer}`
    case mergeFault.storeReadFailed:
      return `Read error in exception store: shutting down merge${answer}`
    case mergeFault.corrupt:
      return `Corruption detected: exception for block ${chunk} is on disk but not in memory`
    default:
      return `Write error in exception store: shutting down merge${answer}`
  }
}
