/**
 * Memory as a source: in place where it is shared already, in a copy where it is not.
 *
 * Guarantees: overlapping regions of one SharedArrayBuffer exclude each other as files do: one writer, or readers only.
 * Leaves out on purpose: other threads. A SharedArrayBuffer looks like a new one there, so each thread knows its own opens.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import type { OpenedSource, OpenSourceOptions } from './source.js'

interface Region {
  readonly buffer: SharedArrayBuffer
  readonly start: number
  readonly end: number
  readonly access: 'read' | 'write'
}

const openRegions = new Set<Region>()
const bufferNumbers = new WeakMap<SharedArrayBuffer, number>()
let buffersSeen = 0

export function openMemory(memory: Uint8Array | number, options: OpenSourceOptions): OpenedSource {
  const view = sharedView(memory, options.role)
  const { buffer, byteOffset } = view
  const sizeBytes = sectorsToBytes(bytesToSectors(view.byteLength))
  if (sizeBytes === 0) {
    throw new CowringError(
      options.role === 'COW' ? 'COW_TOO_SMALL' : 'DEVICE_UNSUPPORTED',
      `The ${options.role} in memory has ${view.byteLength} bytes, less than one sector. Give it at least 512.`,
      { device: 'memory', byteLength: view.byteLength },
    )
  }
  const region: Region = { buffer, start: byteOffset, end: byteOffset + view.byteLength, access: options.access }
  lockRegion(region, options.role)
  return {
    descriptor: { kind: 'memory', bytes: buffer, byteOffset, sizeBytes },
    path: undefined,
    name: 'memory',
    identity: identityOfView(view),
    sizeBytes,
    blockSectors: 1,
    created: false,
    remove: () => {},
    close: () => void openRegions.delete(region),
  }
}

/** `undefined` for memory that is not shared: opening it makes a copy, which is like nothing else. */
export function memoryIdentity(memory: Uint8Array | number): string | undefined {
  return typeof memory !== 'number' && isShared(memory) ? identityOfView(memory) : undefined
}

function lockRegion(region: Region, role: string): void {
  for (const other of openRegions) {
    const overlaps = other.buffer === region.buffer && other.start < region.end && region.start < other.end
    if (overlaps && (other.access === 'write' || region.access === 'write')) {
      throw new CowringError(
        'DEVICE_BUSY',
        `The memory given for the ${role} cannot be opened: this process has it open already. Close it there first.`,
        { device: 'memory', byteOffset: region.start, byteLength: region.end - region.start, holder: 'this process' },
      )
    }
  }
  openRegions.add(region)
}

function sharedView(memory: Uint8Array | number, role: string): Uint8Array<SharedArrayBuffer> {
  if (typeof memory !== 'number') {
    if (isShared(memory)) return memory
    const copy = new Uint8Array(new SharedArrayBuffer(memory.byteLength))
    copy.set(memory)
    return copy
  }
  if (!Number.isSafeInteger(memory) || memory < 0) {
    throw new CowringError(
      'INVALID_ARGUMENT',
      `The ${role} in memory cannot have ${memory} bytes. Give a whole number of bytes.`,
      { device: 'memory', byteLength: memory },
    )
  }
  try {
    return new Uint8Array(new SharedArrayBuffer(memory))
  } catch (error) {
    throw new CowringError(
      'LIMIT_EXCEEDED',
      `Could not reserve ${memory} bytes of memory for the ${role}. Ask for less, or use a file.`,
      { device: 'memory', byteLength: memory },
      error,
    )
  }
}

const isShared = (view: Uint8Array): view is Uint8Array<SharedArrayBuffer> => view.buffer instanceof SharedArrayBuffer

function identityOfView(view: Uint8Array<SharedArrayBuffer>): string {
  let number = bufferNumbers.get(view.buffer)
  if (number === undefined) {
    buffersSeen += 1
    number = buffersSeen
    bufferNumbers.set(view.buffer, number)
  }
  return `memory:${number}:${view.byteOffset}:${view.byteLength}`
}
