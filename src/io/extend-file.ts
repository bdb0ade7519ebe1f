/** Makes an open regular file longer, without writing any of it. */
import { fsyncSync, ftruncateSync } from 'node:fs'
import type { BlockFileDescriptor } from './block-file.js'
import { systemError } from './system-error.js'

/** True for what can grow by asking: regular files. */
export const canExtend = (descriptor: BlockFileDescriptor): boolean =>
  descriptor.kind === 'file' && !descriptor.isBlockDevice

/** When it returns, the new length is durable. Fails with IO_ERROR, and then the file may have either length. */
export function extendFile(descriptor: BlockFileDescriptor, path: string, byteLength: number): void {
  if (descriptor.kind !== 'file') return
  try {
    ftruncateSync(descriptor.fd, byteLength)
    fsyncSync(descriptor.fd)
  } catch (error) {
    throw systemError(error, `extend to ${byteLength} bytes the COW`, path)
  }
}
