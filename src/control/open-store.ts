/**
 * What a COW becomes when a snapshot takes it: a fresh store, or the one it holds. Nothing is written to a COW that is refused.
 */
import { CowringError } from '../base/errors.js'
import { clearBehindList, emptyStore, type LoadedStore, loadStore, type OriginShape, readHeader } from './load-store.js'
import { checkFresh, makeStore } from './make-store.js'
import type { StoreIo } from './store-io.js'

/** `take`: a blank COW becomes a store. `attach`: there must be a store. `look`: the same, and nothing is written to it. */
export type CowUse = 'take' | 'attach' | 'look'

/** `chunkSectors` is for a fresh store; one that is there keeps its own. */
export async function openStore(
  io: StoreIo,
  chunkSectors: number,
  origin: OriginShape,
  use: CowUse,
): Promise<LoadedStore> {
  const header = await readHeader(io, origin)
  if (header === 'fresh' && use !== 'take') {
    const path = io.device.name
    const text = `${path} is blank, where the origin remembers a store; put the right COW there`
    throw new CowringError('STORE_CORRUPT', text, { path, reason: 'blank' })
  }
  if (header === 'fresh') {
    checkFresh(io, chunkSectors, true, origin)
    await makeStore(io, chunkSectors)
    return emptyStore(chunkSectors, origin, io.device.sizeBytes)
  }
  const store = await loadStore(io, header, origin)
  if (use === 'look') return store
  // A process that was killed may have left what it wrote in the page cache only. From here on it is relied upon.
  await io.barrier()
  if (header.valid) await clearBehindList(io, store)
  return store
}

/** A transient store takes the COW as scratch, whatever lies there: the table says so. */
export function openTransientStore(io: StoreIo, chunkSectors: number, origin: OriginShape): LoadedStore {
  checkFresh(io, chunkSectors, false, origin)
  return emptyStore(chunkSectors, origin, io.device.sizeBytes)
}
