/**
 * Who holds a file's lock, for error messages: /proc/locks names the process, /proc/PID/cmdline what it runs.
 *
 * Leaves out on purpose: certainty. The holder may have let go by now, may live in another pid namespace, or may sit on a
 * file system (btrfs, overlayfs) whose device number in /proc/locks is not the one stat gives; then there is no answer.
 */
import { type BigIntStats, readFileSync } from 'node:fs'
import { majorOf, minorOf } from './block-device.js'

export interface FileLock {
  readonly pid: number
  readonly mode: 'shared' | 'exclusive'
  /** As in /proc/locks: device numbers in hexadecimal, inode in decimal. */
  readonly device: string
  readonly inode: string
}

/** `process 4711 (qemu-system-x86_64 ...)`, `this process`, or `undefined` if nobody can be named. */
export function lockHolder(file: Pick<BigIntStats, 'dev' | 'ino'>): string | undefined {
  const device = lockDevice(file.dev)
  const lock = parseLocks(readOrNothing('/proc/locks')).find(
    (held) => held.device === device && held.inode === file.ino.toString(),
  )
  if (lock === undefined) return undefined
  if (lock.pid === process.pid) return 'this process'
  const command = readOrNothing(`/proc/${lock.pid}/cmdline`).replaceAll('\0', ' ').trim()
  return command === '' ? `process ${lock.pid}` : `process ${lock.pid} (${shorten(command)})`
}

/** The flock locks among the lines of /proc/locks. A line with an arrow waits for a lock and holds none. */
export function parseLocks(text: string): FileLock[] {
  const line = /^\d+: FLOCK +\S+ +(READ|WRITE) +(\d+) +([0-9a-f]+:[0-9a-f]+):(\d+) /gm
  return [...text.matchAll(line)].map(([, mode, pid, device = '', inode = '']) => ({
    pid: Number(pid),
    mode: mode === 'WRITE' ? 'exclusive' : 'shared',
    device,
    inode,
  }))
}

function lockDevice(device: bigint): string {
  const hexadecimal = (number: bigint) => number.toString(16).padStart(2, '0')
  return `${hexadecimal(majorOf(device))}:${hexadecimal(minorOf(device))}`
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const commandCharactersMax = 80
const shorten = (command: string) =>
  command.length <= commandCharactersMax ? command : `${command.slice(0, commandCharactersMax - 3)}...`
