/**
 * What is odd about a store and yet not wrong: it loads, and shows what it should. Lost space, what a crash left behind, what
 * other programs wrote in another way.
 *
 * Guarantees: a few remarks at most, whatever the store holds; each says what it means. One block of memory.
 * Leaves out on purpose: what cannot be told from the bytes. An area that was never zeroed and begins with something that
 * looks like entries is read as entries, by the loader and the kernel as well.
 */
import { bytesToSectors } from '../base/units.js'
import { entryBytes } from '../format/exception.js'
import { areaChunk, dataChunk, type Geometry, nextDataIndex } from '../format/geometry.js'
import { headerBytes, headerFields } from '../format/header.js'
import type { Usage } from '../format/usage.js'
import { firstNonZero, type StoreBytes } from './store-bytes.js'

/** What the list was found to be. */
export interface ListFacts {
  /** Up to its end, bad ones included. */
  readonly entries: number
  readonly hasEnd: boolean
  readonly badEntries: number
  /** The area whose first entry is bad. */
  readonly badArea: number | undefined
  readonly outOfOrder: number
  readonly firstOutOfOrder: number | undefined
  readonly highest: number | undefined
  readonly isTaken: (newChunk: number) => boolean
  readonly usage: Usage
  readonly isValid: boolean
}

/** Fails with IO_ERROR. */
export async function remarksOf(bytes: StoreBytes, geometry: Geometry, facts: ListFacts): Promise<string[]> {
  const remarks = [
    ...(await headerRemarks(bytes, geometry)),
    ...sizeRemarks(bytes, geometry, facts),
    ...entryRemarks(geometry, facts),
    ...(facts.hasEnd ? await behindList(bytes, geometry, facts.entries) : []),
  ]
  return remarks
}

async function headerRemarks(bytes: StoreBytes, { chunkBytes }: Geometry): Promise<string[]> {
  const header = new DataView(new ArrayBuffer(headerBytes))
  await bytes.read(new Uint8Array(header.buffer), 0)
  const valid = header.getUint32(headerFields.valid.byteOffset, true)
  const remarks = valid > 1 ? [`its header has 0x${valid.toString(16)} for valid, where 1 is written`] : []
  const odd = await firstNonZero(bytes, headerBytes, Math.min(chunkBytes, bytes.sizeBytes))
  if (odd !== undefined) remarks.push(`its header's chunk is not zero behind the fields, from byte ${odd} on`)
  return remarks
}

function sizeRemarks({ sizeBytes }: StoreBytes, { chunkBytes }: Geometry, { usage, isValid }: ListFacts): string[] {
  const remarks: string[] = []
  const rest = bytesToSectors(sizeBytes % chunkBytes)
  if (rest > 0) {
    remarks.push(`its last ${rest === 1 ? 'sector is' : `${rest} sectors are`} less than a chunk, and never used`)
  }
  if (isValid && usage.allocatedSectors > usage.totalSectors) {
    const numbers = `${usage.allocatedSectors} sectors of ${usage.totalSectors}`
    remarks.push(`it is full, and counts as fuller than it is large: ${numbers}`)
  }
  return remarks
}

function entryRemarks(geometry: Geometry, facts: ListFacts): string[] {
  const { badArea, badEntries, entries, firstOutOfOrder, outOfOrder } = facts
  const remarks: string[] = []
  if (badArea !== undefined && badArea > 0) {
    const cause = `it may be what was there before, if it was not zeroed when area ${badArea - 1} was filled`
    remarks.push(`area ${badArea} begins with a bad entry: ${cause}`)
  }
  if (outOfOrder > 0) {
    const which = outOfOrder === 1 ? `entry ${firstOutOfOrder} points` : `${outOfOrder} entries point`
    const first = outOfOrder === 1 ? '' : ` (the first is entry ${firstOutOfOrder})`
    remarks.push(`${which} at a lower chunk than the one before${first}: old kernels wrote such lists, and they load`)
  }
  const gaps = badEntries > 0 ? 0 : nextDataIndex(geometry, facts.highest) - entries
  if (gaps > 0) {
    const which = gaps === 1 ? 'a data chunk belongs' : `${gaps} data chunks belong`
    const first = firstGap(geometry, facts.isTaken)
    const lost = `${gaps * geometry.chunkSectors} sectors are lost`
    remarks.push(`${which} to no entry (${gaps === 1 ? 'it' : 'the first'} is chunk ${first}): ${lost}`)
  }
  return remarks
}

/** Found after as many looks as there are entries at most: there is one. */
function firstGap(geometry: Geometry, isTaken: (newChunk: number) => boolean): number {
  let index = 0
  while (isTaken(dataChunk(geometry, index))) index++
  return dataChunk(geometry, index)
}

/** The rest of the area in which the list ends, and the area after it. */
async function behindList(bytes: StoreBytes, geometry: Geometry, entries: number): Promise<string[]> {
  const { chunkBytes, entriesPerArea } = geometry
  const area = Math.floor(entries / entriesPerArea)
  const start = areaChunk(geometry, area) * chunkBytes
  const remarks: string[] = []
  const stale = await firstNonZero(bytes, start + (entries % entriesPerArea) * entryBytes, start + chunkBytes)
  if (stale !== undefined) {
    const entry = area * entriesPerArea + Math.floor((stale - start) / entryBytes)
    const what = `area ${area} is not zero behind the list's end at entry ${entries}, from entry ${entry} on`
    remarks.push(`${what}: a crash left it, and who writes to the store next clears it`)
  }
  const next = areaChunk(geometry, area + 1) * chunkBytes
  if (next + chunkBytes <= bytes.sizeBytes && (await firstNonZero(bytes, next, next + chunkBytes)) !== undefined) {
    const what = `area ${area + 1}, the one after the list, is not zero`
    remarks.push(`${what}: harmless, it is zeroed before the list reaches it`)
  }
  return remarks
}
