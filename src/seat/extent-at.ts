/**
 * How a volume goes on at a place: whether it is a hole, how far down its bytes lie, whether it has changed. Each answers about
 * the first stretch of the place that is all alike, and makes the place as long as that.
 *
 * No key is held: what is written meanwhile may or may not be told, as with any disk.
 */

import { isLost, originRunEnd, storeRunEnd } from '../../workers/snapshot-read.js'
import type { SnapshotView, VolumeView } from '../../workers/views.js'
import { chunkOf } from '../base/units.js'
import type { BlockFile } from '../io/block-file.js'
import type { Place } from '../wire/route.js'

/** 1 for a hole, 0 for data. What is not known is data. */
function isHole(volume: VolumeView | undefined, place: Place): number {
  if (volume === undefined) return 0
  if (volume.kind === 'snapshot') return isHoleIn(volume, volume.origin.file, volume.origin.sizeBytes, place)
  const { merging } = volume
  if (merging !== undefined) return isHoleIn(merging.snapshot, volume.file, volume.sizeBytes, place)
  return holeInFile(volume.file, volume.sizeBytes, place)
}

/** Bytes in the store are data: whether those are zeroes costs more to find out than it is worth. */
function isHoleIn(snapshot: SnapshotView, origin: BlockFile, originBytes: number, place: Place): number {
  if (isInStore(snapshot, place)) return 0
  const hole = holeInFile(origin, originBytes, place)
  // P2: what was saved while the origin was looked at may be a hole there only since.
  if (hole === 0 || hasNoException(snapshot, place)) return hole
  return 0
}

function hasNoException({ chunkBytes, map }: SnapshotView, { byteLength, byteOffset }: Place): boolean {
  const last = chunkOf(byteOffset + byteLength - 1, chunkBytes)
  for (let chunk = chunkOf(byteOffset, chunkBytes); chunk <= last; chunk++) if (map.lookUp(chunk) >= 0) return false
  return true
}

function holeInFile(file: BlockFile, sizeBytes: number, place: Place): number {
  const byteLength = Math.min(place.byteLength, sizeBytes - place.byteOffset)
  if (byteLength <= 0) return 0
  const extent = file.extent(place.byteOffset, byteLength)
  place.byteLength = Math.abs(extent)
  return extent < 0 ? 1 : 0
}

function depth(volume: VolumeView | undefined, place: Place): number {
  if (volume === undefined) return 1
  if (volume.kind === 'snapshot') return isInStore(volume, place) ? 1 : 2
  return isHole(volume, place) === 1 ? 0 : 1
}

/**
 * 1 if a chunk may have changed since `since` was taken: it was saved there or written to. In another snapshot also what that
 * one has a chunk of its own for: it was written to, or saved before `since` was there. What lies past the snapshot counts as
 * changed, and so does everything if there is no such snapshot any more, it is invalid, or being merged.
 */
function dirty(volume: VolumeView | undefined, since: VolumeView | undefined, place: Place): number {
  if (since?.kind !== 'snapshot' || place.byteOffset >= since.sizeBytes) return 1
  // What is merged gets no new exceptions, and loses those it has.
  if (since.origin.merging?.snapshot === since) return 1
  place.byteLength = Math.min(place.byteLength, since.sizeBytes - place.byteOffset)
  const isOwn = volume?.kind === 'snapshot' && hasException(volume, place)
  const isSaved = hasException(since, place)
  // Asked in this order: a snapshot that has lost a chunk says so before that is overwritten (W5).
  return isSaved || isOwn || isLost(since) ? 1 : 0
}

/** True if the place's first chunk has an exception; the place becomes as long as that goes on. */
function hasException({ chunkBytes, map }: SnapshotView, place: Place): boolean {
  const end = place.byteOffset + place.byteLength
  const first = chunkOf(place.byteOffset, chunkBytes)
  const found = map.lookUp(first) >= 0
  let next = first + 1
  while (next * chunkBytes < end && map.lookUp(next) >= 0 === found) next++
  place.byteLength = Math.min(end, next * chunkBytes) - place.byteOffset
  return found
}

/** True if the snapshot's own store has the bytes; the place becomes as long as that goes on in the same way. */
function isInStore(snapshot: SnapshotView, place: Place): boolean {
  const { chunkBytes, map } = snapshot
  const end = place.byteOffset + place.byteLength
  const chunk = chunkOf(place.byteOffset, chunkBytes)
  const newChunk = map.lookUp(chunk)
  const runEnd = newChunk < 0 ? originRunEnd(snapshot, chunk, end) : storeRunEnd(snapshot, chunk, newChunk, end)
  place.byteLength = runEnd - place.byteOffset
  return newChunk >= 0
}

export const extentAt = { isHole, depth, dirty } as const
