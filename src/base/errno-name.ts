/** The name of an errno, for messages: `ENOSPC` says more than 28. */
import { getSystemErrorName } from 'node:util'

export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}
