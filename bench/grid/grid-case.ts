/** One case of the grid: which work, on what, from how many threads and with how many requests in flight. */

/** What one operation does. The floor's system calls for each are in floor-job.ts. */
export type Work =
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
  readonly durability: 'process-crash' | 'power-loss'
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
  const parts = [
    grid.work,
    ...(usesSnapshot(grid.work) ? [`chunk-${grid.chunkBytes / kib}k`] : []),
    ...(grid.snapshots > 1 ? [`snapshots-${grid.snapshots}`] : []),
    `io-${ioText(grid.ioBytes)}`,
    `workers-${grid.workers}`,
    `depth-${grid.depth}`,
    grid.place === 'tmpfs' ? grid.durability : `${grid.durability}-${grid.place}`,
    ...(grid.buffers === 'staged' ? ['staged'] : []),
    ...(grid.calls === 'in-place' ? ['in-place'] : []),
  ]
  return parts.join('/')
}

/** Works whose operations each need a chunk that has no exception yet. */
export const isFirstWrite = (work: Work): boolean =>
  work === 'origin-first-write' || work === 'snapshot-first-write-partial' || work === 'snapshot-first-write-whole'

export const isRead = (work: Work): boolean =>
  work === 'origin-read' || work === 'snapshot-read-store' || work === 'snapshot-read-origin'

export const usesSnapshot = (work: Work): boolean => work !== 'origin-read'

/** Where one asynchronous request is in flight the latency of each is the figure; otherwise it is how many there are in a second. */
export const timesEach = ({ calls, depth }: GridCase): boolean => depth === 1 && calls === 'async'

/** Threads of the floor: no more than there are requests to give them. */
export const floorThreads = ({ depth, workers }: GridCase): number => Math.min(depth, workers)

const ioText = (bytes: number): string => (bytes < kib * kib ? `${bytes / kib}k` : `${bytes / kib / kib}m`)
