/**
 * The header of a persistent store: the first 16 bytes of chunk 0.
 *
 * Guarantees: what `encodeHeader` writes, `decodeHeader` reads back equal. Only the magic decides whether a store is there,
 * as in the kernel: four zero bytes are a fresh COW, whatever follows them.
 * Requires: 16 bytes from `byteOffset` on; the rest of the chunk is the writer's to zero.
 * Leaves out on purpose: judging version and chunk size. The loader does, in the order docs/format.md gives.
 */
import { assert } from '../base/assert.js'
import { type RecordFields, recordBytesOf } from './record.js'

/** The bytes `53 6e 41 70`, "SnAp". */
export const magic = 0x70416e53
/** The only version there is. */
export const diskVersion = 1

export const headerFields = {
  magic: { byteOffset: 0, byteLength: 4, meaning: '`0x70416e53`, the bytes `53 6e 41 70` ("SnAp"); 0 in a fresh COW' },
  valid: { byteOffset: 4, byteLength: 4, meaning: '0 when invalidated; any other value is valid, and 1 is written' },
  version: { byteOffset: 8, byteLength: 4, meaning: '1' },
  chunk_size: { byteOffset: 12, byteLength: 4, meaning: 'sectors in a chunk' },
} as const satisfies RecordFields

export const headerBytes = recordBytesOf(headerFields)

export interface StoreHeader {
  readonly valid: boolean
  readonly version: number
  readonly chunkSectors: number
}

export type HeaderReading =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'foreign'; readonly magic: number }
  | { readonly kind: 'store'; readonly header: StoreHeader }

const uint32Max = 2 ** 32 - 1
const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= uint32Max

export function encodeHeader(header: StoreHeader, into: Uint8Array, byteOffset: number): void {
  assert(isUint32(header.version) && isUint32(header.chunkSectors), 'header fields are unsigned 32-bit integers')
  const view = viewOf(into, byteOffset)
  view.setUint32(headerFields.magic.byteOffset, magic, true)
  view.setUint32(headerFields.valid.byteOffset, header.valid ? 1 : 0, true)
  view.setUint32(headerFields.version.byteOffset, header.version, true)
  view.setUint32(headerFields.chunk_size.byteOffset, header.chunkSectors, true)
}

export function decodeHeader(bytes: Uint8Array, byteOffset: number): HeaderReading {
  const view = viewOf(bytes, byteOffset)
  const found = view.getUint32(headerFields.magic.byteOffset, true)
  if (found === 0) return { kind: 'fresh' }
  if (found !== magic) return { kind: 'foreign', magic: found }
  return {
    kind: 'store',
    header: {
      valid: view.getUint32(headerFields.valid.byteOffset, true) !== 0,
      version: view.getUint32(headerFields.version.byteOffset, true),
      chunkSectors: view.getUint32(headerFields.chunk_size.byteOffset, true),
    },
  }
}

function viewOf(bytes: Uint8Array, byteOffset: number): DataView {
  assert(byteOffset >= 0 && byteOffset + headerBytes <= bytes.length, 'a header needs 16 bytes')
  return new DataView(bytes.buffer, bytes.byteOffset + byteOffset, headerBytes)
}
