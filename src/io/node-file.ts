/**
 * BlockFile over node:fs: the portable twin of LibcFile, for machines where koffi has no binary, and the second opinion in
 * tests.
 *
 * Guarantees: the same answers as LibcFile; node:fs throws, and here an exception becomes its errno. Only a discard needs
 * libc: without koffi's binary it answers EOPNOTSUPP.
 * Leaves out on purpose: the promise to allocate nothing. An exception is an object, and so is the answer of fstat.
 */
import { fdatasyncSync, fstatSync, readSync, writeSync } from 'node:fs'
import { blockDeviceBytes } from './block-device.js'
import { type BlockFile, errno } from './block-file.js'
import { punchHole } from './deallocate.js'
import { KnownEnd, type Turns } from './known-end.js'
import { libc, libcLoads } from './libc.js'
import { errnoOf } from './system-error.js'
import { assertRange, assertTransfer } from './transfer-bounds.js'
import { writeZeroes } from './write-zeroes.js'

/** node:fs refuses lengths of 2 GiB and more. */
const transferBytesMax = 1 << 30

export class NodeFile implements BlockFile {
  readonly #fd: number
  readonly #arena: Uint8Array
  readonly #isBlockDevice: boolean

  readonly #end: KnownEnd

  constructor(fd: number, arena: Uint8Array, isBlockDevice: boolean, turns?: Turns) {
    this.#fd = fd
    this.#arena = arena
    this.#isBlockDevice = isBlockDevice
    this.#end = new KnownEnd(() => this.sizeBytes(), turns)
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    return this.#move(readSync, arenaOffset, byteLength, fileOffset)
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    const refused = byteLength === 0 ? 0 : this.#end.refuse(fileOffset + byteLength)
    return refused === 0 ? this.#move(writeSync, arenaOffset, byteLength, fileOffset) : refused
  }

  zero(byteLength: number, fileOffset: number): number {
    const refused = this.#refuseRange(byteLength, fileOffset)
    return refused === 0 ? writeZeroes(this.#fd, byteLength, fileOffset) : refused
  }

  discard(byteLength: number, fileOffset: number): number {
    const refused = this.#refuseRange(byteLength, fileOffset)
    if (refused !== 0) return refused
    return libcLoads() ? punchHole(libc(), this.#fd, byteLength, fileOffset) : errno.EOPNOTSUPP
  }

  /** All data: node:fs cannot seek. */
  extent(_fileOffset: number, byteLength: number): number {
    return byteLength
  }

  barrier(): number {
    for (;;) {
      try {
        fdatasyncSync(this.#fd)
        return 0
      } catch (error) {
        const failure = errnoOf(error)
        if (failure !== errno.EINTR) return failure
      }
    }
  }

  sizeBytes(): number {
    try {
      return this.#measure()
    } catch {
      return -1
    }
  }

  #measure(): number {
    const status = fstatSync(this.#fd, { bigint: true })
    return this.#isBlockDevice ? blockDeviceBytes(status.rdev) : Number(status.size)
  }

  /** The system would take a hole past the end, and zeroes there would extend the file. */
  #refuseRange(byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    try {
      return byteLength > 0 && fileOffset + byteLength > this.#measure() ? errno.ENOSPC : 0
    } catch (error) {
      return errnoOf(error)
    }
  }

  #move(
    call: (fd: number, buffer: Uint8Array, offset: number, length: number, position: number) => number,
    arenaOffset: number,
    byteLength: number,
    fileOffset: number,
  ): number {
    assertTransfer(this.#arena.byteLength, arenaOffset, byteLength, fileOffset)
    let done = 0
    while (done < byteLength) {
      try {
        const length = Math.min(byteLength - done, transferBytesMax)
        const moved = call(this.#fd, this.#arena, arenaOffset + done, length, fileOffset + done)
        if (moved === 0) return errno.EIO
        done += moved
      } catch (error) {
        const failure = errnoOf(error)
        if (failure !== errno.EINTR) return failure
      }
    }
    return 0
  }
}
