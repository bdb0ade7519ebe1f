/**
 * A store's exceptions in the order of the origin's chunks.
 *
 * Guarantees: what the loader would refuse is refused, with the same words. Memory: 16 bytes for each exception, and 8 more
 * while they are sorted. Requires: a store that nobody writes to meanwhile; it is read twice.
 */
import { assert } from '../base/assert.js'
import { CowringError } from '../base/errors.js'
import { geometryOf } from '../format/geometry.js'
import { inspectBytes, type StoreReport } from './inspect-store.js'
import type { StoreBytes } from './store-bytes.js'
import { StoreList } from './store-list.js'

export interface SortedExceptions {
  readonly bytes: StoreBytes
  readonly chunkBytes: number
  /** Ascending, without doubles. */
  readonly oldChunks: Float64Array
  /** Where the data of each lies. */
  readonly newChunks: Float64Array
}

/** Fails with COW_NOT_A_STORE, STORE_VERSION, STORE_CORRUPT, SNAPSHOT_INVALID, LIMIT_EXCEEDED, IO_ERROR. */
export async function sortedExceptions(
  bytes: StoreBytes,
  originSectors: number | undefined,
): Promise<SortedExceptions> {
  const report = await (await inspectBytes(bytes, originSectors)).report()
  const { chunkSectors } = report
  if (report.problemCount > 0 || chunkSectors === undefined) throw refusal(report)
  const oldChunks = arrayFor(report)
  const newChunks = arrayFor(report)
  const geometry = geometryOf(chunkSectors)
  const list = new StoreList(bytes, geometry)
  while (await list.next()) {
    for (let index = 0; index < list.count; index++) oldChunks[list.first + index] = list.oldChunk(index)
  }
  oldChunks.sort()
  const again = new StoreList(bytes, geometry)
  while (await again.next()) {
    for (let index = 0; index < again.count; index++) {
      newChunks[placeOf(oldChunks, again.oldChunk(index))] = again.newChunk(index)
    }
  }
  return { bytes, chunkBytes: geometry.chunkBytes, oldChunks, newChunks }
}

function arrayFor({ entries, path }: StoreReport): Float64Array {
  try {
    return new Float64Array(entries)
  } catch (error) {
    const text = `there is no memory to sort the ${entries} exceptions of ${path}`
    throw new CowringError('LIMIT_EXCEEDED', text, { path }, error)
  }
}

function placeOf(sorted: Float64Array, wanted: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  assert(sorted[low] === wanted, 'the store does not change while it is locked')
  return low
}

function refusal({ kind, path, problemCount, problems, valid, version }: StoreReport): CowringError {
  const [first] = problems
  const facts = { path, ...(first === undefined ? {} : { reason: first }) }
  if (kind !== 'store') return new CowringError('COW_NOT_A_STORE', `${path}: ${first}`, facts)
  if (version !== 1) return new CowringError('STORE_VERSION', `${path}: ${first}`, facts)
  const onlyInvalid = valid === false && problemCount === 1
  if (onlyInvalid) return new CowringError('SNAPSHOT_INVALID', `${path}: ${first}`, facts)
  const text = `${path} is a damaged snapshot store: ${first}`
  return new CowringError('STORE_CORRUPT', `${text}. 'cowring store check' names everything that is wrong`, facts)
}
