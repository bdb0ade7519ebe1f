/** From percentages of a store's usage to the claim that passes them. */

import { bytesToSectors } from '../base/units.js'
import { geometryOf } from '../format/geometry.js'
import { percentOf, usageOf } from '../format/usage.js'
import type { StoreInstance } from './store-instance.js'

/** How many positions must be claimed until usage reaches the next of `marks`; 0 when there is none. */
export function nextWatermark(instance: StoreInstance, marks: readonly number[]): number {
  const { store } = instance
  if (store === undefined) return 0
  const now = instance.percent()
  const next = Math.min(...marks.filter((mark) => mark > now))
  if (!Number.isFinite(next)) return 0
  const claimed = store.cursor.claimed()
  const cowSectors = bytesToSectors(instance.plan.cow.sizeBytes())
  let low = claimed + 1
  let high = claimed + Math.ceil(cowSectors / store.geometry.chunkSectors) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (percentAt(instance, middle, cowSectors) >= next) high = middle
    else low = middle + 1
  }
  return low
}

function percentAt(instance: StoreInstance, claimed: number, cowSectors: number): number {
  const { chunkSectors, store } = instance
  if (store === undefined) return 0
  if (instance.plan.spec.store === 'N') {
    return percentOf(usageOf({ kind: 'transient', chunkSectors, allocated: claimed, cowSectors }))
  }
  const nextDataIndex = claimed + store.dataIndexOffset
  const geometry = geometryOf(chunkSectors)
  return percentOf(
    usageOf({ kind: 'persistent', geometry, nextDataIndex, committedEntries: store.cursor.committed(), cowSectors }),
  )
}
