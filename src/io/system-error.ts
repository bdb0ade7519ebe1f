/**
 * From a failed system call to an operating error: the errno and the call as data, and a sentence that says what to do.
 */
import { getSystemErrorName } from 'node:util'
import { CowringError, type ErrorCode } from '../base/errors.js'
import { errno } from './block-file.js'

/** The positive errno of what node:fs threw; EIO if it carries none. */
export function errnoOf(error: unknown): number {
  const code: unknown = error instanceof Error && 'errno' in error ? error.errno : undefined
  return typeof code === 'number' && code !== 0 ? Math.abs(code) : errno.EIO
}

const adviceOf: Readonly<Record<string, string>> = {
  EACCES: 'Check the permissions of the file and of the folders above it, or open it read-only.',
  EPERM: 'Check the permissions and attributes of the file, or open it read-only.',
  EROFS: 'Its file system or device is read-only: open it read-only, or remount it.',
  EMFILE: 'This process has too many files open: raise the limit (ulimit -n), or close some.',
  ENFILE: 'The system has too many files open: close some.',
  ENOSPC: 'Its file system is full: free some space, or put it elsewhere.',
  EDQUOT: 'The disk quota is used up: free some space, or put it elsewhere.',
  EFBIG: 'Its file system cannot hold a file of that size: ask for less, or put it elsewhere.',
  EEXIST: 'It appeared in the meantime, or is a symbolic link to nothing: look at it and try again.',
  ELOOP: 'Its symbolic links form a loop: repair them.',
  ENXIO: 'Its driver or medium is absent: attach it and try again.',
}

/** Names what failed. `doing` completes "Could not ... PATH". */
export function systemError(error: unknown, doing: string, path: string, code: ErrorCode = 'IO_ERROR'): CowringError {
  const number = errnoOf(error)
  const name = errnoName(number)
  const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : undefined
  const advice = adviceOf[name] ?? 'Look at the system log for the cause.'
  const facts = { path, errno: number, reason: name, ...(syscall === undefined ? {} : { syscall }) }
  return new CowringError(code, `Could not ${doing} ${path}: ${name}. ${advice}`, facts, error)
}

export function errnoName(number: number): string {
  try {
    return getSystemErrorName(-number)
  } catch {
    return `errno ${number}`
  }
}
