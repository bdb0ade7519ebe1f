/**
 * BlockFile over node:fs: the portable twin of LibcFile, for machines where koffi has no binary, and the second opinion in
 * tests.
 *
 * Guarantees: the same answers as LibcFile. node:fs throws; here an exception becomes its errno.
 * Leaves out on purpose: the promise to allocate nothing. An exception is an object, and so is the answer of fstat.
 */
import { fdatasyncSync, fstatSync, readSync, writeSync } from 'node:fs'
import { blockDeviceBytes } from './block-device.js'
import { type BlockFile, errno } from './block-file.js'
import { errnoOf } from './system-error.js'
import { assertTransfer } from './transfer-bounds.js'

/** node:fs refuses lengths of 2 GiB and more. */
const transferBytesMax = 1 << 30

export class NodeFile implements BlockFile {
  readonly #fd: number
  readonly #arena: Uint8Array
  readonly #isBlockDevice: boolean

  constructor(fd: number, arena: Uint8Array, isBlockDevice: boolean) {
    this.#fd = fd
    this.#arena = arena
    this.#isBlockDevice = isBlockDevice
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    return this.#move(readSync, arenaOffset, byteLength, fileOffset)
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    return this.#move(writeSync, arenaOffset, byteLength, fileOffset)
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
      const status = fstatSync(this.#fd, { bigint: true })
      return this.#isBlockDevice ? blockDeviceBytes(status.rdev) : Number(status.size)
    } catch {
      return -1
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
