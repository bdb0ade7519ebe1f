/**
 * The sha256 of a whole device, read in large pieces with several ahead, and of a file, read without the engine.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

export interface Readable {
  readonly sizeBytes: number
  read(byteOffset: number, into: Uint8Array): Promise<Uint8Array>
}

export interface DigestWatcher {
  /** Sees every piece in order, before its buffer is used again. */
  onPiece?(byteOffset: number, piece: Uint8Array): void
  onProgress?(bytesDone: number): void
}

const pieceBytes = 2 ** 20
const piecesAhead = 8

export async function digestOf(device: Readable, watcher: DigestWatcher = {}): Promise<string> {
  const hash = createHash('sha256')
  const pieces = Math.ceil(device.sizeBytes / pieceBytes)
  const buffers = Array.from({ length: Math.min(piecesAhead, pieces) }, () => new Uint8Array(pieceBytes))
  const begin = (piece: number, buffer: Uint8Array): Promise<Uint8Array> => {
    const start = piece * pieceBytes
    const into = buffer.subarray(0, Math.min(pieceBytes, device.sizeBytes - start))
    return device.read(start, into).then(() => into)
  }
  const reads = buffers.map((buffer, piece) => begin(piece, buffer))
  try {
    for (let piece = 0; piece < pieces; piece++) {
      const slot = piece % buffers.length
      const bytes = await reads[slot]
      if (bytes === undefined) throw new RangeError(`piece ${piece} was never read`)
      hash.update(bytes)
      watcher.onPiece?.(piece * pieceBytes, bytes)
      watcher.onProgress?.(piece * pieceBytes + bytes.length)
      const next = piece + buffers.length
      const buffer = buffers[slot]
      if (next < pieces && buffer !== undefined) reads[slot] = begin(next, buffer)
    }
  } finally {
    await Promise.allSettled(reads)
  }
  return hash.digest('hex')
}

/** The first `byteLength` bytes of a file, through node:fs alone: a witness that does not depend on the engine. */
export async function digestOfFile(path: string, byteLength: number, watcher: DigestWatcher = {}): Promise<string> {
  const file = await open(path, 'r')
  try {
    const read = async (byteOffset: number, into: Uint8Array): Promise<Uint8Array> => {
      const { bytesRead } = await file.read(into, 0, into.length, byteOffset)
      if (bytesRead !== into.length) throw new Error(`${path} ended at byte ${byteOffset + bytesRead}`)
      return into
    }
    return await digestOf({ sizeBytes: byteLength, read }, watcher)
  } finally {
    await file.close()
  }
}
