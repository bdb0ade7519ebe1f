/**
 * One exception as a metadata area holds it: 16 bytes, two unsigned 64-bit numbers. An area is a chunk filled with them and
 * nothing else; the list ends at the first one whose new_chunk is 0.
 *
 * Guarantees: what `encodeEntry` writes is read back equal, and no call allocates: a commit encodes thousands of entries and
 * a load decodes millions, so numbers go as two halves and no BigInt is made.
 * A number on disk that is not a safe integer comes out above Number.MAX_SAFE_INTEGER, never as some smaller one, so that
 * a range check refuses it.
 * Leaves out on purpose: what an entry may say. The loader checks that.
 */
import { assert } from '../base/assert.js'
import { type RecordFields, recordBytesOf } from './record.js'

export const exceptionFields = {
  old_chunk: { byteOffset: 0, byteLength: 8, meaning: 'chunk number on the origin; 0 is a chunk like any other' },
  new_chunk: {
    byteOffset: 8,
    byteLength: 8,
    meaning: 'chunk number on the COW; 0 ends the list, whatever old_chunk says',
  },
} as const satisfies RecordFields

export const entryBytes = recordBytesOf(exceptionFields)

const oldChunkAt = exceptionFields.old_chunk.byteOffset
const newChunkAt = exceptionFields.new_chunk.byteOffset
const highHalf = 2 ** 32

export function encodeEntry(view: DataView, byteOffset: number, oldChunk: number, newChunk: number): void {
  // Constant messages: building one would allocate on every call.
  assert(Number.isSafeInteger(oldChunk) && oldChunk >= 0, 'old_chunk is a chunk number')
  assert(Number.isSafeInteger(newChunk) && newChunk > 0, 'new_chunk is a chunk number, and 0 would end the list')
  writeUint64(view, byteOffset + oldChunkAt, oldChunk)
  writeUint64(view, byteOffset + newChunkAt, newChunk)
}

export const decodeOldChunk = (view: DataView, byteOffset: number): number => readUint64(view, byteOffset + oldChunkAt)

export const decodeNewChunk = (view: DataView, byteOffset: number): number => readUint64(view, byteOffset + newChunkAt)

function writeUint64(view: DataView, byteOffset: number, value: number): void {
  view.setUint32(byteOffset, value >>> 0, true)
  view.setUint32(byteOffset + 4, Math.floor(value / highHalf), true)
}

/** Rounds above 2^53, and rounding cannot bring a larger number below it. */
function readUint64(view: DataView, byteOffset: number): number {
  return view.getUint32(byteOffset, true) + view.getUint32(byteOffset + 4, true) * highHalf
}
