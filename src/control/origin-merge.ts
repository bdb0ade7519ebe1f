/**
 * The merge of an origin: which of its snapshots is being merged, or was until the merge was cancelled or failed; how it begins,
 * goes on and ends, and what the origin remembers of it.
 */
import { CowringError } from '../base/errors.js'
import { wipeCow } from './cow-policy.js'
import { Merge, type MergeOptions } from './merge.js'
import { mustBeMergeable } from './merge-swap.js'
import type { OriginDevices } from './origin-devices.js'
import type { Snapshot } from './snapshot.js'

/** What a merge needs of its origin. */
export interface MergingOrigin {
  readonly name: string
  readonly snapshots: readonly Snapshot[]
  mustBeOpen(): void
  /** Fails with READ_ONLY. */
  mustBeWritable(): void
  /** Changes of the set of snapshots, one after the other. */
  change<Result>(act: () => Promise<Result>): Promise<Result>
  /** Saves the list of snapshots, as it is or without one of them. Fails with IO_ERROR. */
  remember(without?: Snapshot): void
  /** The same after a failure, which is the error to report. */
  rememberAgain(): void
  forget(snapshot: Snapshot): void
}

interface Current {
  readonly snapshot: Snapshot
  readonly merge: Merge
  /** Its tables are about to be swapped in, with nothing in flight: what a crash leaves from here on is a merge. */
  hasBegun: boolean
  /** It was cancelled: it does not go on by itself when the origin is opened again. */
  isStopped: boolean
}

export class OriginMerge {
  readonly #origin: MergingOrigin
  readonly #devices: OriginDevices
  #current: Current | undefined

  constructor(origin: MergingOrigin, devices: OriginDevices) {
    this.#origin = origin
    this.#devices = devices
  }

  /** How the origin remembers the merge of a snapshot. */
  markOf(snapshot: Snapshot): 'running' | 'stopped' | undefined {
    if (this.#current?.snapshot !== snapshot || !this.#current.hasBegun) return undefined
    return this.#current.isStopped ? 'stopped' : 'running'
  }

  /** Fails with DEVICE_BUSY while the merge of a snapshot, any or this one, is not done. `what` has to wait. */
  refuse(what: string, snapshot = this.#current?.snapshot): void {
    if (this.#current === undefined || this.#current.snapshot !== snapshot) return
    const { merge } = this.#current
    const { name } = this.#origin
    const text = merge.hasEnded
      ? `the merge of ${snapshot.name} into ${name} ${merge.state === 'failed' ? 'has failed' : 'was cancelled'}; merge it to its end before ${what}`
      : `${snapshot.name} is being merged into ${name}; wait until that is done before ${what}`
    throw new CowringError('DEVICE_BUSY', text, { device: name, snapshot: snapshot.name })
  }

  /** As `snapshot.merge()`, which says more. */
  merge(snapshot: Snapshot, options: MergeOptions): Merge {
    const origin = this.#origin
    origin.mustBeOpen()
    const last = this.#current
    if (last !== undefined && last.snapshot !== snapshot) this.refuse('another can be merged')
    origin.mustBeWritable()
    if (last !== undefined && !last.merge.hasEnded) {
      last.merge.limits = { ...last.merge.limits, ...options }
      last.merge.resume()
      return last.merge
    }
    const merge = new Merge({ ...last?.merge.limits, ...options })
    const current = { snapshot, merge, hasBegun: last !== undefined, isStopped: false }
    this.#become(current)
    // From here on, so that what is submitted after this call meets the merge.
    const gates = [this.#devices.device.gate, snapshot.parts.device.gate]
    for (const gate of gates) void gate.hold()
    merge.setBusy(true)
    void origin.change(async () => {
      try {
        await this.#begin(current)
      } catch (error) {
        this.#current = last
        snapshot.becomeMerging(last?.merge)
        if (last === undefined) snapshot.showOn(undefined)
        origin.rememberAgain()
        merge.fail(error instanceof Error ? error : new Error(String(error)))
      } finally {
        merge.setBusy(false)
        for (const gate of gates) gate.open()
      }
    })
    return merge
  }

  /** A merge that was not done when the origin was closed; its table is about to become live. */
  adopt(snapshot: Snapshot, merge: Merge): void {
    this.#become({ snapshot, merge, hasBegun: true, isStopped: merge.state === 'cancelled' })
    snapshot.showOn(this.#devices.device)
  }

  /** What the handle shows of a merge that was adopted. */
  async show(snapshot: Snapshot): Promise<void> {
    const { device, mapper, sectors } = this.#devices
    const { name } = snapshot.parts.device
    await mapper.load(name, `0 ${sectors} linear ${device.number} 0`, { isOwn: true, readOnly: true })
    await mapper.resume(name)
  }

  /** The origin is closed. One that was opened to be read merges nothing, and nobody else says that it is over. */
  close(): void {
    const { name } = this.#origin
    const text = `${name} was closed before its merge was done: open it for writing, and it goes on`
    const last = this.#current
    // Who cancels it now has nothing to remember: the list of a closed origin is empty.
    this.#current = undefined
    last?.merge.fail(new CowringError('DEVICE_CLOSED', text, { device: name }))
  }

  #become(current: Current): void {
    const { merge, snapshot } = current
    this.#current = current
    snapshot.becomeMerging(merge)
    merge.whenCancelled = () =>
      this.#origin.change(async () => {
        // Who only reads remembers nothing, and would forget what could not be attached for reading.
        this.#origin.mustBeWritable()
        // It may not have begun after all, or have been done a moment ago; then another one may be under way.
        if (this.#current?.merge !== merge) return
        this.#current.isStopped = true
        this.#origin.remember()
      })
    merge.whenMerged = () => this.#origin.change(() => this.#end(snapshot))
  }

  async #begin(current: Current): Promise<void> {
    const { merge, snapshot } = current
    const { device, mapper } = this.#devices
    this.#origin.mustBeOpen()
    snapshot.mustBeOpen()
    const { instance, parts } = snapshot
    if (instance.plan.merges) {
      this.#origin.remember()
      await mapper.goOnHeldMerge(instance, merge)
      return
    }
    mustBeMergeable(instance, snapshot.name)
    snapshot.showOn(device)
    await mapper.startHeldMerge({ snapshot: parts.device, origin: device }, merge, () => {
      current.hasBegun = true
      this.#origin.remember()
    })
  }

  /** Everything is merged: the origin is an origin again, and the snapshot is gone. */
  async #end(snapshot: Snapshot): Promise<void> {
    const devices = this.#devices
    const { cow, device } = snapshot.parts
    this.#origin.mustBeOpen()
    const isLast = this.#origin.snapshots.length === 1
    await devices.suspended(async () => {
      await devices.load(isLast ? devices.plainLine : devices.originLine)
      try {
        // Before the swap, so that a crash finds either a merge with nothing left to do, or an origin without one.
        this.#origin.remember(snapshot)
      } catch (error) {
        await devices.clear()
        throw error
      }
      snapshot.becomeMerged()
    })
    this.#current = undefined
    this.#origin.forget(snapshot)
    // Who has it open goes on reading the origin.
    await devices.mapper.giveUp(device)
    try {
      await devices.dropRealIfUnused()
      await wipeCow(devices.machinery, cow)
    } finally {
      devices.letGo(cow, false)
    }
  }
}
