/**
 * Opens a path as a source: look, open or create, lock, look again, and only then change anything.
 *
 * Guarantees: a path is looked at before it is opened (opening a FIFO would hang, a tape would rewind); the lock is on the
 * file that the path names; whatever this call did is undone if it fails.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CowringError } from '../base/errors.js'
import { sectorBytes } from '../base/units.js'
import { deviceNumberText } from './block-device.js'
import { errno } from './block-file.js'
import { createEmpty, isSameFile, sizeDurably, takeBack } from './create-file.js'
import { claimBlockDevice, lockFile } from './file-lock.js'
import { missing, noDirect, refuseOtherKinds, replaced } from './file-refusals.js'
import { blockBytes, usableBytes } from './measure-file.js'
import type { OpenedSource, OpenSourceOptions } from './source.js'
import { errnoOf, systemError } from './system-error.js'

export function openFile(given: string, options: OpenSourceOptions): OpenedSource {
  const existing = realPath(given, options)
  if (existing !== undefined) return openAt(existing, false, given, options)
  if (options.createBytes === undefined) throw missing(given, options)
  const folder = realPath(dirname(given), options)
  if (folder === undefined) throw missing(dirname(given), options)
  return openAt(join(folder, basename(given)), true, given, options)
}

/** The identity of what a path names now, if it names anything that could be opened. */
export function pathIdentity(path: string): string | undefined {
  try {
    return identityOfStatus(statSync(path, { bigint: true }))
  } catch {
    return undefined
  }
}

function openAt(path: string, create: boolean, given: string, options: OpenSourceOptions): OpenedSource {
  const { role, access, backend, createBytes } = options
  const lockedFd = create ? createEmpty(path, role) : openExisting(path, options)
  const opened = [lockedFd]
  const close = () => {
    for (const fd of opened.splice(0)) closeSync(fd)
  }
  const status = fstatSync(lockedFd, { bigint: true })
  let remove = create ? () => takeBack(path, status, 'unlink') : () => {}
  try {
    refuseOtherKinds(status, path, role)
    lockFile(lockedFd, path, access === 'write' ? 'exclusive' : 'shared', role)
    if (!isSameFile(lockedFd, path)) throw replaced(path, role)
    // From here on the file is ours alone to change.
    const isBlockDevice = status.isBlockDevice()
    if (isBlockDevice && access === 'write') opened.push(claimBlockDevice(path, role))
    const fd = options.direct === true ? reopenDirect(lockedFd, path, options) : lockedFd
    if (fd !== lockedFd) opened.push(fd)
    const isEmpty = status.isFile() && fstatSync(fd).size === 0
    if (isEmpty && createBytes !== undefined) {
      if (!create) remove = () => takeBack(path, status, 'empty')
      sizeDurably(fd, path, createBytes, role)
    }
    const sizeBytes = usableBytes(fd, status, path, options)
    return {
      descriptor: {
        kind: 'file',
        fd,
        backend,
        isBlockDevice,
        sizeBytes,
        ...(options.direct === true ? { isDirect: true } : {}),
        flushFailure: new SharedArrayBuffer(4),
      },
      path,
      name: basename(given),
      identity: identityOfStatus(status),
      sizeBytes,
      blockSectors: blockBytes(fd, status, sizeBytes, path, options) / sectorBytes,
      created: create,
      remove,
      close,
    }
  } catch (error) {
    // Who lost the race for the lock of a new file leaves it to the winner.
    const isTheirs = error instanceof CowringError && error.code === 'DEVICE_BUSY'
    if (!isTheirs) attempt(remove)
    close()
    throw error
  }
}

function openExisting(path: string, options: OpenSourceOptions): number {
  try {
    refuseOtherKinds(statSync(path, { bigint: true }), path, options.role)
    return openSync(path, accessFlag(options))
  } catch (error) {
    if (error instanceof CowringError) throw error
    throw systemError(error, `open the ${options.role}`, path, isAbsence(error) ? 'DEVICE_MISSING' : 'IO_ERROR')
  }
}

/**
 * Opens the same file again with O_DIRECT. Not at first: `open` with O_CREAT and O_DIRECT leaves a file behind even where it
 * fails, and the lock of the first descriptor goes on holding.
 */
function reopenDirect(fd: number, path: string, options: OpenSourceOptions): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, accessFlag(options) | constants.O_DIRECT)
  } catch (error) {
    if (errnoOf(error) === errno.EINVAL) throw noDirect(path, options.role, error)
    throw systemError(error, `open the ${options.role}`, path)
  }
}

const accessFlag = ({ access }: OpenSourceOptions) => (access === 'write' ? constants.O_RDWR : constants.O_RDONLY)

/** Without symbolic links; `undefined` if there is nothing. */
function realPath(path: string, { role }: OpenSourceOptions): string | undefined {
  try {
    return realpathSync(path)
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw systemError(error, `find the ${role}`, path)
  }
}

const absences = new Set(['ENOENT', 'ENOTDIR', 'ENXIO', 'ENODEV', 'ENOMEDIUM'])
const isAbsence = (error: unknown) => error instanceof Error && 'code' in error && absences.has(String(error.code))

function identityOfStatus(status: BigIntStats): string {
  return status.isBlockDevice() ? `device:${deviceNumberText(status.rdev)}` : `file:${status.dev}:${status.ino}`
}

/** For undoing: the failure that led here is the one to report. */
function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // Nothing better can be done about a file that cannot be taken back.
  }
}
