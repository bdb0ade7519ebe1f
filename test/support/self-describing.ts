/**
 * Sectors that describe themselves: who wrote them, where, and as which write.
 *
 * Guarantees: `readStamp` tells a stamped sector from a zero one, and reports every other content as damage. A torn sector
 * (any mix of bytes of two stamps, or of a stamp and zeroes) is damage, because the whole sector is filled from a stream
 * seeded with all its fields. A sector that is whole but in the wrong place reads as what it says; the caller compares the
 * device and the sector number with where it found it.
 *
 *   0  magic u32 · 4 device u32 · 8 sector u64 · 16 sequence u64 · 24 checksum u64 · 32… filler, a function of the checksum
 *
 * Leaves out on purpose: the time of a write (sequences order writes), and any defence against forgery.
 */

const sectorBytes = 512
const magic = 0x70_6d_74_73 // "stmp"
const fields = { device: 4, sector: 8, sequence: 16, checksum: 24, filler: 32 } as const

export interface Stamp {
  readonly device: number
  readonly sector: number
  readonly sequence: number
}

export type StampReading = Stamp | { readonly zero: true } | { readonly damage: string }

/** Fills `into` (a multiple of 512 bytes) with stamps of consecutive sectors, from `firstSector` on. */
export function stampSectors(
  into: Uint8Array,
  { device, firstSector, sequence }: { device: number; firstSector: number; sequence: number },
): void {
  if (into.length % sectorBytes !== 0) throw new Error(`${into.length} bytes are not whole sectors`)
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  for (let start = 0; start < into.length; start += sectorBytes) {
    writeStamp(view, start, { device, sector: firstSector + start / sectorBytes, sequence })
  }
}

/** Reads the stamp of the sector at `byteOffset` of `bytes`. */
export function readStamp(bytes: Uint8Array, byteOffset: number): StampReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset + byteOffset, sectorBytes)
  const found = {
    device: view.getUint32(fields.device, true),
    sector: readU64(view, fields.sector),
    sequence: readU64(view, fields.sequence),
  }
  const expected = new DataView(new ArrayBuffer(sectorBytes))
  writeStamp(expected, 0, found)
  let wrongAt = -1
  let zero = true
  for (let offset = 0; offset < sectorBytes; offset += 4) {
    const word = view.getUint32(offset, true)
    if (word !== 0) zero = false
    if (wrongAt < 0 && word !== expected.getUint32(offset, true)) wrongAt = offset
  }
  if (zero) return { zero: true }
  if (wrongAt < 0) return found
  const says = `device ${found.device}, sector ${found.sector}, sequence ${found.sequence}`
  return { damage: `byte ${wrongAt} of the sector does not belong to the stamp it starts with (${says})` }
}

function writeStamp(view: DataView, start: number, stamp: Stamp): void {
  view.setUint32(start, magic, true)
  view.setUint32(start + fields.device, stamp.device, true)
  writeU64(view, start + fields.sector, stamp.sector)
  writeU64(view, start + fields.sequence, stamp.sequence)
  let low = 0x9e3779b9
  let high = 0x85ebca6b
  for (let offset = 0; offset < fields.checksum; offset += 4) {
    low = mix(low ^ view.getUint32(start + offset, true))
    high = mix(high + low)
  }
  view.setUint32(start + fields.checksum, low, true)
  view.setUint32(start + fields.checksum + 4, high, true)
  for (let offset: number = fields.filler; offset < sectorBytes; offset += 4) {
    low = mix(low + high + offset)
    view.setUint32(start + offset, low, true)
  }
}

/** A bijection of 32-bit words in which every bit of the result depends on every bit of the input. */
function mix(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x7feb352d)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true)
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true)
}

const readU64 = (view: DataView, offset: number): number =>
  view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32
