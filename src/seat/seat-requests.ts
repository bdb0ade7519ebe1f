/**
 * Whole requests on a seat: one at a time, to its end, from and to any memory. Bytes that are not in the arena go through the
 * seat's own part of it.
 */
import { statusNumbers } from '../base/errors.js'
import type { InPlace } from '../coordinator/in-place.js'
import { extentBytesMax } from '../wire/operation.js'
import { notShort, type Seat } from './seat.js'

/** What a seat for such requests needs of the arena. */
export const requestBytes = extentBytesMax

/** In one of so many requests it is looked whether files have become shorter. */
const looksEvery = 64

/** Where the system has no holes, so many zeroes are written at a time. */
const zeroStepBytes = extentBytesMax
/** The most that is zeroed at once before others get their turn. */
const zeroWindowBytes = 2 ** 30

export class SeatRequests implements InPlace {
  readonly #seat: Seat
  readonly #arenaBuffer: ArrayBufferLike
  /** Begins a batch: OK, or the status that the request is answered with. */
  readonly #enter: (device: number) => number
  /** Of threads that may wait for a suspended device: false while they must not, and DEVICE_BUSY is answered instead. */
  waits = true

  constructor(seat: Seat, enter: (device: number) => number) {
    this.#seat = seat
    this.#arenaBuffer = seat.arena.buffer
    seat.looksEvery = looksEvery
    this.#enter = enter
  }

  get lastErrno(): number {
    return this.#seat.lastErrno
  }

  read(device: number, offset: number, into: Uint8Array): number {
    const seat = this.#seat
    const { byteLength } = into
    if (into.buffer === this.#arenaBuffer) {
      const short = seat.readShort(device, into.byteOffset, byteLength, offset)
      if (short !== notShort) return short
    }
    let status = this.#begin(device, offset + byteLength, false)
    if (status !== statusNumbers.OK) return status
    try {
      if (into.buffer === this.#arenaBuffer) return seat.read(into.byteOffset, byteLength, offset)
      for (let done = 0; done < byteLength && status === statusNumbers.OK; done += requestBytes) {
        const length = Math.min(requestBytes, byteLength - done)
        status = seat.read(seat.bufferOffset, length, offset + done)
        into.set(seat.arena.subarray(seat.bufferOffset, seat.bufferOffset + length), done)
      }
      return status
    } finally {
      seat.leave()
    }
  }

  write(device: number, offset: number, bytes: Uint8Array): number {
    const seat = this.#seat
    const { byteLength } = bytes
    if (bytes.buffer === this.#arenaBuffer) {
      const short = seat.writeShort(device, bytes.byteOffset, byteLength, offset)
      if (short !== notShort) return short
    }
    let status = this.#begin(device, offset + byteLength, true)
    if (status !== statusNumbers.OK) return status
    try {
      if (bytes.buffer === this.#arenaBuffer) return seat.write(bytes.byteOffset, byteLength, offset)
      for (let done = 0; done < byteLength && status === statusNumbers.OK; done += requestBytes) {
        const length = Math.min(requestBytes, byteLength - done)
        seat.arena.set(length === byteLength ? bytes : bytes.subarray(done, done + length), seat.bufferOffset)
        status = seat.write(seat.bufferOffset, length, offset + done)
      }
      return status
    } finally {
      seat.leave()
    }
  }

  flush(device: number): number {
    const status = this.#begin(device, 0, false)
    if (status !== statusNumbers.OK) return status
    try {
      return this.#seat.flush()
    } finally {
      this.#seat.leave()
    }
  }

  discard(device: number, offset: number, byteLength: number): number {
    const status = this.#begin(device, offset + byteLength, true)
    if (status !== statusNumbers.OK) return status
    try {
      return this.#seat.discard(byteLength, offset)
    } finally {
      this.#seat.leave()
    }
  }

  /** In place where that can be done, and otherwise written; others get their turn between stretches. */
  zero(device: number, offset: number, byteLength: number): number {
    for (let at = offset; at < offset + byteLength; ) {
      const to = Math.min(offset + byteLength, at + zeroWindowBytes - (at % zeroWindowBytes))
      const status = this.#zeroWindow(device, at, to)
      if (status !== statusNumbers.OK) return status
      at = to
    }
    return statusNumbers.OK
  }

  #zeroWindow(device: number, from: number, to: number): number {
    const seat = this.#seat
    const status = this.#begin(device, to, true)
    if (status !== statusNumbers.OK) return status
    try {
      const zeroed = seat.zero(to - from, from)
      if (zeroed !== statusNumbers.NOT_SUPPORTED) return zeroed
    } finally {
      seat.leave()
    }
    for (let at = from; at < to; ) {
      const length = Math.min(zeroStepBytes - (at % zeroStepBytes), to - at)
      const written = this.#writeZeroes(device, at, length)
      if (written !== statusNumbers.OK) return written
      at += length
    }
    return statusNumbers.OK
  }

  #writeZeroes(device: number, offset: number, byteLength: number): number {
    const seat = this.#seat
    const status = this.#begin(device, offset + byteLength, true)
    if (status !== statusNumbers.OK) return status
    try {
      seat.arena.fill(0, seat.bufferOffset, seat.bufferOffset + byteLength)
      return seat.write(seat.bufferOffset, byteLength, offset)
    } finally {
      seat.leave()
    }
  }

  /** What was checked when the request was made may not be true any more when it is let in. */
  #begin(device: number, end: number, writes: boolean): number {
    const status = this.#enter(device)
    if (status !== statusNumbers.OK) return status
    const seat = this.#seat
    if (end <= seat.sizeBytes() && !(writes && seat.isReadOnly())) return statusNumbers.OK
    const refused = end > seat.sizeBytes() ? statusNumbers.OUT_OF_RANGE : statusNumbers.READ_ONLY
    seat.leave()
    return refused
  }
}
