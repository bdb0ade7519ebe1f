/**
 * Opens what becomes an origin or a COW: a regular file, a block device, or memory. Only the coordinator's thread does this;
 * other threads make their BlockFile from the descriptor.
 *
 * Guarantees: the source is locked before anything is written to it, and a failure leaves the file system as it was.
 * Leaves out on purpose: what the bytes mean. An empty COW and a foreign one open alike.
 */
import { isAbsolute, resolve } from 'node:path'
import { assert } from '../base/assert.js'
import { CowringError } from '../base/errors.js'
import { sectorBytes } from '../base/units.js'
import { openFile, pathIdentity } from './open-file.js'
import { memoryIdentity, openMemory } from './open-memory.js'
import type { OpenedSource, OpenSourceOptions, Source } from './source.js'

export type { OpenedSource, OpenSourceOptions, Source } from './source.js'

/**
 * Fails with DEVICE_MISSING (no such file), DEVICE_UNSUPPORTED (neither file nor block device, empty, or no O_DIRECT),
 * DEVICE_BUSY (in use, here or elsewhere), COW_TOO_SMALL (an empty COW), INVALID_ARGUMENT, IO_ERROR.
 */
export function openSource(source: Source, options: OpenSourceOptions): OpenedSource {
  const { createBytes, role, access } = options
  assert(createBytes === undefined || access === 'write', 'only a source that is written to can be created')
  if (createBytes !== undefined && !(createBytes > 0 && Number.isSafeInteger(createBytes / sectorBytes))) {
    throw new CowringError(
      'INVALID_ARGUMENT',
      `A new ${role} cannot have ${createBytes} bytes. Give a positive multiple of ${sectorBytes}.`,
      { byteLength: createBytes },
    )
  }
  return typeof source === 'string' ? openFile(absolute(source), options) : openMemory(source.memory, options)
}

/**
 * The identity a source would have if it were opened, without opening it: tells that a COW is its own origin before the
 * lock says "busy". `undefined` for what does not exist yet, and for memory that opening would copy.
 */
export function identityOf(source: Source): string | undefined {
  return typeof source === 'string' ? pathIdentity(absolute(source)) : memoryIdentity(source.memory)
}

const absolute = (path: string) => (isAbsolute(path) ? path : resolve(path))
