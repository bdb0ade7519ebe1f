/** BlockFiles that are no disks: one where everything fails, one that is all zeroes, one that fails now and then. */
import { type BlockFile, errno, type FlakeyFaults } from './block-file.js'
import { assertPlaces, assertRange, assertTransfer } from './transfer-bounds.js'

export class ErrorFile implements BlockFile {
  readonly #sizeBytes: number

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  read(): number {
    return errno.EIO
  }

  write(): number {
    return errno.EIO
  }

  zero(): number {
    return errno.EIO
  }

  discard(): number {
    return errno.EIO
  }

  /** Not even zeroes can be read. */
  extent(_fileOffset: number, byteLength: number): number {
    return byteLength
  }

  /** Nothing was written, so nothing is left to make durable. The kernel sends no flush to an error target either. */
  barrier(): number {
    return 0
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }
}

export class ZeroFile implements BlockFile {
  readonly #sizeBytes: number
  readonly #arena: Uint8Array

  constructor(sizeBytes: number, arena: Uint8Array) {
    this.#sizeBytes = sizeBytes
    this.#arena = arena
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertTransfer(this.#arena.byteLength, arenaOffset, byteLength, fileOffset)
    this.#arena.fill(0, arenaOffset, arenaOffset + byteLength)
    return 0
  }

  write(): number {
    return 0
  }

  zero(): number {
    return 0
  }

  discard(): number {
    return 0
  }

  extent(_fileOffset: number, byteLength: number): number {
    return byteLength === 0 ? 0 : -byteLength
  }

  barrier(): number {
    return 0
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }
}

export interface FlakeyTimes {
  readonly startedMs: number
  readonly upMs: number
  readonly downMs: number
}

export class FlakeyFile implements BlockFile {
  readonly #file: BlockFile
  readonly #fileOffset: number
  readonly #sizeBytes: number
  readonly #times: FlakeyTimes
  readonly #faults: FlakeyFaults

  constructor(file: BlockFile, fileOffset: number, sizeBytes: number, times: FlakeyTimes, faults: FlakeyFaults) {
    this.#file = file
    this.#fileOffset = fileOffset
    this.#sizeBytes = sizeBytes
    this.#times = times
    this.#faults = faults
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    if (this.#endsBefore(byteLength, fileOffset)) return errno.EIO
    if (this.#faults.failReads && this.#isDown()) return errno.EIO
    return this.#file.read(arenaOffset, byteLength, this.#fileOffset + fileOffset)
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertPlaces(arenaOffset, byteLength, fileOffset)
    const answer = this.#answerFor(byteLength, fileOffset)
    return answer ?? this.#file.write(arenaOffset, byteLength, this.#fileOffset + fileOffset)
  }

  zero(byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    return this.#answerFor(byteLength, fileOffset) ?? this.#file.zero(byteLength, this.#fileOffset + fileOffset)
  }

  discard(byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    return this.#answerFor(byteLength, fileOffset) ?? this.#file.discard(byteLength, this.#fileOffset + fileOffset)
  }

  /** When down too: how a file is allocated has nothing to do with whether it works. */
  extent(fileOffset: number, byteLength: number): number {
    assertRange(byteLength, fileOffset)
    return this.#file.extent(this.#fileOffset + fileOffset, byteLength)
  }

  barrier(): number {
    return this.#file.barrier()
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }

  /** What is answered to a write instead of doing it; `undefined` to let it through. */
  #answerFor(byteLength: number, fileOffset: number): number | undefined {
    if (this.#endsBefore(byteLength, fileOffset)) return errno.ENOSPC
    const { dropWrites, failWrites } = this.#faults
    if (!(dropWrites || failWrites) || !this.#isDown()) return undefined
    return dropWrites ? 0 : errno.EIO
  }

  /** What lies below goes on past this file's end. */
  #endsBefore(byteLength: number, fileOffset: number): boolean {
    return byteLength > 0 && fileOffset + byteLength > this.#sizeBytes
  }

  #isDown(): boolean {
    const { downMs, startedMs, upMs } = this.#times
    return (Date.now() - startedMs) % (upMs + downMs) >= upMs
  }
}
