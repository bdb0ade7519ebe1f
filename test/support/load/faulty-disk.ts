/** A disk in memory that does one thing wrong. */
import type { FaultReport, PlantedFault } from './planted-fault.js'

const sectorBytes = 512
/** Later than a read may have been sent that comes now, whatever the depth. */
const surelyLater = 2000
const eio = 5

/** Where a stamped sector keeps its write's number. */
const writeAt = 32

interface Kept {
  readonly report: FaultReport
  readonly old: Buffer
  readonly notBefore: number
}

interface Delayed {
  readonly report: FaultReport
  readonly bytes: Buffer
  readonly offset: number
}

export class FaultyDisk {
  readonly bytes: Buffer
  readonly #fault: PlantedFault
  readonly #tell: (report: FaultReport) => void
  #reads = 0
  #writes = 0
  #stale: Kept | undefined
  #late: Delayed | undefined

  constructor(byteLength: number, fault: PlantedFault, tell: (report: FaultReport) => void) {
    this.bytes = Buffer.alloc(byteLength)
    this.#fault = fault
    this.#tell = tell
  }

  read(offset: number, into: Buffer): void {
    this.#reads++
    this.bytes.copy(into, 0, offset, offset + into.length)
    if (this.#fault.name === 'flip' && this.#reads >= this.#fault.at) this.#flip(offset, into)
    if (this.#stale !== undefined) this.#showStale(this.#stale, offset, into)
  }

  /** Answers an errno, or 0. */
  write(offset: number, bytes: Buffer): number {
    const { at, name } = this.#fault
    const isIt = ++this.#writes === at || (name === 'drop' && this.#writes % at === 0)
    if (isIt) return this.#spoil(offset, bytes)
    bytes.copy(this.bytes, offset)
    if (this.#late !== undefined) this.#applyLate(this.#late, offset, bytes.length)
    return 0
  }

  #spoil(offset: number, bytes: Buffer): number {
    const { detail, name } = this.#fault
    const firstSector = offset / sectorBytes
    const sectorCount = bytes.length / sectorBytes
    const report = { fault: name, write: bytes.readUInt32LE(writeAt), firstSector, sectorCount, sector: firstSector }
    if (name === 'stale') {
      const sector = firstSector + Math.floor(sectorCount / 2)
      const old = Buffer.from(this.bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes))
      this.#stale = { report: { ...report, sector }, old, notBefore: this.#reads + surelyLater }
      bytes.copy(this.bytes, offset)
    } else if (name === 'tear') {
      bytes.copy(this.bytes, offset, 0, Math.round(detail * sectorBytes))
      this.#tell({ ...report, sector: firstSector + Math.floor(detail) })
    } else if (name === 'misdirect') {
      const elsewhere = (offset + detail) % this.bytes.length
      bytes.copy(this.bytes, elsewhere)
      this.#tell({ ...report, sector: elsewhere / sectorBytes })
    } else if (name === 'late') this.#late = { report, bytes: Buffer.from(bytes), offset }
    else if (name === 'fail') {
      bytes.copy(this.bytes, offset, 0, Math.floor(sectorCount / 2) * sectorBytes)
      this.#tell(report)
      return eio
    } else if (name === 'drop') this.#tell(report)
    else bytes.copy(this.bytes, offset)
    return 0
  }

  /** Of a sector that has been written: zeroes belong to no write. */
  #flip(offset: number, into: Buffer): void {
    const at = Math.floor(into.length / sectorBytes / 2) * sectorBytes
    const write = into.readUInt32LE(at + writeAt)
    if (write === 0 || this.#stale !== undefined) return
    const firstSector = into.readUInt32LE(at + 40)
    const sectorCount = into.readUInt32LE(at + 48)
    into.writeUInt8(into.readUInt8(at + this.#fault.detail) ^ 4, at + this.#fault.detail)
    this.#tell({ fault: 'flip', write, firstSector, sectorCount, sector: (offset + at) / sectorBytes })
    // Once is enough.
    this.#reads = Number.NEGATIVE_INFINITY
  }

  #showStale({ notBefore, old, report }: Kept, offset: number, into: Buffer): void {
    const at = report.sector * sectorBytes - offset
    if (this.#reads < notBefore || at < 0 || at >= into.length) return
    // The sector may have been written since, and is all the staler then.
    this.#tell({ ...report, write: into.readUInt32LE(at + writeAt) })
    old.copy(into, at)
    this.#stale = undefined
  }

  #applyLate({ bytes, offset: lateOffset, report }: Delayed, offset: number, byteLength: number): void {
    if (lateOffset + bytes.length <= offset || lateOffset >= offset + byteLength) return
    const write = this.bytes.readUInt32LE(Math.max(offset, lateOffset) + writeAt)
    bytes.copy(this.bytes, lateOffset)
    this.#tell({ ...report, write })
    this.#late = undefined
  }
}
