/** A regular file or block device, with nothing around its system calls. */
import { existsSync } from 'node:fs'
import { errnoName } from '../../base/errno-name.js'
import { CowringError } from '../../index.js'
import type { BlockFile } from '../../io/block-file.js'
import { libcLoads } from '../../io/libc.js'
import { blockFileFrom } from '../../io/make-block-file.js'
import { type OpenedSource, openSource } from '../../io/open-source.js'
import { laneMemory } from '../lane/buffers.js'
import { type LanePlace, type OpenTarget, type Probe, probeBytes, type TargetNeeds } from './open-target.js'

export class FileTarget implements OpenTarget {
  readonly text: string
  readonly isNew: boolean
  readonly madeFile: string | undefined
  readonly #source: OpenedSource
  readonly #probe: Probe

  private constructor(text: string, path: string, source: OpenedSource) {
    this.text = text
    this.isNew = source.created
    this.madeFile = source.created ? path : undefined
    this.#source = source
    this.#probe = new FileProbe(source)
  }

  /** Fails as `openSource`; with INVALID_ARGUMENT for a file that is to be made and has no size. */
  static open(text: string, path: string, needs: TargetNeeds): FileTarget {
    const { createBytes, direct, writes } = needs
    if (!existsSync(path) && createBytes === undefined) {
      throw new CowringError(
        'INVALID_ARGUMENT',
        `${path} does not exist, and its jobs do not say how large it is to be; give size`,
      )
    }
    const source = openSource(path, {
      access: writes || !existsSync(path) ? 'write' : 'read',
      direct,
      backend: libcLoads() ? 'libc' : 'node',
      role: 'device',
      ...(createBytes === undefined || existsSync(path) ? {} : { createBytes }),
    })
    return new FileTarget(text, path, source)
  }

  get volumeNames(): readonly string[] {
    return []
  }

  volume(): Probe {
    return this.#probe
  }

  depthOf(): number {
    return 1
  }

  lanePlace(): LanePlace {
    return { kind: 'thread', place: { kind: 'file', file: this.#source.descriptor }, transfer: [] }
  }

  async close(): Promise<void> {
    this.#source.close()
  }
}

class FileProbe implements Probe {
  readonly name: string
  readonly sizeBytes: number
  readonly #file: BlockFile
  readonly #buffer: Uint8Array

  constructor(source: OpenedSource) {
    const { buffers, memory } = laneMemory(1, probeBytes)
    this.name = source.name
    this.sizeBytes = source.sizeBytes
    this.#file = blockFileFrom(source.descriptor, memory)
    this.#buffer = buffers[0] as Uint8Array
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await nextTurn()
    this.#must(this.#file.read(0, into.byteLength, offset), 'read', offset)
    into.set(this.#buffer.subarray(0, into.byteLength))
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await nextTurn()
    this.#buffer.set(bytes)
    this.#must(this.#file.write(0, bytes.byteLength, offset), 'written', offset)
  }

  #must(errno: number, what: string, byteOffset: number): void {
    if (errno === 0) return
    const text = `${this.name} cannot be ${what} at ${byteOffset}: the system answered ${errnoName(errno)}`
    throw new CowringError('IO_ERROR', text, { device: this.name, byteOffset, errno })
  }
}

/** These calls block: whoever reads a whole file lets others have their turns. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
