/**
 * RLIMIT_FSIZE of this process: writes past it answer EFBIG, wherever the file lies. Node ignores the signal that comes with it,
 * and so do its threads. For tests in a process of their own (vitest's forks).
 */
import { spawnSync } from 'node:child_process'

const limit = (bytes: number | 'unlimited') =>
  spawnSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`], { encoding: 'utf8' })

export const mayLimitFileSize = limit('unlimited').status === 0

export function limitFileSize(bytes: number | 'unlimited'): void {
  const { status, stderr } = limit(bytes)
  if (status !== 0) throw new Error(`prlimit: ${stderr}`)
}
