/** Makes this thread's BlockFile of what the coordinator's thread has opened and put together. */
import { present } from '../base/assert.js'
import type { BlockFile, BlockFileDescriptor } from './block-file.js'
import type { Turns } from './known-end.js'
import { LibcFile } from './libc-file.js'
import { MapFile } from './map-file.js'
import { MemoryFile } from './memory-file.js'
import { NodeFile } from './node-file.js'
import { ErrorFile, FlakeyFile, ZeroFile } from './odd-files.js'
import { StripeFile } from './stripe-file.js'

/** What stacked files need of the thread they are made on. */
export interface StackedParts {
  /** The file that serves a volume below. */
  volume(volume: number): BlockFile
  /** A column of stripes failed; `failures` is where its failures are counted. */
  stripeFailed(failures: SharedArrayBuffer, column: number): void
}

export function blockFileFrom(
  descriptor: BlockFileDescriptor,
  arena: Uint8Array,
  parts?: StackedParts,
  turns?: Turns,
): BlockFile {
  const made = new Map<string, BlockFile>()
  return make(descriptor)

  /** One BlockFile for each open file: a map knows by that which of its parts share one. */
  function make(wanted: BlockFileDescriptor): BlockFile {
    const key = keyOf(wanted)
    const file = (key === undefined ? undefined : made.get(key)) ?? makeNew(wanted)
    if (key !== undefined) made.set(key, file)
    return file
  }

  function makeNew(wanted: BlockFileDescriptor): BlockFile {
    switch (wanted.kind) {
      case 'file':
        return wanted.backend === 'libc'
          ? new LibcFile(wanted.fd, arena, undefined, turns)
          : new NodeFile(wanted.fd, arena, wanted.isBlockDevice, turns)
      case 'memory':
        return new MemoryFile(new Uint8Array(wanted.bytes, wanted.byteOffset, wanted.sizeBytes), arena)
      case 'map':
        return new MapFile(wanted.parts.map((part) => ({ ...part, file: make(part.file) })))
      case 'stripes': {
        const { chunkBytes, columns, failures, sizeBytes } = wanted
        const files = columns.map(({ file, fileOffset }) => ({ file: make(file), fileOffset }))
        return new StripeFile(files, chunkBytes, sizeBytes, (column) => parts?.stripeFailed(failures, column))
      }
      case 'error':
        return new ErrorFile(wanted.sizeBytes)
      case 'zero':
        return new ZeroFile(wanted.sizeBytes, arena)
      case 'flakey':
        return new FlakeyFile(make(wanted.file), wanted.fileOffset, wanted.sizeBytes, wanted, wanted.faults)
      case 'volume':
        return present(parts, 'only a worker thread serves a volume below').volume(wanted.volume)
    }
  }
}

function keyOf(descriptor: BlockFileDescriptor): string | undefined {
  if (descriptor.kind === 'file') return `file ${descriptor.fd}`
  return descriptor.kind === 'volume' ? `volume ${descriptor.volume}` : undefined
}
