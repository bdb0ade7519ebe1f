/** What can be opened as an origin or a COW, how, and what comes of it. */
import type { BlockFileDescriptor, IoBackend } from './block-file.js'

/**
 * A path of a regular file or block device; or memory: so many bytes of zeroes, or an array. An array on a
 * SharedArrayBuffer is used in place, and its owner sees every change; any other is copied into one.
 */
export type Source = string | { readonly memory: Uint8Array | number }

export interface OpenSourceOptions {
  /** `write` excludes every other open of the source, `read` excludes writers. */
  readonly access: 'read' | 'write'
  /** O_DIRECT: past the page cache. Means nothing for memory. */
  readonly direct?: boolean
  readonly backend: IoBackend
  /** Creates a sparse regular file of this size if the path does not exist, or extends an empty one to it. */
  readonly createBytes?: number
  /** What the source is for, in messages. */
  readonly role: 'origin' | 'COW' | 'device'
}

export interface OpenedSource {
  readonly descriptor: BlockFileDescriptor
  /** Absolute, without symbolic links; `undefined` for memory. */
  readonly path: string | undefined
  /** The last part of the path as it was given, or `memory`. */
  readonly name: string
  /** Equal for two sources exactly if they are the same file, device or region of memory. */
  readonly identity: string
  /** In whole sectors: a last part of a sector is not part of the device. */
  readonly sizeBytes: number
  /** What every offset and length must be a multiple of, in sectors. */
  readonly blockSectors: number
  /** Whether this call made the file. */
  readonly created: boolean
  /**
   * Undoes what opening did to the file system: unlinks the file if this call made it, empties it if this call extended it,
   * and otherwise does nothing. Call it before `close`, while the lock still keeps others out.
   */
  remove(): void
  /** Closes the descriptor and lets go of the lock. Calling it again does nothing. */
  close(): void
}
