/** Makes this thread's BlockFile of a file that the coordinator's thread has opened. */
import type { BlockFile, BlockFileDescriptor } from './block-file.js'
import { LibcFile } from './libc-file.js'
import { MemoryFile } from './memory-file.js'
import { NodeFile } from './node-file.js'

export function blockFileFrom(descriptor: BlockFileDescriptor, arena: Uint8Array): BlockFile {
  if (descriptor.kind === 'memory') {
    return new MemoryFile(new Uint8Array(descriptor.bytes, descriptor.byteOffset, descriptor.sizeBytes), arena)
  }
  return descriptor.backend === 'libc'
    ? new LibcFile(descriptor.fd, arena)
    : new NodeFile(descriptor.fd, arena, descriptor.isBlockDevice)
}
