/** How large an open file or block device is, and how finely it can be addressed. */
import { type BigIntStats, fstatSync } from 'node:fs'
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorBytes, sectorsToBytes } from '../base/units.js'
import { blockDeviceBytes, logicalBlockBytes } from './block-device.js'
import { directAlignmentBytes } from './direct-alignment.js'
import { noDirect, tooSmall } from './file-refusals.js'
import type { OpenSourceOptions } from './source.js'
import { systemError } from './system-error.js'

/** The size in bytes, down to whole sectors. Refuses what has not even one. */
export function usableBytes(fd: number, status: BigIntStats, path: string, options: OpenSourceOptions): number {
  const bytes = status.isBlockDevice() ? deviceBytes(status.rdev, path, options.role) : fstatSync(fd).size
  const usable = sectorsToBytes(bytesToSectors(bytes))
  if (usable === 0) throw tooSmall(path, bytes, options)
  return usable
}

/** What offsets and lengths must be multiples of. Direct I/O could not reach a last part of a block, so there is none. */
export function blockBytes(
  fd: number,
  status: BigIntStats,
  sizeBytes: number,
  path: string,
  { direct, role }: OpenSourceOptions,
): number {
  if (status.isBlockDevice()) return logicalBlockBytes(status.rdev) ?? sectorBytes
  if (direct !== true) return sectorBytes
  const alignment = directAlignmentBytes(fd)
  if (alignment === 0) throw noDirect(path, role)
  if (sizeBytes % alignment !== 0) {
    throw new CowringError(
      'DEVICE_UNSUPPORTED',
      `Direct I/O on the ${role} ${path} goes by blocks of ${alignment} bytes, and its ${sizeBytes} bytes are no ` +
        'multiple of that. Extend it, or leave out `direct`.',
      { path, byteLength: sizeBytes },
    )
  }
  return alignment
}

function deviceBytes(device: bigint, path: string, role: string): number {
  try {
    return blockDeviceBytes(device)
  } catch (error) {
    throw systemError(error, `tell the size of the ${role}`, path)
  }
}
