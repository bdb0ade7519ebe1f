/**
 * fallocate on a range inside a file or block device: holes, and zeroes without writing them.
 *
 * Guarantees: 0, EOPNOTSUPP where the file system or device cannot do it (nothing has changed then), or another errno. The
 * size stays. On a block device Linux turns a hole into an unmapping that reads as zeroes, or refuses.
 */
import { errno } from './block-file.js'
import type { Libc } from './libc.js'

const keepSize = 1
const punch = 2
const zero = 16

/** The range has no space any more and reads as zeroes. */
export function punchHole(libc: Libc, fd: number, byteLength: number, fileOffset: number): number {
  return allocate(libc, fd, punch | keepSize, byteLength, fileOffset)
}

/** The range reads as zeroes; a block device writes them itself if it must. */
export function zeroRange(libc: Libc, fd: number, byteLength: number, fileOffset: number): number {
  const failure = punchHole(libc, fd, byteLength, fileOffset)
  return failure === errno.EOPNOTSUPP ? allocate(libc, fd, zero | keepSize, byteLength, fileOffset) : failure
}

function allocate(libc: Libc, fd: number, mode: number, byteLength: number, fileOffset: number): number {
  if (byteLength === 0) return 0
  for (;;) {
    if (libc.fallocate64(fd, mode, fileOffset, byteLength) === 0) return 0
    const failure = libc.lastErrno()
    // ENOSYS: the kernel, or what stands in for it, has no fallocate at all.
    if (failure === errno.ENOSYS) return errno.EOPNOTSUPP
    if (failure !== errno.EINTR) return failure
  }
}
