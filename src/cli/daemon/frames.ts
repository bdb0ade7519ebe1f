/**
 * Frames on a stream: four bytes of length, big-endian, then that many bytes of msgpackr.
 *
 * Guarantees: a frame that is too long is refused before its bytes are kept; bytes are kept as they came until a frame is
 * whole. Requires: after a refusal nothing more is pushed, because where the next frame starts is not known.
 */
import { Packr } from 'msgpackr'

export const frameBytesMax = 4 * 2 ** 20
const lengthBytes = 4

export class FrameError extends Error {
  override readonly name = 'FrameError'
}

const packr = new Packr({ useRecords: false, int64AsType: 'number' })

/** Fails with a FrameError if the value does not fit in a frame. */
export function encodeFrame(value: unknown): Buffer {
  const body = packr.pack(value)
  if (body.byteLength > frameBytesMax) {
    throw new FrameError(`a frame of ${body.byteLength} bytes is longer than the ${frameBytesMax} allowed`)
  }
  const frame = Buffer.allocUnsafe(lengthBytes + body.byteLength)
  frame.writeUInt32BE(body.byteLength, 0)
  body.copy(frame, lengthBytes)
  return frame
}

/** Fails with a FrameError if the bytes are not exactly one value. */
export function decodeBody(body: Uint8Array): unknown {
  try {
    return packr.unpack(body)
  } catch (error) {
    throw new FrameError(`a frame is no msgpackr: ${error instanceof Error ? error.message : error}`)
  }
}

/** Cuts a stream into the bodies of frames. */
export class FrameCutter {
  #pieces: Uint8Array[] = []
  #byteLength = 0

  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#byteLength
  }

  /** The bodies that are whole with this piece. Fails with a FrameError. */
  push(piece: Uint8Array): readonly Buffer[] {
    this.#pieces.push(piece)
    this.#byteLength += piece.byteLength
    const bodies: Buffer[] = []
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      if (this.#byteLength < lengthBytes + length) break
      const bytes = this.#joined()
      bodies.push(bytes.subarray(lengthBytes, lengthBytes + length))
      this.#keep(bytes.subarray(lengthBytes + length))
    }
    return bodies
  }

  #nextLength(): number | undefined {
    if (this.#byteLength < lengthBytes) return undefined
    const first = this.#pieces[0]
    const start =
      first !== undefined && first.byteLength >= lengthBytes
        ? Buffer.from(first.buffer, first.byteOffset)
        : this.#joined()
    const length = start.readUInt32BE(0)
    if (length <= frameBytesMax) return length
    throw new FrameError(`a frame of ${length} bytes is announced; at most ${frameBytesMax} are allowed`)
  }

  #joined(): Buffer {
    const [only] = this.#pieces
    if (this.#pieces.length === 1 && Buffer.isBuffer(only)) return only
    const bytes = Buffer.concat(this.#pieces)
    this.#keep(bytes)
    return bytes
  }

  #keep(bytes: Uint8Array): void {
    this.#pieces = bytes.byteLength === 0 ? [] : [bytes]
    this.#byteLength = bytes.byteLength
  }
}
