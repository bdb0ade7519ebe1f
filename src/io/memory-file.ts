/**
 * BlockFile over a region of shared memory: a disk that lives as long as the process.
 *
 * Guarantees: bytes past the end do not exist (a read answers EIO, a write ENOSPC, and neither moves anything); a barrier
 * has nothing to do. A discard fills with zeroes: the memory is the caller's, and stays reserved.
 * Requires: neither region nor arena ever moves; both are shared memory.
 *
 * The copy goes through libc's memmove, on addresses: 75 ns for 4 KiB against 180 ns for `set` of a `subarray`, which
 * also makes garbage. Where koffi does not load, `set` it is. Overlap is allowed: a caller may offer arena memory as a disk.
 */
import { assert } from '../base/assert.js'
import { type BlockFile, errno } from './block-file.js'
import { type Libc, libc, libcLoads } from './libc.js'
import { assertRange, assertTransfer } from './transfer-bounds.js'

export class MemoryFile implements BlockFile {
  readonly #libc: Libc | undefined
  readonly #region: Uint8Array
  readonly #regionBytes: number
  readonly #regionAddress: number
  readonly #arena: Uint8Array
  readonly #arenaBytes: number
  readonly #arenaAddress: number

  constructor(region: Uint8Array, arena: Uint8Array, throughLibc = libcLoads()) {
    assert(
      region.buffer instanceof SharedArrayBuffer && arena.buffer instanceof SharedArrayBuffer,
      'a memory disk and the arena are shared memory, which never moves',
    )
    this.#libc = throughLibc ? libc() : undefined
    this.#region = region
    this.#regionBytes = region.byteLength
    this.#regionAddress = this.#libc?.addressOf(region) ?? 0
    this.#arena = arena
    this.#arenaBytes = arena.byteLength
    this.#arenaAddress = this.#libc?.addressOf(arena) ?? 0
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertTransfer(this.#arenaBytes, arenaOffset, byteLength, fileOffset)
    if (byteLength === 0) return 0
    if (fileOffset + byteLength > this.#regionBytes) return errno.EIO
    if (this.#libc !== undefined) {
      this.#libc.memmove(this.#arenaAddress + arenaOffset, this.#regionAddress + fileOffset, byteLength)
    } else {
      this.#arena.set(this.#region.subarray(fileOffset, fileOffset + byteLength), arenaOffset)
    }
    return 0
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertTransfer(this.#arenaBytes, arenaOffset, byteLength, fileOffset)
    if (byteLength === 0) return 0
    if (fileOffset + byteLength > this.#regionBytes) return errno.ENOSPC
    if (this.#libc !== undefined) {
      this.#libc.memmove(this.#regionAddress + fileOffset, this.#arenaAddress + arenaOffset, byteLength)
    } else {
      this.#region.set(this.#arena.subarray(arenaOffset, arenaOffset + byteLength), fileOffset)
    }
    return 0
  }

  zero(byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    if (byteLength === 0) return 0
    if (fileOffset + byteLength > this.#regionBytes) return errno.ENOSPC
    this.#region.fill(0, fileOffset, fileOffset + byteLength)
    return 0
  }

  discard(byteLength: number, fileOffset: number): number {
    return this.zero(byteLength, fileOffset)
  }

  /** All data: memory has no holes. */
  extent(_fileOffset: number, byteLength: number): number {
    return byteLength
  }

  barrier(): number {
    return 0
  }

  sizeBytes(): number {
    return this.#regionBytes
  }
}
