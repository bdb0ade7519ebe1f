/**
 * The floor of a case: the same system calls for the same work, and nothing else.
 *
 *     steady       one pread or pwrite of the I/O size
 *     first write  per operation: [read its chunks from the origin], write them to every store, [write the I/O to the origin];
 *                  per batch and persistent store: its entries in whole sectors, and for `power-loss` a barrier before and after
 *
 * Of an operation over several chunks, neighbours are copied with calls of as many bytes as the engine's at most.
 *
 * Plain data: it crosses to the threads.
 */
import type { BlockFileDescriptor } from '../../src/io/block-file.js'
import { chunksPerWrite, type GridCase, isRead, type Work } from './grid-case.js'

/** First writes of single chunks that share one block of entries and one pair of barriers. */
export const floorBatch = 32

export interface SteadyJob {
  readonly kind: 'steady'
  readonly file: BlockFileDescriptor
  readonly fileBytes: number
  readonly writes: boolean
  readonly ioBytes: number
  readonly buffers: number
  readonly order: 'random' | 'sequential'
}

export interface FirstWriteJob {
  readonly kind: 'first-write'
  readonly origin: BlockFileDescriptor
  readonly stores: readonly BlockFileDescriptor[]
  readonly chunkBytes: number
  readonly ioBytes: number
  readonly buffers: number
  /** Chunks of one operation, and of a batch of operations. */
  readonly chunksPerWrite: number
  readonly batchChunks: number
  readonly writesEntries: boolean
  readonly readsChunk: boolean
  readonly writesOrigin: boolean
  readonly barriers: boolean
  /** The order in which chunks are written to; each once. */
  readonly chunks: Uint32Array<SharedArrayBuffer>
}

export type FloorJob = SteadyJob | FirstWriteJob

/** A thread's share of the buffers that the engine's caller has: its requests in flight, over the threads. */
const buffersOf = ({ depth, workers }: GridCase): number => Math.ceil(depth / workers)

export function steadyJob(grid: GridCase, file: BlockFileDescriptor, fileBytes: number): SteadyJob {
  const { ioBytes, order, work } = grid
  return { kind: 'steady', file, fileBytes, writes: !isRead(work), ioBytes, buffers: buffersOf(grid), order }
}

export function firstWriteJob(
  grid: GridCase,
  origin: BlockFileDescriptor,
  stores: readonly BlockFileDescriptor[],
  chunks: Uint32Array<SharedArrayBuffer>,
): FirstWriteJob {
  const perWrite = chunksPerWrite(grid)
  return {
    kind: 'first-write',
    origin,
    stores,
    chunkBytes: grid.chunkBytes,
    ioBytes: grid.ioBytes,
    buffers: buffersOf(grid),
    // With one request in flight there is nothing to share entries with.
    chunksPerWrite: perWrite,
    batchChunks: Math.max(perWrite, Math.min(floorBatch, grid.depth)),
    writesEntries: grid.store !== 'N',
    // An origin without snapshots has nowhere to copy to.
    readsChunk: grid.work !== 'snapshot-first-write-whole' && stores.length > 0,
    writesOrigin: grid.work === 'origin-first-write',
    barriers: grid.durability === 'power-loss',
    chunks,
  }
}

/** Steady works on the store; the others are on the origin. */
export const worksOnStore = (work: Work): boolean => work === 'snapshot-read-store' || work === 'snapshot-rewrite'

export interface FloorStart {
  readonly thread: number
  readonly threads: number
  readonly job: FloorJob
  readonly shared: SharedArrayBuffer
  /** Whether every operation is timed; costs the floor two looks at the clock. */
  readonly timesEach: boolean
}

/** Words shared by the threads of one floor. */
export const floorWord = { arrived: 0, nextChunk: 1, count: 2 } as const

/** What a thread answers after a pass; times are milliseconds since the epoch, equal in all threads. */
export interface ThreadPass {
  readonly operations: number
  readonly startedMs: number
  readonly endedMs: number
  readonly medianMicroseconds: number
}
