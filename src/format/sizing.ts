/**
 * LVM2's arithmetic on COW sizes: the largest that can be useful, and how much a policy extends one.
 *
 * Leaves out on purpose: rounding to extents, and LVM2's surcharge for kernels that leak chunks on a crash.
 */
import { assert } from '../base/assert.js'
import { geometryOf } from './geometry.js'

/**
 * Chunks of the largest useful COW: the header, every origin chunk once, and floor(n / epa) + 1 areas for n of them. That is
 * one area more than the entries need when n is a multiple of epa; the list must end somewhere.
 */
export function maximumCowChunks(originSectors: number, chunkSectors: number): number {
  const { entriesPerArea } = geometryOf(chunkSectors)
  const originChunks = Math.ceil(originSectors / chunkSectors)
  return 1 + originChunks + Math.floor((originChunks + entriesPerArea) / entriesPerArea)
}

export const maximumCowSectors = (originSectors: number, chunkSectors: number): number =>
  maximumCowChunks(originSectors, chunkSectors) * chunkSectors

/** LVM2 takes no lower threshold, and does nothing at 50 % or below. */
const thresholdMin = 50

/**
 * By how many percent of its size a COW is extended: at least `percent`, and enough to come down to `threshold`; 0 when usage
 * has not passed the threshold. A threshold of 100 never extends. The caller caps the result at `maximumCowSectors`.
 */
export function extendPercent(usagePercent: number, threshold: number, percent: number): number {
  assert(threshold >= thresholdMin && threshold <= 100, `a threshold lies between ${thresholdMin} and 100`)
  if (usagePercent <= threshold) return 0
  // In whole units, LVM2's millionths: 100 * usagePercent in floating point can land just past a whole number.
  const needed = Math.ceil((100 * Math.round(usagePercent * 1e6)) / (threshold * 1e6)) - 100
  return Math.max(percent, needed)
}
