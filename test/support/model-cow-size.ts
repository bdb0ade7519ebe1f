/** How large the COWs of a model test are: most bugs live where a store, or an area of its list, is about to be full. */
import { entriesPerArea } from './model-oracle.js'
import type { Random } from './model-random.js'

/** Often too small for everything, often just at the limits of an area, seldom a whole number of chunks. */
export function anyCowSectors(random: Random, originSectors: number, chunkSectors: number): number {
  const useful = usefulSectors(originSectors, chunkSectors)
  const least = 2 * chunkSectors
  const area = (entriesPerArea(chunkSectors) + 1) * chunkSectors
  const tail = random.int(0, chunkSectors - 1)
  if (random.chance(0.3)) return useful + tail
  if (random.chance(0.3)) return Math.min(useful, area + random.pick([0, 1, 1, 1, 2, 3]) * chunkSectors) + tail
  return random.int(least, Math.max(least, useful)) + tail
}

/** Room for every chunk of the origin. */
export function usefulSectors(originSectors: number, chunkSectors: number): number {
  const chunks = Math.ceil(originSectors / chunkSectors)
  return (3 + chunks + Math.ceil(chunks / entriesPerArea(chunkSectors))) * chunkSectors
}
