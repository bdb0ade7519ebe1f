/**
 * Files, block devices and memory that tables are laid over, each open and locked once however many tables use it.
 *
 * Every one has a `major:minor`: a block device its own, a file or memory a pair that it keeps as long as the engine lives.
 */
import { readlinkSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { assert } from '../base/assert.js'
import { CowringError } from '../base/errors.js'
import type { BlockFile, BlockFileDescriptor, IoBackend } from '../io/block-file.js'
import { blockFileFrom } from '../io/make-block-file.js'
import { identityOf, type OpenedSource, openSource } from '../io/open-source.js'
import { Device } from './device.js'

/** Majors that Linux leaves to local use: no driver has them. */
export const fileMajor = 240
/** Mapped devices', on Linux dynamic and mostly this one. */
export const mappedMajor = 254

type DeviceNumberPair = readonly [number, number]

export class PhysicalDevice extends Device {
  readonly major: number
  readonly minor: number
  readonly name: string
  readonly path: string | undefined
  readonly writable: boolean
  readonly file: BlockFile
  readonly source: OpenedSource
  /** What it is known by among the open ones: its identity, unless that is open already. */
  readonly key: string
  /** Kept open by the engine's own API, whatever tables say. */
  holds = 0

  constructor(source: OpenedSource, file: BlockFile, writable: boolean, key: string, number: DeviceNumberPair) {
    super()
    this.key = key
    this.source = source
    this.path = source.path
    this.name = source.path ?? source.name
    this.file = file
    this.writable = writable
    this.major = number[0]
    this.minor = number[1]
  }

  get kernelName(): string {
    return this.source.name
  }

  get isBlockDevice(): boolean {
    const { descriptor } = this.source
    return descriptor.kind === 'file' && descriptor.isBlockDevice
  }

  sizeBytes(): number {
    const bytes = this.file.sizeBytes()
    return bytes < 0 ? this.source.sizeBytes : bytes - (bytes % 512)
  }

  blockSectors(): number {
    return this.source.blockSectors
  }

  descriptor(): BlockFileDescriptor {
    return this.source.descriptor
  }
}

export class PhysicalDevices {
  readonly backend: IoBackend
  readonly #arena: Uint8Array
  readonly #open = new Map<string, PhysicalDevice>()
  readonly #numbers = new Map<string, DeviceNumberPair>()
  #nextMinor = 0
  #allClosed = false

  constructor(backend: IoBackend, arena: Uint8Array) {
    this.backend = backend
    this.#arena = arena
  }

  /**
   * The device at a path, which may be relative to `folder`; opened if it is not. Where it cannot be written it is opened for
   * reading. Fails as `openSource` does.
   */
  at(path: string, folder: string, readOnly: boolean): PhysicalDevice {
    const absolute = isAbsolute(path) ? path : resolve(folder, path)
    const known = this.#open.get(identityOf(absolute) ?? '')
    if (known !== undefined) return known
    return this.adopt(this.#openAt(absolute, readOnly))
  }

  /**
   * Takes a source that the caller has opened; it is closed here when nothing uses it any more. What is open already, which
   * only readers can do to each other, becomes one more device, with a number of its own.
   */
  adopt({ source, writable }: { source: OpenedSource; writable: boolean }): PhysicalDevice {
    const file = blockFileFrom(source.descriptor, this.#arena)
    const isTwin = this.#open.has(source.identity)
    const number: DeviceNumberPair = isTwin ? [fileMajor, this.#nextMinor++] : this.#numberOf(source.identity)
    const key = isTwin ? `${source.identity} as ${number.join(':')}` : source.identity
    const device = new PhysicalDevice(source, file, writable, key, number)
    this.#open.set(key, device)
    return device
  }

  /** The open device of a number, or the block device that has it. */
  numbered(major: number, minor: number, readOnly: boolean): PhysicalDevice | undefined {
    for (const device of this.#open.values()) if (device.major === major && device.minor === minor) return device
    if (major === fileMajor || major === mappedMajor) return undefined
    try {
      const name = readlinkSync(`/sys/dev/block/${major}:${minor}`).split('/').pop()
      return name === undefined ? undefined : this.at(`/dev/${name}`, '/', readOnly)
    } catch (error) {
      if (error instanceof CowringError) throw error
      return undefined
    }
  }

  /** Closes it if nothing needs it any more. */
  closeIfUnused(device: PhysicalDevice): void {
    if (device.usedCount > 0 || device.holds > 0 || this.#allClosed) return
    assert(this.#open.delete(device.key), `${device.name} is open`)
    device.source.close()
  }

  /** Closes whatever is open, used or not: no worker is at work any more that could. */
  closeAll(): void {
    this.#allClosed = true
    for (const { source } of this.#open.values()) source.close()
    this.#open.clear()
  }

  #openAt(path: string, readOnly: boolean): { source: OpenedSource; writable: boolean } {
    const open = (access: 'read' | 'write') => ({
      source: openSource(path, { access, backend: this.backend, role: 'device' }),
      writable: access === 'write',
    })
    if (readOnly) return open('read')
    try {
      return open('write')
    } catch (error) {
      const cannotWrite =
        error instanceof CowringError && ['EACCES', 'EROFS', 'EPERM'].includes(error.facts.reason ?? '')
      if (!cannotWrite) throw error
      return open('read')
    }
  }

  /** A block device's own number; where that is in a range used here, or for anything else, one of ours. */
  #numberOf(identity: string): DeviceNumberPair {
    const block = /^device:(\d+):(\d+)$/.exec(identity)
    const major = Number(block?.[1])
    if (block !== null && major !== fileMajor && major !== mappedMajor) return [major, Number(block[2])]
    const number = this.#numbers.get(identity) ?? [fileMajor, this.#nextMinor++]
    this.#numbers.set(identity, number)
    return number
  }
}
