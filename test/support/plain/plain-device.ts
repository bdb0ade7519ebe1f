/** A mapped device of the plain layer: a live and an inactive table, and requests cut at the ends of targets. */
import type { RequestVolume } from '../conformance/layer.js'
import { ioError } from './plain-error.js'
import type { PlainStorage } from './plain-storage.js'
import type { PlainTarget } from './plain-target.js'

export const plainMajor = 254

interface Piece {
  readonly target: PlainTarget
  readonly from: number
  readonly to: number
}

export class PlainDevice implements PlainStorage {
  readonly name: string
  readonly minor: number
  live: readonly PlainTarget[] | undefined
  inactive: readonly PlainTarget[] | undefined
  suspended = false
  events = 0

  constructor(name: string, minor: number) {
    this.name = name
    this.minor = minor
  }

  get number(): string {
    return `${plainMajor}:${this.minor}`
  }

  get sectors(): number {
    return (this.live ?? []).reduce((sum, target) => sum + target.sectors, 0)
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (const { target, from, to } of this.#pieces(offset, length)) {
      bytes.set(target.read(from, to - from), from - offset)
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const { target, from, to } of this.#pieces(offset, bytes.length)) {
      target.write(from, bytes.subarray(from - offset, to - offset))
    }
  }

  discard(offset: number, length: number): void {
    for (const { target, from, to } of this.#pieces(offset, length)) target.discard(from, to - from)
  }

  flush(): void {
    for (const target of this.live ?? []) target.flush()
  }

  #pieces(offset: number, length: number): readonly Piece[] {
    if (this.live === undefined) throw ioError()
    if (this.suspended) throw new Error(`a request to ${this.name}, which is suspended, would wait for ever`)
    return this.live.flatMap((target) => {
      const from = Math.max(offset, target.start * 512)
      const to = Math.min(offset + length, (target.start + target.sectors) * 512)
      return from < to ? [{ target, from, to }] : []
    })
  }
}

/** A device opened: requests, one at a time. */
export function plainVolume(device: PlainDevice): RequestVolume {
  return {
    read: async (offset, length) => device.read(offset, length),
    write: async (offset, bytes) => device.write(offset, bytes),
    flush: async () => device.flush(),
    discard: async (offset, length) => device.discard(offset, length),
    writeZeroes: async (offset, length) => device.write(offset, new Uint8Array(length)),
    close: async () => {},
  }
}
