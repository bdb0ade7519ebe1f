/** Compares what can be compared of two sides, sector by sector, and joins what adjoins. */
import { sectorBytes } from '../base/units.js'
import type { ByteRange } from './chunk-ranges.js'
import { deltaSegments, type Segment } from './delta-segments.js'
import type { SortedExceptions } from './sorted-exceptions.js'
import type { StoreBytes } from './store-bytes.js'

/** Bytes of the origin in which two sides differ: compared, or not to be compared. */
export interface DeltaRange extends ByteRange {
  readonly kind: 'differs' | 'may-differ'
}

export interface DeltaSides {
  readonly one: SortedExceptions
  /** Without it the other side is the origin. */
  readonly other: SortedExceptions | undefined
  readonly origin: StoreBytes | undefined
  /** Where the origin ends. */
  readonly endBytes: number
}

/** Ascending. Fails with IO_ERROR. */
export async function* deltaRanges(sides: DeltaSides): AsyncGenerator<DeltaRange, void, undefined> {
  let last: { offset: number; length: number; kind: DeltaRange['kind'] } | undefined
  for await (const range of unjoined(sides)) {
    if (last !== undefined && last.kind === range.kind && last.offset + last.length === range.offset) {
      last.length += range.length
      continue
    }
    if (last !== undefined) yield last
    last = { ...range }
  }
  if (last !== undefined) yield last
}

async function* unjoined(sides: DeltaSides): AsyncGenerator<DeltaRange, void, undefined> {
  const comparison = new Comparison()
  for (const segment of deltaSegments(sides.one, sides.other, sides.endBytes)) {
    const one = sideOf(segment, segment.one, sides.one, sides.origin)
    const other = sideOf(segment, segment.other, sides.other, sides.origin)
    if (one === undefined || other === undefined) {
      yield { offset: segment.offset, length: segment.length, kind: 'may-differ' }
    } else {
      yield* await comparison.rangesOf(segment, one, other)
    }
  }
}

interface Place {
  readonly bytes: StoreBytes
  readonly byteOffset: number
}

/** Where a side's bytes are, if they can be read. */
function sideOf(
  { offset }: Segment,
  inStore: number | undefined,
  store: SortedExceptions | undefined,
  origin: StoreBytes | undefined,
): Place | undefined {
  if (inStore !== undefined && store !== undefined) return { bytes: store.bytes, byteOffset: inStore }
  return origin === undefined ? undefined : { bytes: origin, byteOffset: offset }
}

class Comparison {
  #one = Buffer.alloc(0)
  #other = Buffer.alloc(0)

  async rangesOf({ offset, length }: Segment, one: Place, other: Place): Promise<DeltaRange[]> {
    if (this.#one.byteLength < length) {
      this.#one = Buffer.alloc(length)
      this.#other = Buffer.alloc(length)
    }
    const ours = this.#one.subarray(0, length)
    const theirs = this.#other.subarray(0, length)
    await one.bytes.read(ours, one.byteOffset)
    await other.bytes.read(theirs, other.byteOffset)
    const ranges: DeltaRange[] = []
    if (ours.equals(theirs)) return ranges
    for (let at = 0; at < length; at += sectorBytes) {
      const end = at + sectorBytes
      if (ours.compare(theirs, at, end, at, end) !== 0) {
        ranges.push({ offset: offset + at, length: sectorBytes, kind: 'differs' })
      }
    }
    return ranges
  }
}
