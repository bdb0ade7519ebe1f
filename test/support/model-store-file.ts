/**
 * A strict second opinion on a COW file that is not in use: an independent reading of its list, with every rule checked that
 * the format and its writer promise.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { decodeStore, entriesPerArea, entryOffset, newChunkOf, type StoreImage } from './store-image.js'

/**
 * Throws on a store that breaks a rule: entries in allocation order, none twice, none past the origin, data on the COW, and
 * nothing but zeroes behind the end of the list in its area, which would join the list later.
 */
export function checkedStore(path: string, originSectors: number): StoreImage {
  const bytes = readFileSync(path)
  const store = decodeStore(bytes)
  if (store === undefined) throw new Error(`${path} holds no store`)
  if (!store.valid) return store
  const { chunkSectors, exceptions } = store
  const seen = new Set<number>()
  for (const [index, { newChunk, oldChunk }] of exceptions.entries()) {
    const entry = `${path}: entry ${index} (${oldChunk} -> ${newChunk})`
    if (newChunk !== newChunkOf(index, chunkSectors)) throw new Error(`${entry} is out of allocation order`)
    if (oldChunk * chunkSectors >= originSectors) throw new Error(`${entry} lies past the origin`)
    if (seen.has(oldChunk)) throw new Error(`${entry} is a second one for its chunk`)
    if ((newChunk + 1) * chunkSectors * 512 > bytes.length) throw new Error(`${entry} has no data on the COW`)
    seen.add(oldChunk)
  }
  const end = entryOffset(exceptions.length, chunkSectors)
  if (end + 16 > bytes.length) throw new Error(`${path}: the list has no end`)
  const areaEnd = end + (entriesPerArea(chunkSectors) - (exceptions.length % entriesPerArea(chunkSectors))) * 16
  const behind = bytes.subarray(end, areaEnd).findIndex((byte) => byte !== 0)
  if (behind >= 0) {
    throw new Error(`${path}: byte ${end + behind} behind the end of its ${exceptions.length} entries is not zero`)
  }
  return store
}

/**
 * Leaves what a power failure can leave of a group of entries: the later ones are on disk, the first is not. The list
 * is what it was; whoever continues it must clear what lies behind.
 */
export function strandEntries(path: string, count: number): void {
  const store = decodeStore(readFileSync(path))
  if (store === undefined || !store.valid) return
  const { chunkSectors, exceptions } = store
  const inArea = entriesPerArea(chunkSectors)
  const first = exceptions.length + 1
  const end = Math.min(first + count, Math.floor(exceptions.length / inArea + 1) * inArea)
  const fd = openSync(path, 'r+')
  for (let index = first; index < end; index++) {
    const entry = new BigUint64Array([0n, BigInt(newChunkOf(index, chunkSectors))])
    writeSync(fd, new Uint8Array(entry.buffer), 0, 16, entryOffset(index, chunkSectors))
  }
  closeSync(fd)
}
