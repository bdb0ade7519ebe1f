/** One run: a plan, its operations in order, and a last look at everything. */
import { Random } from '../support/model-random.js'
import { stopWatching, watchRules } from './checkers.js'
import { Controls } from './controls.js'
import type { Operation, OperationOf, RunPlan } from './operations.js'
import { Violation } from './oracle.js'
import { Reopening } from './reopening.js'
import { Requests } from './requests.js'
import { isLie } from './system/faults.js'
import { become } from './system/interpose.js'
import { originName, World } from './world.js'

export interface RunCounts {
  operations: number
  answers: number
  crashes: number
  faults: number
  kills: number
  merges: number
}

export const noCounts = (): RunCounts => ({ operations: 0, answers: 0, crashes: 0, faults: 0, kills: 0, merges: 0 })

export function addCounts(sum: RunCounts, counts: RunCounts): void {
  for (const name of Object.keys(sum) as (keyof RunCounts)[]) sum[name] += counts[name]
}

export interface RunOutcome {
  readonly counts: RunCounts
  /** What was wrong, and after which operation. */
  readonly failure: { readonly message: string; readonly operation: number } | undefined
  /** Of everything that the disks were asked to do: equal for equal runs. */
  readonly digest: number
}

export async function run(plan: RunPlan, operations: readonly Operation[]): Promise<RunOutcome> {
  return await new Simulation(plan).run(operations)
}

class Simulation {
  readonly #world: World
  readonly #requests: Requests
  readonly #controls: Controls
  readonly #reopening: Reopening
  readonly #plan: RunPlan
  readonly #counts = noCounts()

  constructor(plan: RunPlan) {
    this.#plan = plan
    this.#world = new World(plan)
    this.#requests = new Requests(this.#world)
    this.#controls = new Controls(this.#world)
    this.#reopening = new Reopening(this.#world, this.#controls, this.#requests)
  }

  async run(operations: readonly Operation[]): Promise<RunOutcome> {
    const world = this.#world
    world.become()
    watchRules(world)
    let at = -1
    const stray = (error: unknown): void => {
      // What is left of a crashed engine may find nobody to tell.
      if (!world.hasCrashed && !(error instanceof Error && error.message.includes('EBADF'))) world.violation ??= error
    }
    process.on('unhandledRejection', stray)
    process.on('uncaughtException', stray)
    try {
      this.#drawSchedule(-1)
      await this.#reopening.open()
      for (const operation of operations) {
        at = operation.id
        await this.#take(operation)
      }
      at = Number.MAX_SAFE_INTEGER
      this.#drawSchedule(at)
      await this.#end()
      return this.#outcome(undefined)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const message = error instanceof Violation ? error.message : (error.stack ?? error.message)
      return this.#outcome({ message, operation: at })
    } finally {
      world.schedule.clear()
      world.files.isAlive = false
      world.files.endProcess()
      await world.schedule.drain()
      process.off('unhandledRejection', stray)
      process.off('uncaughtException', stray)
      become(undefined)
      stopWatching()
    }
  }

  async #take(operation: Operation): Promise<void> {
    const world = this.#world
    this.#counts.operations++
    this.#drawSchedule(operation.id)
    await this.#do(operation)
    if (!world.hasCrashed) await world.schedule.run(operation.pause)
    while (world.hasCrashed) await this.#reopening.afterCrash()
    if (world.violation !== undefined) throw world.violation
    const { inFlightMax } = this.#plan
    // Nothing goes on through what is suspended.
    if (this.#controls.isSuspended) return
    const isBelow = await world.schedule.until(
      () => this.#requests.inFlight < inFlightMax || world.hasCrashed || world.violation !== undefined,
    )
    if (!isBelow) throw new Violation(`${this.#requests.inFlight} requests were never answered`)
    while (world.hasCrashed) await this.#reopening.afterCrash()
  }

  async #do(operation: Operation): Promise<void> {
    const world = this.#world
    const controls = this.#controls
    switch (operation.kind) {
      case 'write':
      case 'read':
      case 'zero':
      case 'discard':
      case 'flush':
        if (this.#requests.inFlight < 200) await world.schedule.submit(() => this.#requests.ask(operation))
        await controls.passed(false)
        return
      case 'kill-worker': {
        const thread = world.schedule.threads[Math.floor(operation.worker * world.schedule.threads.length)]
        if (thread === undefined) return
        this.#counts.kills++
        if (operation.at === 'step') thread.endsAfter = operation.after
        else world.files.before(operation.at, operation.after, () => world.schedule.endRunning())
        return
      }
      case 'crash':
        world.nextCrashCutsPower = operation.cutsPower
        if (operation.at === 'step') world.schedule.crashesAfter = operation.after
        else world.files.before(operation.at, operation.after, () => world.crash())
        return
      case 'fault':
        this.#addFault(operation)
        return
      case 'heal':
        world.healAll()
        return
      case 'extend':
        controls.extend(operation)
        return
    }
    await controls.passed(true)
    if (world.hasCrashed) return
    switch (operation.kind) {
      case 'take':
        return await controls.take(operation)
      case 'remove':
        return await controls.remove(operation)
      case 'suspend':
        return await controls.suspend(operation)
      case 'reload':
        return await controls.reload(operation)
      case 'merge':
        this.#counts.merges++
        return await controls.merge(operation)
      case 'merge-pause':
      case 'merge-resume':
      case 'merge-cancel':
      case 'merge-end':
        return await controls.steerMerge(operation.kind)
      case 'reopen':
        return await this.#reopening.closeAndOpen()
      case 'compare':
        return await this.#reopening.compare()
    }
  }

  /** Everything is mended, every request answered, every merge done; then all is closed, opened once more and looked at. */
  async #end(): Promise<void> {
    const world = this.#world
    world.schedule.crashesAfter = Number.POSITIVE_INFINITY
    world.files.forgetMoments()
    world.healAll()
    await this.#controls.passed(true)
    await this.#reopening.compare()
    await this.#controls.endMerge()
    await this.#reopening.compare()
    await this.#reopening.closeAndOpen()
    await this.#reopening.compare()
    if (world.hasCrashed) throw new Violation('the process ended, and nothing made it')
    await world.answer('the end', () => world.engine.close())
  }

  #addFault({ after, call, file: choice, misdeed, times }: OperationOf<'fault'>): void {
    const world = this.#world
    const names = [originName, ...world.snapshots.map(({ cow }) => cow)]
    const name = names[Math.floor(choice * names.length)] ?? originName
    const file = world.files.named(name)
    if (file === undefined) return
    this.#counts.faults++
    file.faults.add({ call, misdeed, after, times })
    const isHarmless = misdeed.kind === 'short' || misdeed.kind === 'interrupted' || misdeed.kind === 'slow'
    if (isHarmless) return
    const isOrigin = name === originName
    if (isOrigin) {
      world.isOriginExcused = true
      if (isLie(misdeed)) world.isOriginSuspect = true
    }
    for (const snapshot of world.snapshots) {
      if (!isOrigin && snapshot.cow !== name) continue
      snapshot.isExcused = true
      if (!isLie(misdeed)) continue
      snapshot.isSuspect = true
      // What a merge takes from it gets into the origin.
      if (snapshot.fate === 'merging') world.isOriginSuspect = true
    }
  }

  /** Each operation has choices of its own, so that leaving others out changes them little. */
  #drawSchedule(operation: number): void {
    this.#world.schedule.draw(
      new Random(Math.imul(this.#plan.seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(operation + 2, 0xc2b2ae35)),
    )
  }

  #outcome(failure: RunOutcome['failure']): RunOutcome {
    this.#counts.answers = this.#requests.answered
    this.#counts.crashes = this.#world.crashes
    return { counts: this.#counts, failure, digest: this.#world.files.digest }
  }
}
