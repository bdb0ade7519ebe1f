/** Why a path is not accepted as a source, each with what to do about it. */
import type { BigIntStats } from 'node:fs'
import { CowringError } from '../base/errors.js'
import { errno } from './block-file.js'
import type { OpenSourceOptions } from './source.js'

export function refuseOtherKinds(status: BigIntStats, path: string, role: string): void {
  if (status.isFile() || status.isBlockDevice()) return
  const kind = status.isDirectory()
    ? 'a directory'
    : status.isCharacterDevice()
      ? 'a character device'
      : 'a pipe or socket'
  throw new CowringError(
    'DEVICE_UNSUPPORTED',
    `The ${role} ${path} is ${kind}. Give a regular file or a block device.`,
    { path, reason: kind },
  )
}

export function missing(path: string, { role }: OpenSourceOptions): CowringError {
  const text = `The ${role} ${path} does not exist. Check the path.`
  return new CowringError('DEVICE_MISSING', text, { path, reason: 'ENOENT' })
}

export function replaced(path: string, role: string): CowringError {
  return new CowringError(
    'DEVICE_BUSY',
    `The ${role} ${path} was replaced or removed by someone else while it was being opened. Try again.`,
    { path, reason: 'replaced' },
  )
}

export function noDirect(path: string, role: string, cause?: unknown): CowringError {
  return new CowringError(
    'DEVICE_UNSUPPORTED',
    `The file system of the ${role} ${path} has no direct I/O. Leave out \`direct\`, or put it on a disk.`,
    { path, errno: errno.EINVAL, syscall: 'open', reason: 'O_DIRECT' },
    cause,
  )
}

export function tooSmall(path: string, bytes: number, { role }: OpenSourceOptions): CowringError {
  return new CowringError(
    role === 'COW' ? 'COW_TOO_SMALL' : 'DEVICE_UNSUPPORTED',
    `The ${role} ${path} has ${bytes} bytes, less than one sector. Give one that holds at least one sector of 512 bytes.`,
    { path, byteLength: bytes },
  )
}
