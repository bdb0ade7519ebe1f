/**
 * Circles: what must not come about however tables are loaded and resumed, live and inactive ones alike. A request in one
 * would go round for ever.
 *
 *     a device lies on itself                              tables below each other
 *     a COW lies on a target of the origin it belongs to   an origin's writes go to its snapshots' COWs
 */
import type { Device } from './device.js'
import type { Family } from './family.js'
import { MappedDevice } from './mapped-device.js'
import type { Stack } from './stack.js'

/** True if a table of `owner` over `device` would make a device lie on itself, or a COW on its own family. */
export function makesCircle(stack: Stack, owner: MappedDevice, device: Device): boolean {
  if (stack.leadsTo(device, (below) => below === owner)) return true
  // Nothing lies on it, no COW either.
  if (owner.usedCount === 0) return false
  return [...stack.families].some(
    (family) => hasCowOn(stack, family, owner) && stack.leadsTo(device, (below) => isMember(below, family)),
  )
}

/** True if a COW of the family leads to `owner`, which thus cannot become a target of the family. */
export function hasCowOn(stack: Stack, family: Family, owner: MappedDevice): boolean {
  return [...family.instances].some(({ plan }) => stack.leadsTo(plan.cow, (below) => below === owner))
}

/** True if `cow` leads to `owner`, which is to be a target of the family, or to one that is. */
export function leadsToFamily(stack: Stack, cow: Device, family: Family, owner: MappedDevice): boolean {
  return stack.leadsTo(cow, (below) => below === owner || isMember(below, family))
}

function isMember(device: Device, family: Family): boolean {
  if (!(device instanceof MappedDevice)) return false
  return [device.live, device.inactive].some(
    (table) => table?.families.includes(family) || table?.instances.some(({ plan }) => plan.family === family),
  )
}
