/** What a repair must keep, from its rule and nothing else: slow, with BigInt, and every entry compared with every other. */

export interface TrustedEntry {
  readonly oldChunk: number
  readonly newChunk: number
}

export interface TrustedList {
  readonly entries: number
  readonly kept: readonly TrustedEntry[]
  /** Chunks of the origin that had an entry, and have none any more. */
  readonly lost: ReadonlySet<number>
}

interface Entry {
  readonly old: bigint
  readonly new: bigint
}

export function trustedEntries(bytes: Uint8Array, chunkSectors: number, originSectors: number): TrustedList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunkBytes = chunkSectors * 512
  const cowChunks = Math.floor(bytes.byteLength / chunkBytes)
  const originChunks = Math.ceil(originSectors / chunkSectors)
  const perArea = chunkBytes / 16
  const isArea = (chunk: bigint) => chunk % BigInt(perArea + 1) === 1n
  const entries: Entry[] = []
  for (;;) {
    const area = 1 + (perArea + 1) * Math.floor(entries.length / perArea)
    if (area >= cowChunks) break
    const at = area * chunkBytes + (entries.length % perArea) * 16
    if (view.getBigUint64(at + 8, true) === 0n) break
    entries.push({ old: view.getBigUint64(at, true), new: view.getBigUint64(at + 8, true) })
  }
  const isWrong = (entry: Entry) => entry.old >= originChunks || entry.new >= cowChunks || isArea(entry.new)
  const isContested = (entry: Entry) => entries.some((other) => other.new === entry.new && other.old !== entry.old)
  const dataOf = (entry: Entry) => {
    const start = Number(entry.new) * chunkBytes
    return Buffer.from(bytes.subarray(start, start + chunkBytes))
  }
  const kept = entries.filter((entry, index) => {
    const group = entries.filter((other) => other.old === entry.old)
    if (group.some((other) => isWrong(other) || isContested(other))) return false
    if (entries.findIndex((other) => other.old === entry.old) !== index) return false
    return group.every((other) => dataOf(other).equals(dataOf(entry)))
  })
  const keptOld = new Set(kept.map((entry) => entry.old))
  const lost = entries.filter((entry) => entry.old < originChunks && !keptOld.has(entry.old))
  return {
    entries: entries.length,
    kept: kept.map((entry) => ({ oldChunk: Number(entry.old), newChunk: Number(entry.new) })),
    lost: new Set(lost.map((entry) => Number(entry.old))),
  }
}
