/** A store written by hand, as bytes: a header, entries as given, and data that says which chunk of the COW it is. */
import { entryOffset } from './store-image.js'

export interface StoreByHand {
  readonly chunkSectors?: number
  readonly chunks?: number
  readonly header?: Partial<{ magic: number; valid: number; version: number; chunkSectors: number }>
  readonly entries?: readonly (readonly [old: number | bigint, newChunk: number | bigint])[]
  /** What every byte of a chunk's data is; the chunk's own number without. */
  readonly data?: (newChunk: number) => number
}

export function storeByHand({ chunkSectors = 8, chunks = 64, header = {}, entries = [], data }: StoreByHand): Buffer {
  const chunkBytes = chunkSectors * 512
  const bytes = Buffer.alloc(chunks * chunkBytes)
  const { magic = 0x70416e53, valid = 1, version = 1 } = header
  const words = [magic, valid, version, header.chunkSectors ?? chunkSectors]
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4)
  for (const [index, [old, newChunk]] of entries.entries()) {
    putEntry(bytes, chunkSectors, index, old, newChunk)
    const chunk = Number(newChunk)
    const isData = chunk >= 2 && chunk < chunks && chunk % (chunkBytes / 16 + 1) !== 1
    if (isData) bytes.fill(data?.(chunk) ?? chunk % 256, chunk * chunkBytes, (chunk + 1) * chunkBytes)
  }
  return bytes
}

export function putEntry(
  bytes: Buffer,
  chunkSectors: number,
  entry: number,
  old: number | bigint,
  newChunk: number | bigint,
): void {
  const at = entryOffset(entry, chunkSectors)
  if (at + 16 > bytes.byteLength) return
  bytes.writeBigUInt64LE(BigInt(old), at)
  bytes.writeBigUInt64LE(BigInt(newChunk), at + 8)
}
