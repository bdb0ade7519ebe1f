/** Ranges of a device, in bytes. */
import type { Geometry } from '../format/geometry.js'

export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** The ranges that these chunks cover, ascending and as few as can be; what lies past `endBytes` is cut off. */
export function rangesOf(chunks: readonly number[], { chunkBytes }: Geometry, endBytes: number): ByteRange[] {
  const ranges: { offset: number; length: number }[] = []
  for (const chunk of Float64Array.from(chunks).sort()) {
    const offset = chunk * chunkBytes
    const end = Math.min(offset + chunkBytes, endBytes)
    const last = ranges.at(-1)
    if (last !== undefined && offset <= last.offset + last.length) last.length = end - last.offset
    else ranges.push({ offset, length: end - offset })
  }
  return ranges
}
