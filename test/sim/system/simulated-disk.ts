/**
 * The bytes of one file on a simulated disk: what programs see, what has reached the medium for good, and for each sector the
 * writes in between.
 *
 * Guarantees: a sector is written whole or not at all. At a power cut each sector that no barrier covers is as it was, or as
 * any write since has left it, whatever becomes of its neighbours: writes are lost, kept, torn and reordered. A barrier that
 * fails covers nothing, and what it should have covered is covered by no later one either: systems forget such pages.
 */
import type { Random } from '../../support/model-random.js'

export const sectorBytes = 512

interface Version {
  readonly bytes: Uint8Array
  readonly write: number
  isForgotten: boolean
}

export class SimulatedDisk {
  /** What programs see; `size` bytes of it. */
  #bytes: Uint8Array
  /** What a power cut leaves at least. */
  #durable: Uint8Array
  #size: number
  #durableSize: number
  readonly #pending = new Map<number, Version[]>()
  #writes = 0

  constructor(size = 0) {
    const capacity = Math.max(4096, size)
    this.#bytes = new Uint8Array(capacity)
    this.#durable = new Uint8Array(capacity)
    this.#size = size
    this.#durableSize = size
  }

  get size(): number {
    return this.#size
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  get durable(): Uint8Array {
    return this.#durable.subarray(0, this.#durableSize)
  }

  /** Bytes that are there from the beginning. */
  fill(bytes: Uint8Array): void {
    this.resize(bytes.length)
    this.#bytes.set(bytes)
    this.#durable.set(bytes)
    this.#durableSize = bytes.length
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, size)
      this.#durable = grown(this.#durable, size)
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#size) this.resize(offset + bytes.length)
    this.#bytes.set(bytes, offset)
    const write = this.#writes++
    const first = Math.floor(offset / sectorBytes)
    const last = Math.floor((offset + bytes.length - 1) / sectorBytes)
    const copy = this.#bytes.slice(first * sectorBytes, (last + 1) * sectorBytes)
    for (let sector = first; sector <= last; sector++) {
      const at = (sector - first) * sectorBytes
      const version = { bytes: copy.subarray(at, at + sectorBytes), write, isForgotten: false }
      const versions = this.#pending.get(sector)
      if (versions === undefined) this.#pending.set(sector, [version])
      else versions.push(version)
    }
  }

  barrier(): void {
    this.#durableSize = this.#size
    for (const [sector, versions] of this.#pending) {
      let kept = versions.length - 1
      while (kept >= 0 && versions[kept]?.isForgotten === true) kept--
      if (kept >= 0) this.#settle(sector, versions[kept] as Version)
      if (kept === versions.length - 1) this.#pending.delete(sector)
      else versions.splice(0, kept + 1)
    }
  }

  failedBarrier(): void {
    for (const versions of this.#pending.values()) for (const version of versions) version.isForgotten = true
  }

  /** True if a barrier has failed, and some sector is not what the medium has. */
  hasForgotten(): boolean {
    for (const versions of this.#pending.values()) if (versions.some(({ isForgotten }) => isForgotten)) return true
    return false
  }

  /** True if some sector of a range waits for a barrier. */
  isPending(offset: number, byteLength: number): boolean {
    if (this.#pending.size === 0) return false
    const last = Math.floor((offset + byteLength - 1) / sectorBytes)
    for (let sector = Math.floor(offset / sectorBytes); sector <= last; sector++) {
      if (this.#pending.has(sector)) return true
    }
    return false
  }

  /** Power fails: what is left is what programs see from now on. */
  cutPower(random: Random): void {
    const fate = random.pick(['lost', 'kept', 'writes', 'writes', 'sectors', 'sectors', 'sectors'] as const)
    const fates = new Map<number, boolean>()
    const keeps = (write: number): boolean => {
      const kept = fates.get(write) ?? random.chance(0.5)
      fates.set(write, kept)
      return kept
    }
    for (const [sector, versions] of this.#pending) {
      let left: Version | undefined
      if (fate === 'kept') left = versions.at(-1)
      else if (fate === 'writes') left = versions.findLast(({ write }) => keeps(write))
      else if (fate === 'sectors') left = versions[random.int(-1, versions.length - 1)]
      if (left !== undefined) this.#settle(sector, left)
    }
    this.#pending.clear()
    if (this.#size !== this.#durableSize && random.chance(0.5)) this.#durableSize = this.#size
    this.#size = this.#durableSize
    this.#bytes = this.#durable.slice()
    this.#bytes.fill(0, this.#size)
    this.#durable = this.#bytes.slice()
  }

  #settle(sector: number, { bytes }: Version): void {
    this.#durable.set(bytes, sector * sectorBytes)
  }
}

function grown(bytes: Uint8Array, size: number): Uint8Array {
  const larger = new Uint8Array(Math.max(size, bytes.length * 2))
  larger.set(bytes)
  return larger
}
