/**
 * Compares a COW with the image that the kernel left of it, byte for byte.
 *
 * The one exception is the kernel's own: a snapshot that became invalid during a request over several chunks. Which of
 * the exceptions in flight were still committed depends on timing, so only the header and the exceptions from before
 * that request, with their data, are compared.
 */

import { decodeStore, entriesPerArea, entryOffset } from './store-image.js'

export interface CowDifference {
  readonly what: string
  readonly expected: string
  readonly found: string
}

/** `settled` is how many exceptions there were before such a request; `undefined` if there was none. */
export function compareCow(image: Uint8Array, found: Uint8Array, settled: number | undefined): CowDifference[] {
  if (image.length !== found.length) {
    return [{ what: 'size', expected: `${image.length} bytes`, found: `${found.length} bytes` }]
  }
  if (settled === undefined) return compareRange('byte', image, found, 0, image.length)
  const store = decodeStore(image)
  if (store === undefined) return []
  const chunkBytes = store.chunkSectors * 512
  return [
    ...compareRange('header', image, found, 0, chunkBytes),
    ...store.exceptions.slice(0, settled).flatMap(({ newChunk }, index) => {
      const entry = entryOffset(index, store.chunkSectors)
      const data = newChunk * chunkBytes
      return [
        ...compareRange(`entry ${index}, byte`, image, found, entry, entry + 16),
        ...compareRange(`data of entry ${index}, byte`, image, found, data, data + chunkBytes),
      ]
    }),
  ]
}

function compareRange(what: string, image: Uint8Array, found: Uint8Array, from: number, to: number): CowDifference[] {
  if (Buffer.compare(image.subarray(from, to), found.subarray(from, to)) === 0) return []
  let first = -1
  let count = 0
  for (let at = from; at < to; at += 1) {
    if (image[at] === found[at]) continue
    if (first < 0) first = at
    count += 1
  }
  const hex = (bytes: Uint8Array): string =>
    Buffer.from(bytes.subarray(first, Math.min(first + 16, to))).toString('hex')
  return [
    { what: `${what} ${first}${placeIn(image, first)} and ${count - 1} more`, expected: hex(image), found: hex(found) },
  ]
}

function placeIn(image: Uint8Array, byteOffset: number): string {
  const chunkSectors = decodeStore(image)?.chunkSectors
  if (chunkSectors === undefined) return ''
  const chunk = Math.floor(byteOffset / (chunkSectors * 512))
  const isArea = chunk > 0 && chunk % (entriesPerArea(chunkSectors) + 1) === 1
  return ` (chunk ${chunk}, ${chunk === 0 ? 'header' : isArea ? 'metadata' : 'data'})`
}
