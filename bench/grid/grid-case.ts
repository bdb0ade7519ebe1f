/** One case of the grid: which work, on what, from how many threads and with how many requests in flight. */

/** What one operation does. The floor's system calls for each are in floor-job.ts. `raw` is a file that nobody keeps snapshots of. */
export type Work =
  | 'raw-read'
  | 'raw-write'
  | 'origin-read'
  | 'origin-rewrite'
  | 'origin-first-write'
  | 'snapshot-read-store'
  | 'snapshot-read-origin'
  | 'snapshot-first-write-partial'
  | 'snapshot-first-write-whole'
  | 'snapshot-rewrite'

/** `below` is of the figure that the row is about: added latency, time, or memory. */
export type Target =
  | { readonly kind: 'ratio-at-least'; readonly value: number }
  | { readonly kind: 'ratio-at-most'; readonly value: number }
  | { readonly kind: 'below' | 'at-most'; readonly value: number; readonly unit: string }

export interface GridCase {
  readonly work: Work
  readonly snapshots: number
  readonly chunkBytes: number
  readonly ioBytes: number
  readonly order: 'random' | 'sequential'
  readonly workers: number
  readonly depth: number
  /** `N` keeps its list in memory only. `PO` differs from `P` when it is full, which nothing here is. */
  readonly store: 'P' | 'PO' | 'N'
  /** `none` goes with `N`, and with nothing else. */
  readonly durability: 'process-crash' | 'power-loss' | 'none'
  readonly place: 'tmpfs' | 'disk'
  /** `arena`: buffers of `engine.alloc`, which are not copied. `staged`: ordinary ones, which are. */
  readonly buffers: 'arena' | 'staged'
  /** Asynchronous requests to the workers, or synchronous ones on the caller's own thread. */
  readonly calls: 'async' | 'in-place'
  readonly target?: Target
}

const kib = 1024

/** Stable: what `--case` matches and what a record in a file is found by. */
export function caseName(grid: GridCase): string {
  const { buffers, calls, chunkBytes, depth, ioBytes, order, snapshots, work, workers } = grid
  const isSnapshotted = !isRaw(work)
  const parts = [
    work,
    ...(isSnapshotted && work !== 'origin-read' ? [`chunk-${sizeText(chunkBytes)}`] : []),
    ...(isSnapshotted && snapshots !== 1 ? [`snapshots-${snapshots}`] : []),
    ...(order === 'sequential' ? [order] : []),
    `io-${sizeText(ioBytes)}`,
    `workers-${workers}`,
    `depth-${depth}`,
    ...(isSnapshotted ? [promiseText(grid)] : []),
    ...(buffers === 'staged' ? ['staged'] : []),
    ...(calls === 'in-place' ? ['in-place'] : []),
  ]
  return parts.join('/')
}

/** What the store is and survives, and on what it lies unless that is memory. */
function promiseText({ durability, place, store }: GridCase): string {
  const kept = store === 'P' ? durability : store === 'PO' ? `PO-${durability}` : 'N'
  return place === 'tmpfs' ? kept : `${kept}-${place}`
}

/** Works whose operations each need a chunk that has no exception yet. */
export const isFirstWrite = (work: Work): boolean =>
  work === 'origin-first-write' || work === 'snapshot-first-write-partial' || work === 'snapshot-first-write-whole'

const reads: readonly Work[] = ['raw-read', 'origin-read', 'snapshot-read-store', 'snapshot-read-origin']
export const isRead = (work: Work): boolean => reads.includes(work)

export const isRaw = (work: Work): boolean => work === 'raw-read' || work === 'raw-write'

/** Chunks that one operation of a first write breaks; a sequential one goes over several. */
export const chunksPerWrite = ({ chunkBytes, ioBytes }: GridCase): number => Math.max(1, ioBytes / chunkBytes)

/** Where one asynchronous request is in flight the latency of each is the figure; otherwise it is how many there are in a second. */
export const timesEach = ({ calls, depth }: GridCase): boolean => depth === 1 && calls === 'async'

/** Threads of the floor: no more than there are requests to give them. */
export const floorThreads = ({ depth, workers }: GridCase): number => Math.min(depth, workers)

export const sizeText = (bytes: number): string => (bytes < kib * kib ? `${bytes / kib}k` : `${bytes / kib / kib}m`)
