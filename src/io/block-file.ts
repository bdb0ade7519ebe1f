/**
 * Positional I/O between one file and the arena: the seam below the engine.
 *
 * The data path never names a file descriptor or a path; it holds a BlockFile. An implementation decides what survives a
 * crash, so a simulated disk is one more implementation.
 *
 * Contract (test/contract/block-file-contract.ts runs it against each implementation):
 * - every call answers 0 or a positive errno; nothing throws and (node:fs apart) no object is made per call;
 * - a transfer that leaves the arena, or has a negative file offset, is a programmer's mistake: an assertion fails;
 * - a read or write moves all its bytes or answers an errno, and then any part of them may have been moved;
 * - reading past the end answers EIO, writing past it ENOSPC, and then nothing has been written: no call changes the size;
 * - `zero` and `discard` take whole sectors; a range that reaches past the end answers ENOSPC and nothing of it has changed. After another errno any part of the range may read as zeroes;
 * - `extent` takes whole sectors inside the file; what it calls a hole reads as zeroes if nobody writes there meanwhile;
 * - `barrier()` answers 0 only if every write that returned before it was called is durable;
 * - calls from several threads on descriptors of one file may overlap.
 */
export interface BlockFile {
  /** Moves `byteLength` bytes of the file at `fileOffset` into the arena at `arenaOffset`. */
  read(arenaOffset: number, byteLength: number, fileOffset: number): number
  /** Moves `byteLength` bytes of the arena at `arenaOffset` into the file at `fileOffset`. */
  write(arenaOffset: number, byteLength: number, fileOffset: number): number
  /** Makes a range read as zeroes, by the cheapest way there is: in a regular file that is a hole. */
  zero(byteLength: number, fileOffset: number): number
  /**
   * Gives the space of a range back to the system; it reads as zeroes afterwards. EOPNOTSUPP where that cannot be done, and
   * then nothing has changed.
   */
  discard(byteLength: number, fileOffset: number): number
  /**
   * How the file goes on at `fileOffset`, for at most `byteLength`: a positive number of bytes of data, or a negative number
   * of bytes of hole (not allocated, reads as zeroes); whole sectors, and 0 only if nothing was asked for. What follows may be
   * of the same kind. Where holes cannot be told, everything is data.
   */
  extent(fileOffset: number, byteLength: number): number
  /** Makes every completed write, zeroing and discard durable (`fdatasync`). */
  barrier(): number
  /** The size in bytes now, which another process may have changed; -1 if it cannot be told. */
  sizeBytes(): number
}

/** Which implementation serves a file: libc through koffi, or node:fs. */
export type IoBackend = 'libc' | 'node'

/** Everything another thread needs to make its own BlockFile of an open file. Plain data: it crosses threads. */
export type BlockFileDescriptor =
  | {
      readonly kind: 'file'
      /** Opened by the coordinator's thread; descriptors are valid in every thread of the process. */
      readonly fd: number
      readonly backend: IoBackend
      readonly isBlockDevice: boolean
      /** Opened with O_DIRECT: places in the arena must be aligned like blocks. */
      readonly isDirect?: boolean
      /** Size in bytes when opened, down to whole sectors; `sizeBytes()` of the BlockFile tells the size of now. */
      readonly sizeBytes: number
      /** Where a barrier that failed is noted, for every thread: see src/shm/flush-failures. */
      readonly flushFailure: SharedArrayBuffer
    }
  | {
      readonly kind: 'memory'
      readonly bytes: SharedArrayBuffer
      readonly byteOffset: number
      readonly sizeBytes: number
    }
  | StackedDescriptor

/** Files made of files: what tables of the mapper resolve to. */
export type StackedDescriptor =
  /** Parts that adjoin, in order, from 0 to `sizeBytes`. */
  | { readonly kind: 'map'; readonly sizeBytes: number; readonly parts: readonly MapPart[] }
  /** Chunks go round the columns; `failures` counts each column's failed transfers. */
  | {
      readonly kind: 'stripes'
      readonly sizeBytes: number
      readonly chunkBytes: number
      readonly columns: readonly { readonly file: BlockFileDescriptor; readonly fileOffset: number }[]
      readonly failures: SharedArrayBuffer
    }
  /** Every transfer fails. */
  | { readonly kind: 'error'; readonly sizeBytes: number }
  /** Reads zeroes, drops what is written. */
  | { readonly kind: 'zero'; readonly sizeBytes: number }
  /** Works for `upMs`, then misbehaves for `downMs`, and so on, counted from `startedMs` of the wall clock. */
  | {
      readonly kind: 'flakey'
      readonly sizeBytes: number
      readonly file: BlockFileDescriptor
      readonly fileOffset: number
      readonly startedMs: number
      readonly upMs: number
      readonly downMs: number
      readonly faults: FlakeyFaults
    }
  /** A volume of the engine below this one: an origin with its snapshots, or a snapshot. Only worker threads can serve it. */
  | { readonly kind: 'volume'; readonly sizeBytes: number; readonly volume: number }

export interface MapPart {
  readonly start: number
  readonly byteLength: number
  readonly file: BlockFileDescriptor
  readonly fileOffset: number
}

type FileDescriptor = Extract<BlockFileDescriptor, { kind: 'file' }>

/** Of every open file that a descriptor leads to. */
export const flushFailuresOf = (descriptor: BlockFileDescriptor): SharedArrayBuffer[] =>
  filesIn(descriptor).map(({ flushFailure }) => flushFailure)

/** True if any open file that a descriptor leads to was opened with O_DIRECT. */
export const isDirect = (descriptor: BlockFileDescriptor): boolean =>
  filesIn(descriptor).some((file) => file.isDirect === true)

function filesIn(descriptor: BlockFileDescriptor): FileDescriptor[] {
  switch (descriptor.kind) {
    case 'file':
      return [descriptor]
    case 'map':
      return descriptor.parts.flatMap(({ file }) => filesIn(file))
    case 'stripes':
      return descriptor.columns.flatMap(({ file }) => filesIn(file))
    case 'flakey':
      return filesIn(descriptor.file)
    default:
      return []
  }
}

export interface FlakeyFaults {
  readonly failReads: boolean
  readonly failWrites: boolean
  /** Writes are answered as done, and are not. */
  readonly dropWrites: boolean
}

export const errno = {
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  EINTR: 4,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const
