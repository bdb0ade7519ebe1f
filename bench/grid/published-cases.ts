/**
 * The part of the grid that is published: the cases with a target, and a star. Its middle is the usual case of each work; each ray
 * changes one dimension and leaves the others, through all of its values. The rule picks the cases, nobody does: a work is in every
 * ray that means anything to it, whether it comes off well there or not.
 */
import {
  allChunkSizes,
  breakingWorks,
  durable,
  make,
  rawWorks,
  sequential,
  steadyWorks,
  targetCases,
  transient,
  withoutRepeated,
} from './case-list.js'
import { type GridCase, isFirstWrite, isRaw, type Work } from './grid-case.js'

export function publishedCases(): GridCase[] {
  const star = [...rawWorks, ...breakingWorks, ...steadyWorks].flatMap(raysOf)
  return [...targetCases(), ...withoutRepeated(star, targetCases())]
}

function raysOf(work: Work): GridCase[] {
  const changes: Partial<GridCase>[] = [{}, sequential, { depth: 1 }, { workers: 1 }]
  // Without a store on the way there is none to choose, and no chunks.
  if (!isRaw(work) && work !== 'origin-read' && work !== 'snapshot-read-origin') {
    changes.push(...allChunkSizes.map((chunkBytes) => ({ chunkBytes })), transient)
  }
  // What breaks nothing writes no list, so nothing waits for one.
  if (isFirstWrite(work)) changes.push(durable)
  const isPartial = work === 'snapshot-first-write-partial'
  return changes.filter(({ order }) => !(isPartial && order === 'sequential')).map((change) => make(work, change))
}
