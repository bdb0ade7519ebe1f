/** A system call of ours on a descriptor of ours that failed. */
import { errnoName } from '../base/errno-name.js'
import { CowringError } from '../base/errors.js'
import { libc } from '../io/libc.js'

export function systemFailure(syscall: string, what: string): CowringError {
  const errno = libc().lastErrno()
  const text = `cannot ${what}: ${syscall} answered ${errnoName(errno)}; it may be at a limit of this process or system`
  return new CowringError('IO_ERROR', text, { syscall, errno })
}
