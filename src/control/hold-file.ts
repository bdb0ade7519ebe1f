/**
 * Holding a file, for a program that must be the only one of its kind: the lock ends with the process, however it ends.
 *
 * The file stays behind when it is let go of: removing it would let two others lock two different files of one name.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { lockFile } from '../io/file-lock.js'
import { systemError } from '../io/system-error.js'

export interface HeldFile {
  /** Lets go of it. Calling it again does nothing. */
  release(): void
}

/**
 * Makes the file if there is none (readable by its owner only) and locks it against every other process. `role` says in
 * messages what it is. Fails with DEVICE_BUSY, naming who holds it if that can be told; DEVICE_UNSUPPORTED, IO_ERROR.
 */
export function holdFile(path: string, role: string): HeldFile {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw systemError(error, `open the ${role}`, path)
  }
  try {
    lockFile(fd, path, 'exclusive', role)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return {
    release() {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
