/**
 * BlockFile over libc: the fast one.
 *
 * Guarantees: no object is made per call; short transfers are continued and interrupted calls repeated. What V8 does make
 * is a box of 16 bytes for each number past 2^31 that crosses into C: the address, and a far file offset.
 * Requires: `arena` lies on memory that never moves (a SharedArrayBuffer or a shared WebAssembly.Memory), and nobody uses
 * the descriptor's file position.
 * Leaves out on purpose: closing. The descriptor belongs to whoever opened it; after its close every call answers EBADF.
 */
import { assert } from '../base/assert.js'
import { type BlockFile, errno } from './block-file.js'
import { punchHole, zeroRange } from './deallocate.js'
import { ExtentFinder } from './find-extent.js'
import { KnownEnd, type Turns } from './known-end.js'
import { type Libc, libc, seekEnd } from './libc.js'
import { assertRange, assertTransfer } from './transfer-bounds.js'
import { writeZeroes } from './write-zeroes.js'

export class LibcFile implements BlockFile {
  readonly #libc: Libc
  readonly #fd: number
  /** Held so that the memory behind `#arenaAddress` stays alive. */
  readonly #arena: Uint8Array
  readonly #arenaBytes: number
  readonly #arenaAddress: number

  readonly #end: KnownEnd
  readonly #extents: ExtentFinder

  constructor(fd: number, arena: Uint8Array, bound: Libc = libc(), turns?: Turns) {
    assert(arena.buffer instanceof SharedArrayBuffer, 'the arena is shared memory, which never moves')
    this.#libc = bound
    this.#fd = fd
    this.#arena = arena
    this.#arenaBytes = arena.byteLength
    this.#arenaAddress = this.#libc.addressOf(this.#arena)
    this.#end = new KnownEnd(() => this.sizeBytes(), turns)
    this.#extents = new ExtentFinder(this.#libc, fd)
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertTransfer(this.#arenaBytes, arenaOffset, byteLength, fileOffset)
    let done = 0
    while (done < byteLength) {
      const moved = this.#libc.pread64(
        this.#fd,
        this.#arenaAddress + arenaOffset + done,
        byteLength - done,
        fileOffset + done,
      )
      if (moved > 0) {
        done += moved
      } else {
        const failure = moved === 0 ? errno.EIO : this.#libc.lastErrno()
        if (failure !== errno.EINTR) return failure
      }
    }
    return 0
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    assertTransfer(this.#arenaBytes, arenaOffset, byteLength, fileOffset)
    if (byteLength === 0) return 0
    const refused = this.#end.refuse(fileOffset + byteLength)
    if (refused !== 0) return refused
    let done = 0
    while (done < byteLength) {
      const moved = this.#libc.pwrite64(
        this.#fd,
        this.#arenaAddress + arenaOffset + done,
        byteLength - done,
        fileOffset + done,
      )
      if (moved > 0) {
        done += moved
      } else {
        // A write that takes nothing and names no error would loop for ever.
        const failure = moved === 0 ? errno.EIO : this.#libc.lastErrno()
        if (failure !== errno.EINTR) return failure
      }
    }
    return 0
  }

  zero(byteLength: number, fileOffset: number): number {
    const refused = this.#refuseRange(byteLength, fileOffset)
    if (refused !== 0) return refused
    this.#extents.forget()
    const failure = zeroRange(this.#libc, this.#fd, byteLength, fileOffset)
    return failure === errno.EOPNOTSUPP ? writeZeroes(this.#fd, byteLength, fileOffset) : failure
  }

  discard(byteLength: number, fileOffset: number): number {
    const refused = this.#refuseRange(byteLength, fileOffset)
    if (refused !== 0) return refused
    this.#extents.forget()
    return punchHole(this.#libc, this.#fd, byteLength, fileOffset)
  }

  extent(fileOffset: number, byteLength: number): number {
    assertRange(byteLength, fileOffset)
    return this.#extents.find(fileOffset, byteLength)
  }

  barrier(): number {
    // fdatasync is repeated only when interrupted: after EIO the kernel forgets the lost pages, and a second call would lie.
    for (;;) {
      if (this.#libc.fdatasync(this.#fd) === 0) return 0
      const failure = this.#libc.lastErrno()
      if (failure !== errno.EINTR) return failure
    }
  }

  /** The end of the file, also of a block device: an extended logical volume shows its new size at once. */
  sizeBytes(): number {
    return this.#libc.lseek64(this.#fd, 0, seekEnd)
  }

  /** The system would take a hole past the end, and zeroes there would extend the file. */
  #refuseRange(byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    const sizeBytes = this.sizeBytes()
    if (sizeBytes < 0) return this.#libc.lastErrno()
    return byteLength > 0 && fileOffset + byteLength > sizeBytes ? errno.ENOSPC : 0
  }
}
