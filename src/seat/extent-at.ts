/**
 * How a volume goes on at a place: whether it is a hole, how far down its bytes lie, whether it has changed. Each answers about
 * the first stretch of the place that is all alike, and makes the place as long as that.
 *
 * No key is held: what is written meanwhile may or may not be told, as with any disk.
 */

import { originRunEnd, storeRunEnd } from '../../workers/snapshot-read.js'
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
  return isInStore(snapshot, place) ? 0 : holeInFile(origin, originBytes, place)
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

/** What lies past the snapshot counts as changed, and so does everything if there is no such snapshot any more. */
function dirty(snapshot: VolumeView | undefined, place: Place): number {
  if (snapshot?.kind !== 'snapshot') return 1
  if (place.byteOffset >= snapshot.sizeBytes) return 1
  place.byteLength = Math.min(place.byteLength, snapshot.sizeBytes - place.byteOffset)
  const { chunkBytes, map } = snapshot
  const end = place.byteOffset + place.byteLength
  const isChanged = map.lookUp(chunkOf(place.byteOffset, chunkBytes)) >= 0
  let next = chunkOf(place.byteOffset, chunkBytes) + 1
  while (next * chunkBytes < end && map.lookUp(next) >= 0 === isChanged) next++
  place.byteLength = Math.min(end, next * chunkBytes) - place.byteOffset
  return isChanged ? 1 : 0
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
