/**
 * The tables around a merge, as LVM2 swaps them: the origin's device gets a snapshot-merge and takes the snapshot's exceptions
 * over; afterwards it is an origin again, and the snapshot's device is gone.
 */
import { present } from '../base/assert.js'
import type { DeviceLife, OwnLoadOptions } from './device-life.js'
import type { MappedDevice } from './mapped-device.js'
import type { Merge } from './merge.js'
import { busy, invalid } from './refusal.js'
import type { StoreInstance } from './store-instance.js'

export interface MergePair {
  readonly snapshot: MappedDevice
  /** Whose live table is the snapshot-origin. */
  readonly origin: MappedDevice
}

export interface SwapOptions {
  readonly merge: Merge
  /** What the snapshot's device has meanwhile: errors, as LVM2 gives it, or what the origin shows. */
  readonly meanwhile: 'error' | 'origin'
  readonly isOwn?: true
  /** Both devices are drained, and the snapshot is good. What it throws ends the swap before it has begun. */
  readonly beforeSwap?: () => void
}

/** The pair of devices that merging a snapshot concerns. Fails with INVALID_ARGUMENT, DEVICE_BUSY. */
export function pairFor(snapshot: MappedDevice): MergePair {
  const instance = snapshotOn(snapshot)
  if (instance === undefined) {
    const isOrigin = snapshot.live?.targets[0]?.type === 'snapshot-origin'
    const reason = isOrigin
      ? 'nothing is being merged into it; name the device of a snapshot'
      : 'its table is not one snapshot that is in use'
    throw invalid('merge', snapshot.name, reason)
  }
  mustBeMergeable(instance, snapshot.name)
  const owners = [...instance.plan.family.originOwners]
  const [origin] = owners
  if (owners.length !== 1 || origin === undefined || origin.live?.targets.length !== 1) {
    const reason = `${owners.length === 1 ? 'a larger table has' : `${owners.length} devices are`} the snapshot-origin of it`
    throw invalid('merge', snapshot.name, `${reason}; load the table of the merge yourself`)
  }
  // The merge would make it a device that can be written.
  if (origin.readOnly) throw invalid('merge', snapshot.name, `${origin.name} has a read-only table`)
  if (origin.suspended || snapshot.suspended) throw busy('merge', snapshot.name, 'it or its origin is suspended')
  return { snapshot, origin }
}

/** Fails with INVALID_ARGUMENT, DEVICE_BUSY unless the snapshot could be merged. */
export function mustBeMergeable(instance: StoreInstance, name: string): void {
  const { family, spec } = instance.plan
  if (spec.store === 'N') throw invalid('merge', name, 'Snapshot exception store does not support snapshot-merge.')
  if (instance.state() === 'Invalid') throw invalid('merge', name, `it is invalid: ${instance.whyInvalid()}`)
  if ([...family.instances].some(({ plan }) => plan.merges)) throw busy('merge', name, 'A snapshot is already merging.')
}

/** Swaps the merge in. When it fails the devices have the tables they had. */
export async function startMerge(
  life: DeviceLife,
  { origin, snapshot }: MergePair,
  options: SwapOptions,
): Promise<void> {
  const { beforeSwap, isOwn, meanwhile, merge } = options
  const own = isOwn === true ? { isOwn } : {}
  const instance = present(snapshotOn(snapshot), 'the snapshot is live')
  const { sectors } = present(origin.live, 'the origin is live')
  const words = snapshot.live?.tableText().split(' ').slice(3) ?? []
  const { durability } = instance.plan
  const load: OwnLoadOptions = { ...own, merge, durability: durability === 'none' ? 'power-loss' : durability }
  await life.suspend(origin, false)
  await life.suspend(snapshot, false)
  try {
    // Once more: a write that was in flight may have found it full.
    mustBeMergeable(instance, snapshot.name)
    beforeSwap?.()
    await life.load(origin, ['0', sectors, 'snapshot-merge', ...words].join(' '), load)
  } catch (error) {
    await life.resume(snapshot)
    await life.resume(origin)
    throw error
  }
  await life.resume(origin)
  const shown = meanwhile === 'error' ? 'error' : `linear ${origin.number} 0`
  await life.load(snapshot, `0 ${snapshot.live?.sectors ?? sectors} ${shown}`, { ...own, readOnly: true })
  await life.resume(snapshot)
}

/** Gives a device another live table, with its requests waiting meanwhile. */
export async function swapTable(
  life: DeviceLife,
  device: MappedDevice,
  table: string,
  options: OwnLoadOptions,
): Promise<void> {
  await life.suspend(device, false)
  try {
    await life.load(device, table, options)
  } finally {
    await life.resume(device)
  }
}

/** The snapshot that is a device's whole table, in use. */
function snapshotOn(device: MappedDevice): StoreInstance | undefined {
  const [target, ...others] = device.live?.targets ?? []
  const isIt = target?.type === 'snapshot' && others.length === 0 && target.instance.isAttached
  return isIt ? target.instance : undefined
}

/** The merge that a device's live table is about. */
export const mergingOn = (device: MappedDevice): StoreInstance | undefined =>
  device.live?.instances.find(({ plan }) => plan.merges)
