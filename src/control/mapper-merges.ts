/**
 * Merging by name: what `mapper.merge` and `mapper.merging` find, begin, go on with, and put away when it is done.
 *
 * Requires: changes one after the other, which `change` sees to.
 */
import { present } from '../base/assert.js'
import type { Device } from './device.js'
import type { DeviceLife } from './device-life.js'
import type { DeviceList } from './device-list.js'
import type { MappedDevice } from './mapped-device.js'
import { Merge, type MergeOptions, type MergeUnderWay } from './merge.js'
import { type MergePair, mergingOn, pairFor, startMerge, swapTable } from './merge-swap.js'
import { invalid } from './refusal.js'
import type { StoreInstance } from './store-instance.js'

type Change = <Result>(act: () => Promise<Result>) => Promise<Result>

export class MapperMerges {
  readonly #life: DeviceLife
  readonly #devices: DeviceList
  readonly #change: Change
  /** What was swapped for a merge and is to be swapped back, by the snapshot's device. */
  readonly #pairs = new WeakMap<MappedDevice, MergePair & { readonly cow: Device }>()

  constructor(life: DeviceLife, devices: DeviceList, change: Change) {
    this.#life = life
    this.#devices = devices
    this.#change = change
  }

  /** Begins to merge a snapshot; or goes on with what is under way on its origin's device. `refuseHeld` is asked for both. */
  async merge(device: MappedDevice, options: MergeOptions, refuseHeld: (device: MappedDevice) => void): Promise<Merge> {
    refuseHeld(device)
    const merging = this.#mergingFor(device)
    if (merging !== undefined) return this.#goOn(merging, options)
    const pair = pairFor(device)
    refuseHeld(pair.origin)
    const merge = new Merge(options)
    // Before it begins: a snapshot that holds little is merged before this change is made.
    this.#follow(merge, pair)
    await startMerge(this.#life, pair, { merge, meanwhile: 'error' })
    const { cow } = present(mergingOn(pair.origin), 'the merge is live').plan
    this.#pairs.set(pair.snapshot, { ...pair, cow })
    return merge
  }

  /** As `mapper.merging`. */
  underWay(device: MappedDevice): MergeUnderWay | undefined {
    const instance = this.#mergingFor(device)
    const merge = instance?.loop?.merge
    if (instance === undefined || merge === undefined) return undefined
    const { owner } = instance.plan
    return { merge, origin: owner.name, snapshot: this.#pairOf(owner)?.snapshot.name }
  }

  async #goOn(instance: StoreInstance, options: MergeOptions): Promise<Merge> {
    const last = instance.loop?.merge
    const { owner } = instance.plan
    if (last === undefined)
      throw invalid('merge', owner.name, 'it was loaded to be read only, or its store is not valid')
    if (!last.hasEnded) {
      last.limits = { ...last.limits, ...options }
      last.resume()
      return last
    }
    if (last.state === 'merged') return last
    const merge = new Merge({ ...last.limits, ...options })
    const pair = this.#pairOf(owner)
    if (pair !== undefined) this.#follow(merge, pair)
    await this.#life.mergeOn(instance, merge)
    return merge
  }

  #follow(merge: Merge, pair: MergePair): void {
    merge.whenMerged = () => this.#change(() => this.#end(merge, pair))
  }

  /** Everything is merged: the origin is one again, unless somebody has given it another table meanwhile. */
  async #end(merge: Merge, { origin, snapshot }: MergePair): Promise<void> {
    this.#pairs.delete(snapshot)
    const instance = mergingOn(origin)
    if (instance?.loop?.merge !== merge) return
    const { family, sectors } = instance.plan
    await swapTable(this.#life, origin, `0 ${sectors} snapshot-origin ${family.device.number}`, {})
    const isThere = this.#devices.named(snapshot.name) === snapshot
    if (isThere && snapshot.openCount === 0) await this.#life.dismantle(snapshot)
  }

  #mergingFor(device: MappedDevice): StoreInstance | undefined {
    return mergingOn(this.#swapped(device)?.origin ?? device)
  }

  /** The pair of a snapshot's device, unless its merge was ended and another is under way on the origin by now. */
  #swapped(snapshot: MappedDevice): MergePair | undefined {
    const pair = this.#pairs.get(snapshot)
    return pair !== undefined && mergingOn(pair.origin)?.plan.cow === pair.cow ? pair : undefined
  }

  #pairOf(origin: MappedDevice): MergePair | undefined {
    return [...this.#devices].map((device) => this.#swapped(device)).find((pair) => pair?.origin === origin)
  }
}
