/**
 * What sysfs says about a block device, found by its device number.
 *
 * Leaves out on purpose: ioctl. sysfs answers the same questions to anyone, without a struct per kernel.
 */
import { existsSync, readFileSync } from 'node:fs'
import { sectorsToBytes } from '../base/units.js'

/** `MAJ:MIN` in decimal, from a device number as stat gives it. */
export function deviceNumberText(device: bigint): string {
  return `${majorOf(device)}:${minorOf(device)}`
}

export const majorOf = (device: bigint): bigint => ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)
export const minorOf = (device: bigint): bigint => (device & 0xffn) | ((device >> 12n) & 0xffffff00n)

/** The size of a block device now. Throws what node:fs throws if sysfs does not know it. */
export function blockDeviceBytes(device: bigint): number {
  return sectorsToBytes(Number(readFileSync(`/sys/dev/block/${deviceNumberText(device)}/size`, 'utf8')))
}

/** The logical block size of a block device or partition; `undefined` if sysfs does not know the device. */
export function logicalBlockBytes(device: bigint): number | undefined {
  const folder = `/sys/dev/block/${deviceNumberText(device)}`
  // A partition has no queue of its own; the folder above it is the disk, because the kernel resolves the link first.
  for (const queue of [`${folder}/queue`, `${folder}/../queue`]) {
    const file = `${queue}/logical_block_size`
    if (existsSync(file)) return Number(readFileSync(file, 'utf8'))
  }
  return undefined
}
