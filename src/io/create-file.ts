/**
 * New sparse files, and taking them back.
 *
 * Guarantees: a file that is sized by `sizeDurably` has its name and size on disk before anything relies on them.
 * A new file is readable and writable by its owner only (0600): a COW holds old contents of its origin, which may be
 * secret, and the umask knows nothing of that.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  truncateSync,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errno } from './block-file.js'
import { errnoOf, systemError } from './system-error.js'

const ownerOnly = 0o600

/** Creates an empty file that did not exist, and answers its descriptor. */
export function createEmpty(path: string, role: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, ownerOnly)
  } catch (error) {
    throw systemError(error, `create the ${role}`, path)
  }
}

/** Extends an empty file to `byteLength` without writing any of it, durably, name included. */
export function sizeDurably(fd: number, path: string, byteLength: number, role: string): void {
  try {
    ftruncateSync(fd, byteLength)
    fsyncSync(fd)
    syncFolder(dirname(path))
  } catch (error) {
    throw systemError(error, `make room for ${byteLength} bytes in the ${role}`, path)
  }
}

/** Unlinks or empties the file at `path` if it still is the one that `identity` describes. */
export function takeBack(path: string, identity: { dev: bigint; ino: bigint }, how: 'unlink' | 'empty'): void {
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (now === undefined || now.dev !== identity.dev || now.ino !== identity.ino) return
  if (how === 'unlink') unlinkSync(path)
  else truncateSync(path, 0)
}

export function isSameFile(fd: number, path: string): boolean {
  const open = fstatSync(fd, { bigint: true })
  const named = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return named !== undefined && named.dev === open.dev && named.ino === open.ino
}

function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } catch (error) {
    // Some network and FUSE file systems have no fsync for folders; their names are as durable as they get.
    if (errnoOf(error) !== errno.EINVAL) throw error
  } finally {
    closeSync(fd)
  }
}
