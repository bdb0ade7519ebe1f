/**
 * What the workers have been told: volumes, and the files they lie on. Tells them only of what has changed.
 *
 * Requires: whoever changes a volume has drained everything that reaches it.
 */
import type { Machinery } from '../coordinator/machinery.js'
import type { BlockFileDescriptor } from '../io/block-file.js'
import { fileOnWire } from '../wire/file-on-wire.js'
import type { StoreInstance } from './store-instance.js'

interface OriginFacts {
  readonly file: BlockFileDescriptor
  readonly sizeBytes: number
  /** How far what is laid over it reaches: past its end there must be errors, not what lies behind it in its file. */
  readonly reachBytes: number
  readonly nested: number
  /** False for a family's origin. */
  readonly isPlain: boolean
}

export class KnownVolumes {
  readonly #machinery: Machinery
  /** What each volume was made of when the workers were last told. */
  readonly #keys = new Map<number, string>()

  constructor(machinery: Machinery) {
    this.#machinery = machinery
  }

  has(volume: number): boolean {
    return this.#keys.has(volume)
  }

  async origin(volume: number, facts: OriginFacts): Promise<void> {
    const isReachedWithin = facts.reachBytes <= facts.sizeBytes
    const key = `${fileKey(facts.file)} ${facts.sizeBytes} ${facts.nested} ${isReachedWithin}`
    const known = this.#keys.get(volume)
    if (known === key) return
    const buffers: SharedArrayBuffer[] = []
    const { isPlain, nested, sizeBytes } = facts
    const file = fileOnWire(isReachedWithin ? whole(facts.file) : facts.file, buffers)
    const wire = { volume, file, sizeBytes, nested, refusesDiscards: !isPlain }
    this.#keys.set(volume, key)
    const attach = { kind: 'attach-origin', ...wire } as const
    if (known === undefined) await this.#machinery.attach(volume, attach, buffers)
    else await this.#machinery.change(volume, attach, { kind: 'change-origin', ...wire }, buffers)
  }

  async snapshot(instance: StoreInstance): Promise<void> {
    const { store, volume } = instance
    if (store === undefined) return
    // A store that is not valid has nothing to merge: all requests are the origin's.
    if (instance.plan.merges && instance.state() === 'Invalid') return
    const file = instance.plan.cow.descriptor()
    const key = fileKey(file)
    const known = this.#keys.get(volume)
    if (known === key) return
    this.#keys.set(volume, key)
    const buffers: SharedArrayBuffer[] = [store.cursorMemory, ...store.mapMemory]
    const mapBuffers = store.mapMemory.map((_, index) => index + 1)
    const { windowMemory } = instance
    const windowBuffer = windowMemory === undefined ? undefined : buffers.push(windowMemory) - 1
    const snapshot = instance.onWire(store, fileOnWire(file, buffers), { cursorBuffer: 0, mapBuffers, windowBuffer })
    const attach = { kind: 'attach-snapshot', snapshot } as const
    if (known === undefined) {
      await this.#machinery.attach(volume, attach, buffers, store.cursor)
      return
    }
    const change = { kind: 'change-snapshot', volume, cow: snapshot.cow } as const
    await this.#machinery.change(volume, attach, change, buffers)
  }

  async dropOrigin(volume: number): Promise<void> {
    if (this.#keys.delete(volume)) await this.#machinery.detach(volume, { kind: 'detach-origin', volume })
  }

  async dropSnapshot(volume: number): Promise<void> {
    if (this.#keys.delete(volume)) await this.#machinery.detach(volume, { kind: 'detach-snapshot', volume })
  }
}

/** A map that is one file from its start on is that file: its length is told beside it. */
function whole(file: BlockFileDescriptor): BlockFileDescriptor {
  if (file.kind !== 'map') return file
  const [only] = file.parts
  return file.parts.length === 1 && only?.fileOffset === 0 ? only.file : file
}

const bufferNumbers = new WeakMap<SharedArrayBuffer, number>()
let buffersSeen = 0

/** Equal for equal files; shared memory counts by its identity. */
export const fileKey = (file: BlockFileDescriptor): string =>
  JSON.stringify(file, (_, value: unknown) => (value instanceof SharedArrayBuffer ? bufferNumber(value) : value))

function bufferNumber(buffer: SharedArrayBuffer): number {
  const number = bufferNumbers.get(buffer) ?? ++buffersSeen
  bufferNumbers.set(buffer, number)
  return number
}
