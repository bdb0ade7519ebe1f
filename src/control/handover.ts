/**
 * Handover: a snapshot target takes the exceptions over from another that has the same COW, so that a snapshot can be given
 * another table, or another device, without reading its store again.
 */
import { nextDataIndex } from '../format/geometry.js'
import { extendedMapMemory, highestNewChunk } from '../shm/exception-map.js'
import { faultErrno } from '../targets/table-fault.js'
import type { LoadedStore } from './load-store.js'
import type { MappedDevice } from './mapped-device.js'
import { refusal } from './refusal.js'
import type { Stack } from './stack.js'
import type { InstancePlan, StoreInstance } from './store-instance.js'

/** The one that has the exceptions and the one that waits for them. */
function pairOf({ plan }: StoreInstance): { source: StoreInstance; destination: StoreInstance } | undefined {
  const sharing = [...plan.family.instances].filter((other) => other.plan.cow === plan.cow)
  const source = sharing.find((other) => other.isAttached && !other.isLost)
  const destination = sharing.find((other) => other.store === undefined && !other.isLost)
  return source === undefined || destination === undefined ? undefined : { source, destination }
}

/** Whether an instance may be resumed. Fails with INVALID_ARGUMENT. */
export function beforeResume(device: MappedDevice, instance: StoreInstance): void {
  const pair = pairOf(instance)
  if (pair === undefined) return
  const refuse = (reason: string) =>
    refusal({
      ioctl: 'resume',
      device: device.name,
      errno: faultErrno.EINVAL,
      reason,
      log: [
        `device-mapper: snapshots: ${reason}`,
        `device-mapper: table: ${device.number}: ${typeOf(instance)}: preresume failed, error = -${faultErrno.EINVAL}`,
      ],
    })
  if (instance === pair.source) throw refuse('Unable to resume snapshot source until handover completes.')
  if (instance === pair.destination && !pair.source.plan.owner.suspended) {
    throw refuse('Unable to perform snapshot handover until source is suspended.')
  }
  // What is in memory may not be what is on its COW any more.
  const failure = instance === pair.destination ? pair.source.mergeFailure : undefined
  if (failure !== undefined) throw refuse(`Unable to perform snapshot handover: ${failure.message}`)
}

const typeOf = ({ plan }: StoreInstance): string => (plan.merges ? 'snapshot-merge' : 'snapshot')

/** Makes an instance active: with its own store, or with the one it waited for. Its family is drained. */
export async function takeOver(stack: Stack, instance: StoreInstance): Promise<void> {
  if (instance.isAttached || instance.isLost) return
  const pair = pairOf(instance)
  if (pair !== undefined && pair.destination === instance) {
    const { source } = pair
    source.loop?.stop()
    await stack.detach(source)
    instance.plan = planAfter(instance.plan, source.plan)
    const store = source.store === undefined ? undefined : longEnough(source.store, instance.plan)
    instance.store = store !== undefined && source.plan.merges ? afterMerging(store) : store
    source.store = undefined
    source.isLost = true
    instance.reported = instance.state()
    instance.watermarkPassed = source.watermarkPassed
  }
  await stack.attach(instance)
}

/** The store stays what it is on its COW, whatever the new table calls it; only P or PO is the new table's to choose. */
function planAfter(plan: InstancePlan, source: InstancePlan): InstancePlan {
  const onHeaderFailed = plan.onHeaderFailed ?? source.onHeaderFailed
  const isListed = source.spec.store !== 'N'
  if (isListed === (plan.spec.store !== 'N')) return { ...plan, onHeaderFailed }
  const store = isListed ? 'P' : 'N'
  return { ...plan, spec: { ...plan.spec, store }, durability: source.durability, onHeaderFailed }
}

/**
 * A store whose list a merge has made shorter, ready to take exceptions again. In a list that is not in the order of its
 * chunks, as old kernels left them, what is left may lie where the next position's chunk would be.
 */
function afterMerging(store: LoadedStore): LoadedStore {
  const next = nextDataIndex(store.geometry, highestNewChunk(store.mapMemory))
  return { ...store, dataIndexOffset: next - store.cursor.committed() }
}

/** A store whose map has room for every chunk of a table that may be longer than the one it was loaded for. */
function longEnough(store: LoadedStore, { sectors }: InstancePlan): LoadedStore {
  return { ...store, mapMemory: extendedMapMemory(store.mapMemory, Math.ceil(sectors / store.geometry.chunkSectors)) }
}
