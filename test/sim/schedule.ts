/**
 * Who goes on next: the coordinator's thread or one of the workers, drawn from the seed. Workers go step by step; at atomic operations
 * and system calls, whoever is at one may be interrupted by steps of other workers, as a thread that loses its processor is.
 *
 * Guarantees: the same seed and the same operations make the same choices.
 * Leaves out on purpose: an interrupted thread goes on only when those who interrupted it have ended their step.
 */
import type { StartWorker } from '../../src/coordinator/worker-thread.js'
import { Random } from '../support/model-random.js'
import { real } from './system/interpose.js'
import { SimulatedThread, ThreadEnded } from './system/simulated-thread.js'
import { Sleepers } from './system/sleepers.js'
import { VirtualTime } from './system/virtual-time.js'

/** Longer than anything sleeps that somebody rings for: whoever sleeps so long was forgotten. */
const forgottenMs = 50_000
const interruptedMax = 3
const yieldMs = 0.02
/** What one operation may take at most, in points: far more than it ever does. */
const pointsMax = 3_000_000

export class Stuck extends Error {}

export class Schedule {
  readonly time = new VirtualTime()
  readonly sleepers = new Sleepers(this.time)
  readonly threads: SimulatedThread[] = []
  random = new Random(0)
  onThread: (thread: SimulatedThread) => void = () => {}
  /** Called when the process is to end. */
  onCrash: () => void = () => {}
  isProcessAlive = true
  /** Points until the process ends. */
  crashesAfter = Number.POSITIVE_INFINITY
  #untilInterrupt = 0
  #interruptEvery = 40
  #depth = 0
  #isOff = true
  #points = 0
  #weights: number[] = []
  #mainWeight = 1

  readonly start: StartWorker = (start) => {
    const thread = new SimulatedThread(start, this.start)
    // What is left of a dead process starts nothing that runs.
    if (this.isProcessAlive) this.threads[start.worker] = thread
    this.onThread(thread)
    return thread
  }

  /** Draws how eager everybody is, and how often they are interrupted. */
  draw(random: Random): void {
    this.random = random
    this.#weights = Array.from({ length: 16 }, () => random.pick([1, 1, 1, 3, 0.1, 0.02]))
    this.#mainWeight = random.pick([1, 1, 3, 0.2])
    this.#interruptEvery = random.pick([5, 20, 20, 80, 400, 1_000_000])
    this.#untilInterrupt = random.int(1, this.#interruptEvery)
    this.#points = 0
  }

  /** The simulator is at work, not the engine. */
  get isQuiet(): boolean {
    return this.#isOff
  }

  /** Runs `act`, which belongs to the simulator: nobody goes on meanwhile. */
  quietly<Result>(act: () => Result): Result {
    const wasOff = this.#isOff
    this.#isOff = true
    try {
      return act()
    } finally {
      this.#isOff = wasOff
    }
  }

  /** At an atomic operation, or a system call. */
  point(): void {
    if (this.#isOff) return
    if (++this.#points > pointsMax) throw new Stuck(`one operation took more than ${pointsMax} steps`)
    if (--this.crashesAfter < 0) {
      this.crashesAfter = Number.POSITIVE_INFINITY
      this.onCrash()
    }
    const running = this.sleepers.running as SimulatedThread | undefined
    if (running !== undefined && --running.endsAfter < 0) throw new ThreadEnded()
    if (--this.#untilInterrupt > 0) return
    this.#untilInterrupt = this.random.int(1, this.#interruptEvery)
    if (this.#depth >= interruptedMax) return
    const thread = this.#pickThread()
    if (thread === undefined || thread.hasMail) return
    this.#depth++
    try {
      for (
        let step = this.random.int(1, this.random.pick([2, 6, 20]));
        step > 0 && canRun(thread) && !thread.hasMail;
        step--
      )
        this.#step(thread)
    } finally {
      this.#depth--
    }
  }

  /** The worker that runs now ends, in the middle of what it does. */
  endRunning(): void {
    if (this.sleepers.running !== undefined) throw new ThreadEnded()
  }

  yieldProcessor(): void {
    this.time.passTo(this.time.nowMs + yieldMs)
    this.point()
  }

  /** Lets so many things happen, as long as there is anything. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) if (!(await this.#one())) return
  }

  /** Until `isSo`, or until nobody has anything to do; then, whether it is so. */
  async until(isSo: () => boolean): Promise<boolean> {
    await this.drain()
    while (!isSo()) if (!(await this.#one())) return isSo()
    return true
  }

  /** Until nobody has anything to do but to wait for a while. */
  async settle(): Promise<void> {
    while (await this.#one(false));
  }

  /** What the coordinator's code has to do at once. */
  async drain(): Promise<void> {
    await new Promise((resolve) => real.setImmediate(resolve))
  }

  /** All threads are gone, and whatever anybody waited for. */
  clear(): void {
    for (const thread of this.threads) thread.hasEnded = true
    this.threads.length = 0
    this.time.clear()
    this.sleepers.clear()
    this.crashesAfter = Number.POSITIVE_INFINITY
  }

  async #one(mayWait = true): Promise<boolean> {
    const hasTask = this.time.hasTask()
    const thread = this.#pickThread(hasTask ? this.#mainWeight : 0)
    if (thread !== undefined) {
      this.#isOff = false
      try {
        this.#step(thread)
      } finally {
        this.#isOff = true
      }
      if (thread.hasEnded) await this.drain()
      return true
    }
    if (hasTask) {
      await this.#mainGoesOn(() => this.time.runTask())
      return true
    }
    return mayWait && this.#wait()
  }

  /** The coordinator's thread does something, and whatever follows from it at once. */
  async #mainGoesOn(act: () => void): Promise<void> {
    this.#isOff = false
    this.sleepers.running = undefined
    try {
      act()
      await this.drain()
    } finally {
      this.#isOff = true
    }
  }

  /** As a caller of the engine: what it does begins in the coordinator's thread. */
  submit(act: () => void): Promise<void> {
    return this.#mainGoesOn(act)
  }

  /** Time passes until somebody wakes up; false if nobody will. */
  #wait(): boolean {
    const asleep = this.threads.filter((thread) => !thread.hasEnded && thread.asleepUntilMs !== undefined)
    const wakeMs = Math.min(this.time.nextTimerMs(), ...asleep.map(({ asleepUntilMs }) => asleepUntilMs ?? Infinity))
    if (wakeMs === Number.POSITIVE_INFINITY || wakeMs - this.time.nowMs > forgottenMs) return false
    this.time.passTo(wakeMs)
    for (const thread of asleep) if ((thread.asleepUntilMs ?? Infinity) <= wakeMs) this.sleepers.forget(thread)
    return true
  }

  #step(thread: SimulatedThread): void {
    const interrupted = this.sleepers.running
    this.sleepers.running = thread
    try {
      thread.step()
    } finally {
      this.sleepers.running = interrupted
    }
    if (thread.hasEnded) this.sleepers.forget(thread)
  }

  /** One of the threads that can go on; none, if the draw falls on the coordinator's. */
  #pickThread(mainWeight = 0): SimulatedThread | undefined {
    let total = mainWeight
    for (const thread of this.threads) if (canRun(thread)) total += this.#weights[thread.worker] as number
    if (total === mainWeight) return undefined
    let left = this.random.next() * total - mainWeight
    if (left < 0) return undefined
    for (const thread of this.threads) {
      if (!canRun(thread)) continue
      left -= this.#weights[thread.worker] as number
      if (left < 0) return thread
    }
    return undefined
  }
}

const canRun = (thread: SimulatedThread): boolean =>
  !thread.hasEnded && !thread.isInStep && thread.asleepUntilMs === undefined
