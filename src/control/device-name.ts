/**
 * A name for a block device that stays the same over a reboot and whichever path it was opened by.
 *
 * Kernel names do not: /dev/sdb may be another disk tomorrow, and attaching one disk's snapshots to another would spoil both.
 * What identifies the device is asked of sysfs, which needs no udev. The first that is known wins: device-mapper or MD uuid,
 * the world-wide name, a card's identity, a serial number, a loop device's file. A partition is its disk's name and its
 * number.
 * Guarantees: the answer is a valid file name, the same for the same device.
 * Leaves out on purpose: devices without any identity (RAM disks, NBD clients) keep their kernel name; nothing better exists.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const identities = [
  ['dm-uuid', 'dm/uuid'],
  ['dm-name', 'dm/name'],
  ['md-uuid', 'md/uuid'],
  ['wwid', 'wwid'],
  ['wwid', 'device/wwid'],
  ['cid', 'device/cid'],
  ['serial', 'serial'],
  ['loop', 'loop/backing_file'],
] as const

/** Longest name a Linux file system takes, less room for the ending and a temporary file's. */
const nameLengthMax = 200

export function stableDeviceName(path: string, sysfs = '/sys'): string {
  const link = join(sysfs, 'dev/block', deviceNumbers(path))
  const identity = existsSync(link) ? identityOf(realpathSync(link)) : undefined
  return asFileName(identity ?? `kernel-name-${basename(realpathSync(path))}`)
}

function identityOf(folder: string): string | undefined {
  const partition = attribute(folder, 'partition')
  if (partition !== undefined) {
    const disk = identityOf(dirname(folder))
    return disk === undefined ? undefined : `${disk}-part${partition}`
  }
  for (const [kind, file] of identities) {
    const value = attribute(folder, file)
    if (value === undefined) continue
    const start = kind === 'loop' ? attribute(folder, 'loop/offset') : undefined
    return start === undefined || start === '0' ? `${kind}-${value}` : `${kind}-${value}-at-${start}`
  }
  return undefined
}

/** The text of a sysfs attribute; undefined when the device lacks it or it says nothing. */
function attribute(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'utf8').trim().replace(/\s+/g, ' ') || undefined
  } catch {
    return undefined
  }
}

/** `major:minor`, as sysfs names devices. */
function deviceNumbers(path: string): string {
  const device = statSync(path, { bigint: true }).rdev
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn)
  return `${major}:${minor}`
}

/** Two devices never get the same file name: what is not a plain character is escaped, what is too long is hashed. */
function asFileName(name: string): string {
  const plain = [...Buffer.from(name)]
    .map((byte) => String.fromCharCode(byte))
    .map((character) => (/[A-Za-z0-9._:+-]/.test(character) ? character : escaped(character)))
    .join('')
  if (plain.length <= nameLengthMax) return plain
  return `${plain.slice(0, nameLengthMax - 65)}-${createHash('sha256').update(name).digest('hex')}`
}

const escaped = (character: string): string => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`
