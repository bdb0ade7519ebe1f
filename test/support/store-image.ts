/**
 * A reader of persistent COW stores, written from the format's description and nothing else: the second opinion on what
 * the engine and the kernel leave on disk. Trusts the image; checks belong to the engine.
 */

export interface StoreImage {
  readonly valid: boolean
  readonly version: number
  readonly chunkSectors: number
  /** In the order of the metadata areas. */
  readonly exceptions: readonly { readonly oldChunk: number; readonly newChunk: number }[]
}

const magic = 0x70416e53
const entryBytes = 16

/** Undefined for an image that holds no persistent store. */
export function decodeStore(image: Uint8Array): StoreImage | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  if (view.getUint32(0, true) !== magic) return undefined
  const chunkSectors = view.getUint32(12, true)
  const exceptions: { oldChunk: number; newChunk: number }[] = []
  for (;;) {
    const at = entryOffset(exceptions.length, chunkSectors)
    // Written so that it also ends for a chunk size of zero.
    if (!(at + entryBytes <= image.length)) break
    const newChunk = Number(view.getBigUint64(at + 8, true))
    if (newChunk === 0) break
    exceptions.push({ oldChunk: Number(view.getBigUint64(at, true)), newChunk })
  }
  return { valid: view.getUint32(4, true) !== 0, version: view.getUint32(8, true), chunkSectors, exceptions }
}

export const entriesPerArea = (chunkSectors: number): number => (chunkSectors * 512) / entryBytes

/** Where the entry of the `index`-th exception lies in a store, in bytes. */
export function entryOffset(index: number, chunkSectors: number): number {
  const inArea = entriesPerArea(chunkSectors)
  const areaChunk = 1 + (inArea + 1) * Math.floor(index / inArea)
  return areaChunk * chunkSectors * 512 + (index % inArea) * entryBytes
}

/** The chunk that a store which never lost an allocation gave its `index`-th exception. */
export const newChunkOf = (index: number, chunkSectors: number): number =>
  2 + index + Math.floor(index / entriesPerArea(chunkSectors))

/** A store's metadata, with exceptions for these chunks in this order: what to write where on a sparse COW. */
export function storeImage(
  oldChunks: readonly number[],
  chunkSectors: number,
): readonly { readonly byteOffset: number; readonly bytes: Uint8Array }[] {
  const header = new Uint8Array(512)
  new Uint32Array(header.buffer, 0, 4).set([magic, 1, 1, chunkSectors])
  const areas: { byteOffset: number; bytes: Uint8Array }[] = []
  const inArea = entriesPerArea(chunkSectors)
  for (let first = 0; first <= oldChunks.length; first += inArea) {
    const bytes = new Uint8Array(inArea * entryBytes)
    const view = new DataView(bytes.buffer)
    for (const [index, oldChunk] of oldChunks.slice(first, first + inArea).entries()) {
      view.setBigUint64(index * entryBytes, BigInt(oldChunk), true)
      view.setBigUint64(index * entryBytes + 8, BigInt(newChunkOf(first + index, chunkSectors)), true)
    }
    areas.push({ byteOffset: entryOffset(first, chunkSectors), bytes })
  }
  return [{ byteOffset: 0, bytes: header }, ...areas]
}
