/** An export of an NBD server, over one connection with as many requests in flight as there are slots. */
import { errnoName } from '../../base/errno-name.js'
import { NbdQueue, type QueueCommand } from '../../nbd/client/nbd-queue.js'
import { parseNbdUri } from '../../nbd/parse-uri.js'
import { command } from '../../nbd/protocol.js'
import { laneMemory } from './buffers.js'
import type { BlockingQueue } from './queue.js'

/** In the order of the harness' own numbers. */
const commands: readonly QueueCommand[] = [command.read, command.write, command.trim, command.flush]

export class NbdLaneQueue implements BlockingQueue {
  readonly buffers: readonly Uint8Array[]
  readonly completed: Int32Array
  readonly errnos: Int32Array
  readonly connection: NbdQueue

  /** Connects, and blocks until the export is agreed on. Fails as `NbdQueue.connect`. */
  constructor(uri: string, depth: number, bufferBytes: number) {
    this.buffers = laneMemory(depth, bufferBytes).buffers
    this.connection = NbdQueue.connect(parseNbdUri(uri), { slots: this.buffers })
    this.completed = this.connection.completed
    this.errnos = this.connection.errno
  }

  submit(slot: number, what: number, offset: number, byteLength: number): void {
    this.connection.submit(slot, commands[what] as QueueCommand, offset, byteLength)
  }

  wait(timeoutMs: number): number {
    return this.connection.wait(timeoutMs)
  }

  explain(errno: number): string {
    return `the server answered ${errnoName(errno)}`
  }

  close(): void {
    this.connection.close()
  }
}
