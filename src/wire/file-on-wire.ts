/** Files as they cross to a worker: descriptors, with shared memory taken out and travelling beside the message. */
import { present } from '../base/assert.js'
import type { BlockFileDescriptor, FlakeyFaults } from '../io/block-file.js'

interface PartOnWire {
  readonly file: FileOnWire
  readonly fileOffset: number
}

/** As BlockFileDescriptor; `buffer`, `failures` and `flushFailure` are numbers of the message's buffers. */
export type FileOnWire =
  | Extract<BlockFileDescriptor, { kind: 'error' | 'zero' | 'volume' }>
  | (Omit<Extract<BlockFileDescriptor, { kind: 'file' }>, 'flushFailure'> & { readonly flushFailure: number })
  | { readonly kind: 'memory'; readonly buffer: number; readonly byteOffset: number; readonly sizeBytes: number }
  | {
      readonly kind: 'map'
      readonly sizeBytes: number
      readonly parts: readonly (PartOnWire & { readonly start: number; readonly byteLength: number })[]
    }
  | {
      readonly kind: 'stripes'
      readonly sizeBytes: number
      readonly chunkBytes: number
      readonly columns: readonly PartOnWire[]
      readonly failures: number
    }
  | (PartOnWire & {
      readonly kind: 'flakey'
      readonly sizeBytes: number
      readonly startedMs: number
      readonly upMs: number
      readonly downMs: number
      readonly faults: FlakeyFaults
    })

export function fileOnWire(descriptor: BlockFileDescriptor, buffers: SharedArrayBuffer[]): FileOnWire {
  switch (descriptor.kind) {
    case 'file':
      return { ...descriptor, flushFailure: buffers.push(descriptor.flushFailure) - 1 }
    case 'memory': {
      const { bytes, byteOffset, sizeBytes } = descriptor
      return { kind: 'memory', buffer: buffers.push(bytes) - 1, byteOffset, sizeBytes }
    }
    case 'map':
      return {
        ...descriptor,
        parts: descriptor.parts.map((part) => ({ ...part, file: fileOnWire(part.file, buffers) })),
      }
    case 'stripes':
      return {
        ...descriptor,
        columns: descriptor.columns.map(({ file, fileOffset }) => ({ file: fileOnWire(file, buffers), fileOffset })),
        failures: buffers.push(descriptor.failures) - 1,
      }
    case 'flakey':
      return { ...descriptor, file: fileOnWire(descriptor.file, buffers) }
    default:
      return descriptor
  }
}

export function fileFromWire(wire: FileOnWire, buffers: readonly SharedArrayBuffer[]): BlockFileDescriptor {
  const buffer = (index: number): SharedArrayBuffer => present(buffers[index], 'shared memory of a file')
  switch (wire.kind) {
    case 'file':
      return { ...wire, flushFailure: buffer(wire.flushFailure) }
    case 'memory': {
      const { byteOffset, sizeBytes } = wire
      return { kind: 'memory', bytes: buffer(wire.buffer), byteOffset, sizeBytes }
    }
    case 'map':
      return { ...wire, parts: wire.parts.map((part) => ({ ...part, file: fileFromWire(part.file, buffers) })) }
    case 'stripes':
      return {
        ...wire,
        columns: wire.columns.map(({ file, fileOffset }) => ({ file: fileFromWire(file, buffers), fileOffset })),
        failures: buffer(wire.failures),
      }
    case 'flakey':
      return { ...wire, file: fileFromWire(wire.file, buffers) }
    default:
      return wire
  }
}
