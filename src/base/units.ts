/**
 * Units of length and position. A sector is always 512 bytes; a chunk is a power of two of sectors, fixed per snapshot.
 * Conversions between the three live here and nowhere else.
 */

export type SectorCount = number & { readonly unit: 'sector' }
export type ChunkIndex = number & { readonly unit: 'chunk' }
export type ByteOffset = number & { readonly unit: 'byte' }

export const sectorBytes = 512

export const sectorsToBytes = (sectors: number): ByteOffset => (sectors * sectorBytes) as ByteOffset
export const bytesToSectors = (bytes: number): SectorCount => Math.floor(bytes / sectorBytes) as SectorCount
export const chunkOf = (byteOffset: number, chunkBytes: number): ChunkIndex =>
  Math.floor(byteOffset / chunkBytes) as ChunkIndex
export const chunkStart = (chunk: number, chunkBytes: number): ByteOffset => (chunk * chunkBytes) as ByteOffset

export const isPowerOfTwo = (value: number): boolean =>
  Number.isSafeInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value
