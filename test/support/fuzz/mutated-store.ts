/** Valid stores, and what becomes of them when bits, numbers, entries and areas of them change. Plain data, so that it shrinks. */
import fc from 'fast-check'
import { entriesPerArea, entryOffset, newChunkOf } from '../store-image.js'

export interface StorePlan {
  readonly chunkSectors: number
  readonly entries: number
  /** Entry i is for chunk (i · stride) of the origin, modulo its chunks. */
  readonly stride: number
  /** Chunks behind the last one that is used. */
  readonly spareChunks: number
  readonly spareSectors: number
  /** Data indexes that were lost before each of these entries. */
  readonly gaps: readonly number[]
  readonly mutations: readonly Mutation[]
  /** Sectors that cannot be read, for a repair. */
  readonly unreadable: readonly number[]
}

type Mutation =
  | { readonly kind: 'flip'; readonly where: Where; readonly bit: number }
  | { readonly kind: 'number'; readonly where: Where; readonly bytes: 1 | 4 | 8; readonly value: bigint }
  | { readonly kind: 'copy-entry'; readonly from: number; readonly to: number }
  | { readonly kind: 'swap-areas'; readonly one: number; readonly other: number }
  | { readonly kind: 'resize'; readonly sectors: number; readonly fill: number }
  | { readonly kind: 'junk'; readonly where: Where; readonly length: number; readonly fill: number }

/** A field of the header, a field of an entry, or any byte at all. */
type Where =
  | { readonly kind: 'header'; readonly byte: number }
  | { readonly kind: 'entry'; readonly entry: number; readonly byte: number }
  | { readonly kind: 'anywhere'; readonly part: number }

const entryNumber = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 2, arbitrary: fc.nat(70) },
  { weight: 1, arbitrary: fc.nat(300) },
)
const where: fc.Arbitrary<Where> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('header' as const), byte: fc.constantFrom(0, 4, 4, 8, 12, 1, 5, 13) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('entry' as const),
      entry: entryNumber,
      byte: fc.constantFrom(0, 8, 1, 12),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('anywhere' as const), part: fc.nat(2 ** 20) }) },
)
const power = (exponent: number) => [2n ** BigInt(exponent) - 1n, 2n ** BigInt(exponent), 2n ** BigInt(exponent) + 1n]
const value = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    2n,
    ...power(5),
    ...power(8),
    ...power(31),
    ...power(32),
    ...power(53),
    ...power(63),
    2n ** 64n - 1n,
  ),
  fc.nat(200).map(BigInt),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flip' as const), where, bit: fc.nat(7) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('number' as const),
      where,
      bytes: fc.constantFrom(8, 8, 4, 1) as fc.Arbitrary<1 | 4 | 8>,
      value,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy-entry' as const), from: entryNumber, to: entryNumber }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('swap-areas' as const), one: fc.nat(3), other: fc.nat(3) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('resize' as const),
      sectors: fc.nat(300),
      fill: fc.constantFrom(0, 255, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('junk' as const), where, length: fc.nat(700), fill: fc.nat(255) }),
  },
)

export const storePlans: fc.Arbitrary<StorePlan> = fc.record({
  chunkSectors: fc.constantFrom(1, 1, 1, 2, 2, 4, 8),
  entries: fc.oneof(fc.nat(10), fc.nat(70), fc.constantFrom(31, 32, 33, 63, 64, 65)),
  stride: fc.constantFrom(1, 7, 89),
  spareChunks: fc.oneof(fc.nat(3), fc.nat(40)),
  spareSectors: fc.constantFrom(0, 0, 0, 1, 3),
  gaps: fc.array(fc.nat(70), { maxLength: 3 }),
  mutations: fc.array(mutation, { maxLength: 4 }),
  unreadable: fc.oneof(fc.constant([]), fc.array(fc.nat(70), { maxLength: 3 })),
})

/** The origin of all of them: more chunks than entries, the last one partial where chunks have more than a sector. */
export const originSectorsOf = ({ chunkSectors }: StorePlan): number => 97 * chunkSectors - (chunkSectors >> 1)

export function mutatedStore(plan: StorePlan): Uint8Array {
  let bytes = validStore(plan)
  for (const one of plan.mutations) bytes = mutate(bytes, plan, one)
  return bytes
}

function validStore({ chunkSectors, entries, stride, spareChunks, spareSectors, gaps }: StorePlan): Uint8Array {
  const chunkBytes = chunkSectors * 512
  const dataIndex = (entry: number) => entry + gaps.filter((gap) => gap <= entry).length
  const lastArea = 1 + (entriesPerArea(chunkSectors) + 1) * Math.floor(entries / entriesPerArea(chunkSectors))
  const lastData = entries === 0 ? 0 : newChunkOf(dataIndex(entries - 1), chunkSectors)
  const chunks = Math.max(lastArea, lastData) + 1 + spareChunks
  const bytes = Buffer.alloc(chunks * chunkBytes + (spareSectors % chunkSectors) * 512)
  for (const [index, word] of [0x70416e53, 1, 1, chunkSectors].entries()) bytes.writeUInt32LE(word, index * 4)
  for (let entry = 0; entry < entries; entry++) {
    const newChunk = newChunkOf(dataIndex(entry), chunkSectors)
    bytes.writeBigUInt64LE(BigInt((entry * stride) % 97), entryOffset(entry, chunkSectors))
    bytes.writeBigUInt64LE(BigInt(newChunk), entryOffset(entry, chunkSectors) + 8)
    // A few chunks have the same data, so that entries that contradict each other may agree all the same.
    bytes.fill(1 + (newChunk % 29), newChunk * chunkBytes, (newChunk + 1) * chunkBytes)
  }
  return bytes
}

function mutate(bytes: Uint8Array, { chunkSectors }: StorePlan, one: Mutation): Uint8Array {
  const entryAt = (entry: number) => entryOffset(entry, chunkSectors)
  const put = (piece: Uint8Array, at: number) => {
    if (at >= 0 && at + piece.byteLength <= bytes.byteLength) bytes.set(piece, at)
  }
  const placeOf = (place: Where): number => {
    if (place.kind === 'header') return place.byte
    return place.kind === 'entry' ? entryAt(place.entry) + place.byte : place.part % bytes.byteLength
  }
  switch (one.kind) {
    case 'flip': {
      const at = placeOf(one.where)
      put(Uint8Array.of((bytes[at] ?? 0) ^ (1 << one.bit)), at)
      return bytes
    }
    case 'number': {
      const number = Buffer.alloc(8)
      number.writeBigUInt64LE(one.value)
      put(number.subarray(0, one.bytes), placeOf(one.where))
      return bytes
    }
    case 'copy-entry':
      put(bytes.slice(entryAt(one.from), entryAt(one.from) + 16), entryAt(one.to))
      return bytes
    case 'swap-areas': {
      const at = (area: number) => entryAt(area * entriesPerArea(chunkSectors))
      const first = bytes.slice(at(one.one), at(one.one) + chunkSectors * 512)
      const second = bytes.slice(at(one.other), at(one.other) + chunkSectors * 512)
      if (first.byteLength !== second.byteLength) return bytes
      put(first, at(one.other))
      put(second, at(one.one))
      return bytes
    }
    case 'resize': {
      const resized = new Uint8Array(Math.max(1, one.sectors) * 512).fill(one.fill)
      resized.set(bytes.subarray(0, resized.byteLength))
      return resized
    }
    case 'junk': {
      const at = placeOf(one.where)
      put(new Uint8Array(Math.max(0, Math.min(one.length, bytes.byteLength - at))).fill(one.fill), at)
      return bytes
    }
  }
}
