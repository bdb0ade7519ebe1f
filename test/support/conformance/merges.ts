/** Waiting for merges: what a recording says about one was asked when it was done, had failed, or could not begin. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceLayer } from './layer.js'

/** Longer than any recorded merge takes. */
const secondsMax = 10

/** Resolves when no device that is not suspended has anything left to merge. */
export async function mergesAtRest(layer: DeviceLayer): Promise<void> {
  const deadline = performance.now() + secondsMax * 1000
  while (layer.list().some(({ name, suspended }) => !suspended && isMerging(layer.status(name)))) {
    if (performance.now() > deadline) throw new Error(`a merge does not come to rest in ${secondsMax} seconds`)
    await sleep(1)
  }
}

function isMerging(status: string): boolean {
  const [, , target, sectors = '', metadata] = status.split(' ')
  return target === 'snapshot-merge' && sectors.includes('/') && sectors.split('/')[0] !== metadata
}
