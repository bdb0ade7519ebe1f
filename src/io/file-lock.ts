/**
 * Keeps a file to one writer, or to readers only: against other processes and against a second open in this one.
 *
 * Guarantees: the lock is flock's, on the open file: it ends when the descriptor is closed, also by a crash, and two paths
 * of one file (links) share it. Any program that uses flock sees it.
 * Requires: koffi's binary, since Node has no flock. A descriptor that nothing else duplicates.
 * Leaves out on purpose: waiting, and programs that do not lock: nothing can stop those.
 */
import { constants, fstatSync, openSync } from 'node:fs'
import { CowringError } from '../base/errors.js'
import { errno } from './block-file.js'
import { libc, libcLoads } from './libc.js'
import { lockHolder } from './lock-holder.js'
import { errnoName, errnoOf, systemError } from './system-error.js'

export type LockMode = 'shared' | 'exclusive'

const lockShared = 1
const lockExclusive = 2
const lockNonBlocking = 4
const ebusy = 16

/** Takes the lock or fails with DEVICE_BUSY, naming who has it if that can be told. `role` is for the message. */
export function lockFile(fd: number, path: string, mode: LockMode, role: string): void {
  if (!libcLoads()) {
    const reason = 'koffi has no binary for this machine'
    throw new CowringError(
      'DEVICE_UNSUPPORTED',
      `Could not lock the ${role} ${path}: ${reason}, and Node has no flock. Install koffi's package for this platform.`,
      { path, syscall: 'flock', reason },
    )
  }
  const operation = (mode === 'exclusive' ? lockExclusive : lockShared) | lockNonBlocking
  while (libc().flock(fd, operation) !== 0) {
    const failure = libc().lastErrno()
    if (failure === errno.EAGAIN) throw busy(fd, path, mode, role)
    if (failure !== errno.EINTR) {
      const reason = errnoName(failure)
      throw new CowringError(
        'IO_ERROR',
        `Could not lock the ${role} ${path}: ${reason}. Put it on a file system that has locks.`,
        { path, errno: failure, syscall: 'flock', reason },
      )
    }
  }
}

/**
 * Claims a block device for writing with O_EXCL: fails while it is mounted, is swap, or carries another device. Answers
 * the descriptor that keeps the claim until it is closed. flock cannot do this: it sees only those who use flock.
 */
export function claimBlockDevice(path: string, role: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_EXCL)
  } catch (error) {
    if (errnoOf(error) !== ebusy) throw systemError(error, `open the ${role}`, path)
    throw new CowringError(
      'DEVICE_BUSY',
      `The ${role} ${path} is mounted, used as swap, or part of another device. Release it there first.`,
      { path, errno: ebusy, syscall: 'open', reason: 'EBUSY' },
      error,
    )
  }
}

function busy(fd: number, path: string, mode: LockMode, role: string): CowringError {
  const holder = lockHolder(fstatSync(fd, { bigint: true }))
  const facts = { path, errno: errno.EAGAIN, syscall: 'flock', ...(holder === undefined ? {} : { holder }) }
  const wanted = mode === 'exclusive' ? 'exclusively' : 'for reading'
  if (holder === 'this process') {
    return new CowringError(
      'DEVICE_BUSY',
      `The ${role} ${path} cannot be opened ${wanted}: this process has it open already. Use that one, or close it first.`,
      facts,
    )
  }
  return new CowringError(
    'DEVICE_BUSY',
    `The ${role} ${path} cannot be opened ${wanted}: ${holder ?? 'another process'} has it locked. Close it there first.`,
    facts,
  )
}
