/** A device as the control path reads and writes it where a BlockFile of this thread cannot: it lies on volumes of the workers. */
import { CowringError, type ErrorCode } from '../base/errors.js'
import type { Client } from '../coordinator/client.js'
import { Volume } from '../coordinator/volume.js'
import { errno } from '../io/block-file.js'
import type { Route } from '../wire/route.js'
import type { StoreFile } from './store-io.js'

export class RawVolume extends Volume {
  readonly #arenaBytes: Uint8Array

  constructor(client: Client, arena: Uint8Array, route: Route, name: string, sizeBytes: number) {
    const state = { route, sizeBytes, readOnly: false, bufferAlignment: 1 }
    super(client, arena.buffer, { state, name, path: undefined, readOnly: false })
    this.#arenaBytes = arena
  }

  /** The same as a StoreFile: places in the arena, and errnos for answers. */
  asStoreFile(): StoreFile {
    const bytes = (arenaOffset: number, byteLength: number) =>
      this.#arenaBytes.subarray(arenaOffset, arenaOffset + byteLength)
    return {
      read: (arenaOffset, byteLength, fileOffset) => answerOf(this.read(fileOffset, bytes(arenaOffset, byteLength))),
      write: (arenaOffset, byteLength, fileOffset) => answerOf(this.write(fileOffset, bytes(arenaOffset, byteLength))),
      barrier: () => answerOf(this.flush()),
    }
  }

  protected explain(code: ErrorCode, number: number): string {
    return `${code} ${number}`
  }
}

async function answerOf(request: Promise<unknown>): Promise<number> {
  try {
    await request
    return 0
  } catch (error) {
    if (error instanceof CowringError) return error.facts.errno ?? errno.EIO
    throw error
  }
}
