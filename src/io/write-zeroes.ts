/**
 * Zeroes, written: what is left where the system can neither punch a hole nor zero a range by itself.
 *
 * Guarantees: bounded memory, one block for each thread; aligned, so that files opened with O_DIRECT take it.
 * Leaves out on purpose: libc. Whoever comes here writes whole megabytes, and node:fs costs nothing beside that.
 */
import { writeSync } from 'node:fs'
import { pageAlignedMemory } from '../base/page-aligned-memory.js'
import { errno } from './block-file.js'
import { errnoOf } from './system-error.js'

/** Large enough to hide what a call costs, small enough to stay in a core's cache. */
const blockBytes = 128 * 1024

let block: Uint8Array | undefined

/** 0 or an errno; the caller has seen that the range is inside the file. */
export function writeZeroes(fd: number, byteLength: number, fileOffset: number): number {
  block ??= new Uint8Array(pageAlignedMemory(blockBytes))
  let done = 0
  while (done < byteLength) {
    try {
      const moved = writeSync(fd, block, 0, Math.min(blockBytes, byteLength - done), fileOffset + done)
      if (moved === 0) return errno.EIO
      done += moved
    } catch (error) {
      const failure = errnoOf(error)
      if (failure !== errno.EINTR) return failure
    }
  }
  return 0
}
