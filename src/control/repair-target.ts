/**
 * The COW that a repair writes to.
 *
 * Guarantees: it is not the damaged one, by whatever path; nothing is written to one that is not blank as far as the new store
 * reaches; and it can be taken back: what was made is removed, what was found blank is blank again.
 */
import { statSync } from 'node:fs'
import { CowringError } from '../base/errors.js'
import { type Geometry, validateChunkSectors } from '../format/geometry.js'
import { identityOf, type OpenedSource, openSource } from '../io/open-source.js'
import { bytesOfFile, firstNonZero, type WritableBytes } from './store-bytes.js'

export class RepairTarget {
  readonly #path: string
  #source: OpenedSource | undefined
  #wasEmpty = false
  /** Up to here it may have been written to. */
  #writtenBytes = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Fails with INVALID_ARGUMENT if it is what `source` is. */
  refuse(source: OpenedSource): void {
    if (identityOf(this.#path) !== source.identity) return
    const path = this.#path
    const text = `${path} and ${source.path} are one file. Give the name of a new file; a repair changes nothing in place`
    throw new CowringError('INVALID_ARGUMENT', text, { path })
  }

  /** Opens it; a file that does not exist, or is empty, gets so many bytes. Fails as `openSource` does. */
  open(byteLength: number): WritableBytes {
    const found = statSync(this.#path, { throwIfNoEntry: false })
    this.#wasEmpty = found?.isFile() === true && found.size === 0
    const source = openSource(this.#path, { access: 'write', backend: 'node', role: 'COW', createBytes: byteLength })
    this.#source = source
    const bytes = bytesOfFile(source, 'COW')
    return {
      ...bytes,
      isFresh: source.created || this.#wasEmpty,
      write: (piece, byteOffset) => {
        this.#writtenBytes = Math.max(this.#writtenBytes, byteOffset + piece.byteLength)
        return bytes.write(piece, byteOffset)
      },
    }
  }

  /** After a failure, which is the one to report: that the rest could not be undone would hide it. */
  async takeBack(): Promise<void> {
    const source = this.#source
    if (source === undefined) return
    try {
      source.remove()
      if (source.created || this.#wasEmpty || this.#writtenBytes === 0) return
      const bytes = bytesOfFile(source, 'COW')
      const block = Buffer.alloc(2 ** 20)
      for (let at = 0; at < this.#writtenBytes; at += block.byteLength) {
        await bytes.write(block.subarray(0, Math.min(block.byteLength, this.#writtenBytes - at)), at)
      }
      await bytes.barrier()
    } catch {
      // The device that failed a write may fail this one too.
    }
  }

  close(): void {
    this.#source?.close()
  }
}

/**
 * Looks at every byte that a store of so many chunks may write, at the area behind, and at the first MiB, before the first one
 * is written: a file that begins with zeroes may be anything. Fails with INVALID_ARGUMENT, COW_TOO_SMALL, IO_ERROR.
 */
export async function requireBlank(to: WritableBytes, geometry: Geometry, extent: number): Promise<void> {
  const { chunkBytes, chunkSectors, entriesPerArea } = geometry
  const path = to.name
  const refused = validateChunkSectors(chunkSectors, [to.blockSectors])
  if (refused !== undefined) {
    const text = `chunks of ${chunkSectors} sectors do not fit ${path}: ${refused}`
    throw new CowringError('INVALID_ARGUMENT', text, { path })
  }
  if (to.sizeBytes < extent * chunkBytes) {
    const text = `COW ${path} has ${to.sizeBytes} bytes; the repaired store needs at least ${extent * chunkBytes}`
    throw new CowringError('COW_TOO_SMALL', text, { path, byteLength: to.sizeBytes })
  }
  if (to.isFresh === true) return
  const nextAreaEnd = (extent + entriesPerArea + 1) * chunkBytes
  const odd = await firstNonZero(to, 0, Math.min(to.sizeBytes, Math.max(nextAreaEnd, 2 ** 20)))
  if (odd === undefined) return
  const text = `${path} is not blank: byte ${odd} is not zero. Give the name of a new file; a repair overwrites nothing`
  throw new CowringError('INVALID_ARGUMENT', text, { path, byteOffset: odd })
}
