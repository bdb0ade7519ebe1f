/**
 * An export of an NBD server, whoever runs it. Each lane has a connection of its own. So has the coordinator, but not while lanes make
 * theirs: there are servers that serve one client at a time.
 */
import { errnoName } from '../../base/errno-name.js'
import { CowringError } from '../../index.js'
import { NbdLaneQueue } from '../lane/nbd-lane-queue.js'
import { operation } from '../pattern/requests.js'
import { type LanePlace, type OpenTarget, type Probe, probeBytes, type TargetNeeds } from './open-target.js'

export class NbdTarget implements OpenTarget {
  readonly text: string
  readonly isNew = false
  readonly madeFile = undefined
  readonly #probe: NbdProbe

  private constructor(text: string, queue: NbdLaneQueue) {
    this.text = text
    this.#probe = new NbdProbe(text, queue)
  }

  /** Fails as `NbdQueue.connect`; with READ_ONLY for jobs that write to an export that takes no writes. */
  static open(uri: string, { bufferBytes, writes }: TargetNeeds): NbdTarget {
    const queue = new NbdLaneQueue(uri, 1, probeBytes)
    const { isReadOnly, maximumBytes } = queue.connection.facts
    if (writes && isReadOnly) {
      queue.close()
      throw new CowringError('READ_ONLY', `${uri} takes no writes; its jobs may only read`, { device: uri })
    }
    if (bufferBytes > maximumBytes) {
      queue.close()
      const text = `${uri} takes requests of at most ${maximumBytes} bytes; its jobs ask for ${bufferBytes}: make bs smaller`
      throw new CowringError('INVALID_ARGUMENT', text, { device: uri, byteLength: bufferBytes })
    }
    return new NbdTarget(uri, queue)
  }

  get volumeNames(): readonly string[] {
    return []
  }

  volume(): Probe {
    return this.#probe
  }

  depthOf(asked: number): number {
    return asked
  }

  lanePlace(): LanePlace {
    this.#probe.close()
    return { kind: 'thread', place: { kind: 'nbd', uri: this.text }, transfer: [] }
  }

  async close(): Promise<void> {
    this.#probe.close()
  }
}

class NbdProbe implements Probe {
  readonly name: string
  readonly sizeBytes: number
  /** `undefined` while it is not connected. */
  #queue: NbdLaneQueue | undefined

  constructor(name: string, queue: NbdLaneQueue) {
    this.name = name
    this.sizeBytes = queue.connection.facts.exportBytes
    this.#queue = queue
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#ask(operation.read, offset, into.byteLength)
    into.set((this.#connected().buffers[0] as Uint8Array).subarray(0, into.byteLength))
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    ;(this.#connected().buffers[0] as Uint8Array).set(bytes)
    await this.#ask(operation.write, offset, bytes.byteLength)
  }

  /** It connects again when it is used again. */
  close(): void {
    this.#queue?.close()
    this.#queue = undefined
  }

  #connected(): NbdLaneQueue {
    this.#queue ??= new NbdLaneQueue(this.name, 1, probeBytes)
    return this.#queue
  }

  /** Blocks while the server works; between two requests everything else has its turn. */
  async #ask(what: number, byteOffset: number, byteLength: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    const queue = this.#connected()
    queue.submit(0, what, byteOffset, byteLength)
    queue.wait(-1)
    const errno = queue.errnos[0] as number
    if (errno === 0) return
    const text = `${this.name} cannot be ${what === operation.read ? 'read' : 'written'} at ${byteOffset}: the server answered ${errnoName(errno)}`
    throw new CowringError('IO_ERROR', text, { device: this.name, byteOffset, errno })
  }
}
