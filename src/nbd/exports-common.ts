/** What exports of both kinds have in common. */
import type { ExportContext } from './exports.js'
import { contextName, payloadBytesMax } from './protocol.js'

/** Of a device without snapshots: a page, which is what most files are made of. */
const preferredDefault = 4096

/** The largest chunk: what is a multiple of it is never copied for a part. No more than a request may be. */
export function preferredBytesOf(chunkBytes: readonly number[]): number {
  return Math.min(Math.max(preferredDefault, ...chunkBytes), payloadBytesMax)
}

const noSnapshot = async (): Promise<number> => -1

export const commonContexts: readonly ExportContext[] = [
  { name: contextName.baseAllocation, kind: 'allocation', snapshotDevice: noSnapshot },
  { name: contextName.allocationDepth, kind: 'depth', snapshotDevice: noSnapshot },
]

/** What may differ from a snapshot. */
export const dirtyContext = (snapshot: string, snapshotDevice: () => Promise<number>): ExportContext => ({
  name: `${contextName.dirtyBitmapPrefix}${snapshot}`,
  kind: 'dirty',
  snapshotDevice,
})
