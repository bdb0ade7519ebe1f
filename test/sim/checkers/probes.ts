/**
 * Windows into the shared structures: what workers look up, hold and let go of, told to whoever watches the run. The structures stay
 * what they are.
 */
import { ExceptionMap } from '../../../src/shm/exception-map.js'
import { LockTable } from '../../../src/shm/lock-table.js'

export interface Probes {
  lookedUp(map: ExceptionMap, chunk: number): void
  held(stripe: number, owner: number): void
  published(): void
  /** Before it is free. */
  freed(stripe: number): void
}

let probes: Probes | undefined

export function watchWith(next: Probes | undefined): void {
  probes = next
}

const { lookUp, publish } = ExceptionMap.prototype
ExceptionMap.prototype.lookUp = function look(chunk) {
  const newChunk = lookUp.call(this, chunk)
  probes?.lookedUp(this, chunk)
  return newChunk
}

ExceptionMap.prototype.publish = function show(chunk, newChunk) {
  publish.call(this, chunk, newChunk)
  probes?.published()
}

const { release, tryHold, tryHoldForMerge } = LockTable.prototype
LockTable.prototype.tryHold = function hold(stripe, owner) {
  const isHeld = tryHold.call(this, stripe, owner)
  if (isHeld) probes?.held(stripe, owner)
  return isHeld
}
LockTable.prototype.tryHoldForMerge = function hold(stripe, owner) {
  const isHeld = tryHoldForMerge.call(this, stripe, owner)
  if (isHeld) probes?.held(stripe, owner)
  return isHeld
}
LockTable.prototype.release = function free(stripe) {
  probes?.freed(stripe)
  return release.call(this, stripe)
}
